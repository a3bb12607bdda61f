"""What a vision language model is shown and asked, and what its answer is worth, without any model."""

import logging
from collections.abc import Sequence

import numpy as np
import pytest
from drawing import Thing, draw_clip
from hypothesis import given
from hypothesis import strategies as st

from feedback.clip import Clip
from feedback.judges.vlm import (
    FRAMES,
    LONG_SIDE,
    RATING,
    YES_NO,
    Asked,
    Masses,
    Shown,
    answer_in,
    ask_model,
    read_answer,
    show,
    word,
)
from feedback.records import Question

THERE = Question(id="q1", kind="object", text="Is there a red ball?", phrase="red ball", subject="red ball")
STYLE = Question(id="q2", kind="style", text="Is the style of the video: watercolor?", phrase="", value="watercolor")
MOVES = Question(id="q3", kind="action", text="Is the ball rolling?", phrase="rolls", subject="ball", value="rolls")

shares = st.floats(0.0, 1.0)


def blank(frames: int, height: int = 8, width: int = 8) -> Clip:
    return Clip(np.zeros((frames, height, width, 3), np.uint8), 8.0)


@given(st.integers(1, 300))
def test_frames_are_distinct_in_order_and_include_the_first_and_the_last(count: int) -> None:
    shown = show(blank(count, 2, 2))
    assert len(shown.frames) == len(shown.indices) == min(FRAMES, count)
    assert shown.indices[0] == 0
    assert shown.indices[-1] == count - 1
    assert shown.indices == sorted(set(shown.indices))


@given(st.integers(1, 1200), st.integers(1, 1200))
def test_frames_are_never_enlarged_and_keep_their_shape(height: int, width: int) -> None:
    frame = show(blank(1, height, width)).frames[0]
    scale = min(1.0, LONG_SIDE / max(height, width))
    assert frame.dtype == np.uint8
    assert max(frame.shape) <= LONG_SIDE
    assert abs(frame.shape[0] - height * scale) <= 1
    assert abs(frame.shape[1] - width * scale) <= 1


def test_a_question_comes_with_the_times_of_the_frames_and_how_to_answer() -> None:
    asked = word(THERE, show(draw_clip([Thing()], frames=3, fps=2)))
    assert "3 frames" in asked.text
    assert "0.0, 0.5, 1.0 seconds" in asked.text
    assert THERE.text in asked.text
    assert asked.text.endswith(YES_NO.instruction)


def test_a_style_is_rated_and_anything_else_is_a_yes_or_no() -> None:
    shown = show(blank(2))
    assert word(STYLE, shown).scale is RATING
    assert word(THERE, shown).scale is YES_NO
    assert word(MOVES, shown).scale is YES_NO


@pytest.mark.parametrize("token", ["yes", "Yes", "YES", " yes", "▁Yes", "Ġyes", "Yes.", "**yes"])
def test_an_answer_is_known_in_every_spelling(token: str) -> None:
    assert answer_in(token, YES_NO) == "yes"


@pytest.mark.parametrize("token", ["", "yesterday", "y", "nope", "not", "1", "ye s"])
def test_other_words_are_no_answers(token: str) -> None:
    assert answer_in(token, YES_NO) is None


@given(shares, shares)
def test_p_yes_is_the_share_of_yes_among_the_answers(yes: float, no: float) -> None:
    total = max(1.0, yes + no)
    masses = {"yes": yes / total, "no": no / total}
    verdict = read_answer(THERE, YES_NO, masses, least_mass=0.0)
    if yes + no == 0:
        assert verdict.p_yes is None
        return
    assert verdict.p_yes == pytest.approx(yes / (yes + no))


@given(st.lists(shares, min_size=5, max_size=5).filter(lambda given: sum(given) > 0.01))
def test_a_rating_is_its_expected_value_between_0_and_1(given: list[float]) -> None:
    masses = {str(digit): share / 5 for digit, share in enumerate(given, start=1)}
    expected = sum(digit * share for digit, share in enumerate(given, start=1)) / sum(given)
    verdict = read_answer(STYLE, RATING, masses, least_mass=0.0)
    assert verdict.p_yes == pytest.approx((expected - 1) / 4, abs=1e-6)


def test_too_little_mass_on_answers_is_unknown_with_the_reason_and_no_zero() -> None:
    verdict = read_answer(THERE, YES_NO, {"yes": 0.4, "no": 0.0}, least_mass=0.5)
    assert verdict.p_yes is None
    assert verdict.seen == "the model put 40% of its probability on yes or no: it was not answering"


def test_the_mass_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "feedback"):
        read_answer(THERE, YES_NO, {"yes": 0.6, "no": 0.2}, least_mass=0.5)
    assert caplog.messages == ["Is there a red ball? P(yes) 0.750; 0.800 of the probability on yes or no"]


def test_what_one_frame_cannot_show_is_not_asked() -> None:
    heard: list[Asked] = []

    def model(shown: Shown, asked: Sequence[Asked]) -> list[Masses | str]:
        heard.extend(asked)
        return [{"yes": 1.0, "no": 0.0} if "ball?" in one.text else "no idea" for one in asked]

    verdicts = ask_model(model, blank(1), [MOVES, THERE, MOVES, STYLE], least_mass=0.5)
    assert [verdict.question_id for verdict in verdicts] == ["q3", "q1", "q3", "q2"]
    assert [verdict.p_yes for verdict in verdicts] == [None, 1.0, None, None]
    assert [verdict.seen for verdict in verdicts] == [
        "one frame shows no action",
        "",
        "one frame shows no action",
        "no idea",
    ]
    assert len(heard) == 2
