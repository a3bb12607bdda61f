"""The self-test says how far a judge can be trusted, and finds out those that can't."""

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from command import retake
from fakes import fast_config
from serve import completion, fake_openai
from tiny_vlms import save_tiny_vlm

from agent.doctor import Finding, examine
from agent.errors import UsageError
from feedback.clip import Clip
from feedback.judge_self_test import BASICS, Trust, examine_judge
from feedback.judges.shapes import ShapesJudge
from feedback.judges.vlm_local import LocalVLMJudge
from feedback.records import Question, Verdict

Answer = Callable[[Clip, Question], float | None]
_seen: dict[tuple[bytes, str], float] = {}


class Judging:
    """A judge by a function of the clip and the question."""

    def __init__(self, answer: Answer):
        self.answer = answer

    def ask(self, clip: Clip, questions: Sequence[Question]) -> list[Verdict]:
        return [
            Verdict(question_id=question.id, p_yes=self.answer(clip, question), seen="shrug") for question in questions
        ]


def truly(clip: Clip, question: Question) -> float:
    """What the shapes judge sees, looked up when the same clips come again."""
    key = clip.frames.tobytes(), question.text
    if key not in _seen:
        p_yes = ShapesJudge().ask(clip, [question])[0].p_yes
        assert p_yes is not None
        _seen[key] = p_yes
    return _seen[key]


def blind_to_time(clip: Clip, question: Question) -> float:
    return (truly(clip, question) + truly(Clip(clip.frames[::-1], clip.fps), question)) / 2


def sees_one_frame(clip: Clip, question: Question) -> float:
    return truly(Clip(clip.frames[:1].repeat(clip.num_frames, 0), clip.fps), question)


def inclined_to_yes(clip: Clip, question: Question) -> float:
    return 0.6 + 0.4 * truly(clip, question)


def reads_left_only(clip: Clip, question: Question) -> float:
    return truly(clip, question) if question.value != "right of" else 1 - truly(clip, question)


def shrug(clip: Clip, question: Question) -> float | None:
    return None if question.kind == "count" else truly(clip, question)


def trust(answer: Answer) -> dict[str, Trust]:
    return {one.skill: one.trust for one in examine_judge(Judging(answer))}


def test_a_judge_that_sees_all_is_trusted_in_all() -> None:
    assert set(trust(truly).values()) == {"good"}


def test_a_judge_that_says_yes_to_all_is_trusted_in_nothing() -> None:
    assert set(trust(lambda clip, question: 1.0).values()) == {"none"}


@pytest.mark.parametrize(
    ("answer", "blind_to"),
    [
        (blind_to_time, {"order of frames"}),
        (sees_one_frame, {"order of frames", "motion"}),
        (reads_left_only, {"swapped words"}),
        (shrug, {"counts"}),
    ],
)
def test_what_a_judge_cannot_see_is_found_and_nothing_else(answer: Answer, blind_to: set[str]) -> None:
    assert {skill for skill, how in trust(answer).items() if how == "none"} == blind_to


def test_one_inclined_to_yes_ranks_clips_but_does_not_measure_them() -> None:
    found = trust(inclined_to_yes)
    assert {how for skill, how in found.items() if skill != "swapped words"} == {"weak"}


def test_a_model_of_random_weights_is_found_out(tmp_path: Path) -> None:
    judge = LocalVLMJudge(str(save_tiny_vlm("LLaVA", tmp_path)), device="cpu", least_mass=0.0)
    assert {one.trust for one in examine_judge(judge)} == {"none"}


def test_figures_are_in_the_words() -> None:
    (said,) = (one.said for one in examine_judge(Judging(truly)) if one.skill == "objects")
    assert said == (
        "2 of 2 pairs told apart, 4 of 4 answers right; mean P(yes) 1.00 where it is so, 0.00 where it is not"
    )


def look(**overrides: object) -> dict[str, Finding]:
    return {finding.what: finding for finding in examine(fast_config(retrieve__graph="none", **overrides))}


def test_the_doctor_tests_a_judge_that_was_named_and_breaks_on_one_that_sees_nothing(tmp_path: Path) -> None:
    found = look(assess__judge="vlm", assess__judge_model=str(save_tiny_vlm("Gemma3", tmp_path)))
    assert found["sources"].said.endswith("judge vlm, detector shapes")
    assert {found[f"judge: {skill}"].state for skill in BASICS} == {"broken"}
    assert found["judge: order of frames"].state == "note"


def test_the_doctor_leaves_the_shapes_judge_alone() -> None:
    assert not [what for what in look() if what.startswith("judge")]


def test_the_doctor_names_a_judge_that_breaks_down(monkeypatch: pytest.MonkeyPatch) -> None:
    def breaks(self: object, clip: Clip, questions: Sequence[Question]) -> list[Verdict]:
        raise RuntimeError("no light\nin here")

    monkeypatch.setattr(ShapesJudge, "ask", breaks)
    found = look(assess__judge="feedback.judges.shapes:ShapesJudge")
    assert found["judge"] == Finding("judge", "broken", "RuntimeError: no light in here")


def test_the_command_tests_the_judge_behind_an_endpoint() -> None:
    with fake_openai(completion("Yes")) as server:
        done = retake(
            "doctor", "--renderer=painter", "--graph=none", "--embedder=hashing", "--judge=vlm-endpoint",
            f"--judge-base-url={server.base_url}", "--judge-model=yes-sayer",
        )  # fmt: skip
    assert done.returncode == 1, done.stdout + done.stderr
    assert "!!  judge: objects  0 of 2 pairs told apart, 2 of 4 answers right" in done.stdout


@pytest.mark.parametrize(
    ("overrides", "said"),
    [
        ({"judge": "vlm"}, "judge 'vlm' needs --judge-model"),
        ({"judge": "vlm-endpoint", "judge_model": "m"}, "needs --judge-base-url and --judge-model"),
        ({"judge_base_url": "http://me:secret@host/v1"}, "must hold no user, password or query"),
    ],
)
def test_settings_of_a_judge_that_do_not_fit_are_refused(overrides: dict[str, str], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        fast_config(**{f"assess__{name}": value for name, value in overrides.items()})
