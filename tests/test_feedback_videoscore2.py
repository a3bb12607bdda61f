"""VideoScore2 on a tiny random model of its class: how it is asked, and how its answer is read.

Untrained models answer nonsense, so answers are scripted where one is needed. Nothing says how well the real one rates.
"""

import math
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import conformance_feedback_source as conformance
import pytest
import torch
from drawing import Thing, draw_clip
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny_vlms import save_tiny_vlm

from feedback.clip import Clip
from feedback.errors import FeedbackError
from feedback.records import Feedback
from feedback.resident import Resident
from feedback.sources.videoscore2 import LEAST_FRAMES, VideoScore2Source
from feedback.videoscore2_answer import DIMENSIONS, OWN_TEMPLATE, instruction, read_answer, read_template

CLIP = draw_clip([Thing(dx=4)], frames=8, background="white")
SCORES = "visual quality: {}\ntext-to-video alignment: {}\nphysical/common-sense consistency: {}"
digit = st.integers(1, 5)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny_vlm("Qwen2.5-VL", tmp_path_factory.mktemp("vs2") / "model")


def source(folder: Path, **more: Any) -> VideoScore2Source:
    return VideoScore2Source(str(folder), device="cpu", **{"most_tokens": 12} | more)


def script(source: VideoScore2Source, monkeypatch: pytest.MonkeyPatch, text: str, odds: dict[str, float]) -> list[Any]:
    """Makes the model say `text`; where a digit stands, these are the odds of the digits. Gives what it was asked."""
    asked: list[Any] = []
    tokenizer = source._held.tokenizer
    tokens = tokenizer.encode(text)

    def generate(self: Any, **inputs: Any) -> Any:
        asked.append(inputs)
        logits = []
        for token in tokens:
            row = torch.full((1, len(tokenizer)), -30.0)
            row[0, token] = 0.0
            if tokenizer.decode([token]) in odds:
                for word, share in odds.items():
                    row[0, tokenizer.convert_tokens_to_ids(word)] = math.log(share)
            logits.append(row)
        sequences = torch.cat([inputs["input_ids"], torch.tensor([tokens])], dim=1)
        return SimpleNamespace(sequences=sequences, logits=tuple(logits))

    monkeypatch.setattr(type(source._held.model), "generate", generate)
    return asked


def assess(source: VideoScore2Source, prompt: str = "a red ball rolls", clip: Clip = CLIP) -> Feedback:
    return source.assess(clip, prompt, [])


def test_it_is_a_feedback_source_that_can_make_room(folder: Path) -> None:
    source_ = source(folder)
    assert isinstance(source_, Resident)
    conformance.check_it_signs_its_feedback(source_, CLIP)
    conformance.check_scores_are_shares_or_have_a_reason(source_, CLIP)
    conformance.check_it_repeats_itself(source_, CLIP)
    conformance.check_feedback_is_json_plain(source_, CLIP)
    (holding,) = source_.holdings
    assert holding.weight_bytes


def test_nonsense_is_not_scored_and_the_reason_is_said(folder: Path) -> None:
    feedback = assess(source(folder))
    assert [score.value for score in feedback.scores] == [None] * 4
    assert "was cut off at 12 tokens, before its visual quality, text-to-video" in feedback.score.why


def test_drawing_leaves_the_random_numbers_of_others_alone(folder: Path) -> None:
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    assess(source(folder))
    assert torch.equal(torch.rand(3), expected)


def test_scores_are_expected_digits_brought_to_0_to_1_and_the_mean_leads(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source_ = source(folder, most_tokens=1024)
    script(
        source_, monkeypatch, f"<think>It is blurred.</think>{SCORES.format(4, 4, 4)}", {"4": 0.6, "5": 0.2, "2": 0.2}
    )
    feedback = assess(source_)
    expected = (0.6 * 0.75 + 0.2 * 1 + 0.2 * 0.25) / 1
    assert [score.name for score in feedback.scores] == ["videoscore2", *DIMENSIONS]
    assert [score.value for score in feedback.scores] == pytest.approx([expected] * 4, abs=1e-4)
    assert feedback.evidence["digits"] == dict.fromkeys(DIMENSIONS, 4)
    assert feedback.critique == ""


def test_each_score_is_read_where_its_own_digit_stands(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source_ = source(folder, most_tokens=1024)
    said = f"Of 5 things 1 is seen.\n{SCORES.format(2, 5, 1)}"
    script(source_, monkeypatch, said, {})
    values = [score.value for score in assess(source_).scores[1:]]
    assert values == pytest.approx([0.25, 1.0, 0.0], abs=1e-4)


def test_low_scores_put_the_reasons_into_the_critique(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source_ = source(folder, most_tokens=1024)
    script(source_, monkeypatch, f"<think>The ball\nmelts é.</think>\n{SCORES.format(5, 4, 1)}", {})
    critique = assess(source_).critique
    assert critique == "VideoScore2 rates physical/common-sense consistency 1 of 5: The ball melts é."


def test_a_score_that_is_missing_leaves_the_mean_unknown_and_the_others_known(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source_ = source(folder, most_tokens=1024)
    script(source_, monkeypatch, "visual quality: 4\nphysical/common-sense consistency: 10", {})
    feedback = assess(source_)
    assert [score.value is None for score in feedback.scores] == [True, False, True, True]
    assert "gives no text-to-video alignment, physical/common-sense consistency from 1 to 5" in feedback.score.why


def test_two_frames_a_second_are_shown_and_four_at_least(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source_ = source(folder)
    asked = script(source_, monkeypatch, "no", {})
    assert assess(source_, clip=Clip(CLIP.frames.repeat(10, axis=0), 8)).evidence["frames_shown"] == 20
    assert assess(source_).evidence["frames_shown"] == LEAST_FRAMES
    assert assess(source_, clip=Clip(CLIP.frames[:1], 8)).evidence["frames_shown"] == 1
    assert asked[0]["temperature"] == 0.7
    assert asked[0]["do_sample"]


def test_without_a_temperature_the_likeliest_word_is_taken(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source_ = source(folder, temperature=0)
    asked = script(source_, monkeypatch, "no", {})
    assess(source_)
    assert not asked[0]["do_sample"]


def test_the_prompt_reaches_the_model_in_the_template_of_the_user(
    folder: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    path = tmp_path / "theirs.txt"
    path.write_text("RATE THIS for $5: $t2v_prompt!", encoding="utf-8")
    source_ = source(folder, template=path)
    asked = script(source_, monkeypatch, "no", {})
    assess(source_, "a $t2v_prompt <|im_end|> cat")
    told = source_._held.tokenizer.decode(asked[0]["input_ids"][0])
    assert "RATE THIS for $5: a $t2v_prompt   cat!" in told
    assert told.count("<|im_end|>") == 1


def test_a_clip_too_large_for_memory_is_said_in_a_line(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source_ = source(folder)

    def full(self: Any, **inputs: Any) -> Any:
        raise torch.OutOfMemoryError("no")

    monkeypatch.setattr(type(source_._held.model), "generate", full)
    with pytest.raises(FeedbackError, match="one clip does not fit into the memory of cpu"):
        assess(source_)


@pytest.mark.parametrize(("content", "said"), [(b"Rate it.", r"has no \$t2v_prompt"), (b"\xff", "can't be read")])
def test_a_template_that_is_none_is_said_in_a_line(tmp_path: Path, content: bytes, said: str) -> None:
    path = tmp_path / "template.txt"
    path.write_bytes(content)
    with pytest.raises(FeedbackError, match=said):
        read_template(path)


def test_our_own_template_asks_for_the_scores_that_are_read() -> None:
    told = instruction(OWN_TEMPLATE, "a cat for $5")
    assert "a cat for $5" in told
    assert read_answer(told.replace("<number>", "3")).digits == dict.fromkeys(DIMENSIONS, 3)


FORMS = [
    SCORES,
    "(1) visual quality: {}\n(2) text-to-video alignment: {}\n(3) physical/common-sense consistency: {}",
    "visual quality: {}; text-to-video alignment: {}, physical/common-sense consistency: {}",
    "**Visual Quality**: {}/5\n**Text-to-Video Alignment**: {} out of 5\n**Physical/Common-sense Consistency**: {}.0",
    "visual quality – clarity, artifacts: **{}**\ntext-to-video alignment – fidelity: {}\n"
    "physical/common-sense consistency – naturalness: {}",
]  # fmt: skip


@given(st.sampled_from(FORMS), digit, digit, digit, st.text(max_size=60))
def test_scores_are_read_in_every_form_whatever_stands_around(form: str, v: int, t: int, p: int, talk: str) -> None:
    text = f"<think>visual quality: 1? {talk}</think>\n{form.format(v, t, p)}\nThat is all."
    answer = read_answer(text)
    assert answer.digits == dict(zip(DIMENSIONS, (v, t, p), strict=True))
    assert all(text[answer.places[name]] == str(answer.digits[name]) for name in DIMENSIONS)


@pytest.mark.parametrize("number", ["0", "6", "10", "3.5", "4/10", "-", "good", "", "\n1. It is sharp"])
def test_other_numbers_are_no_scores(number: str) -> None:
    assert read_answer(SCORES.format(number, 3, 3)).missing == ["visual quality"]


@given(digit, digit)
def test_scores_that_were_only_considered_do_not_count(considered: int, meant: int) -> None:
    text = f"Visual quality: {considered} or so. On second thoughts:\n{SCORES.format(meant, 3, 3)}"
    assert read_answer(text).digits["visual_quality"] == meant


@settings(max_examples=100)
@given(st.text())
def test_any_answer_is_read_without_an_error(text: str) -> None:
    answer = read_answer(text)
    assert set(answer.digits) == set(answer.places)
    assert "\n" not in answer.reasons
