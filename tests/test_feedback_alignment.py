"""The alignment source, and the contract that all sources keep."""

from collections.abc import Sequence

import numpy as np
import pytest

from feedback.checklist import make_checklist
from feedback.clip import Clip
from feedback.detectors.shapes import ShapesDetector
from feedback.judges.shapes import ShapesJudge
from feedback.records import Question, Verdict
from feedback.registry import SOURCES, SourceSettings, open_sources
from feedback.source import FeedbackSource
from feedback.sources.alignment import AlignmentSource
from feedback.sources.scripted import ScriptedSource
from tests import conformance_feedback_source as conformance
from tests.drawing import Thing, draw_clip


class FixedJudge:
    def __init__(self, *answers: float | None):
        self.answers = answers

    def ask(self, clip: Clip, questions: Sequence[Question]) -> list[Verdict]:
        return [
            Verdict(question_id=question.id, p_yes=p, seen="" if p is not None else "too dark")
            for question, p in zip(questions, self.answers, strict=True)
        ]


def draw() -> Clip:
    things = [Thing("circle", "red", 20, 40, 10, dy=4), Thing("square", "blue", 75, 40, 10)]
    return draw_clip(things, frames=8, size=(96, 96))


def clips() -> dict[str, Clip]:
    noise = np.random.default_rng(0).integers(0, 255, (3, 33, 47, 3), np.uint8)
    return {"drawn": draw(), "noise": Clip(noise, 8), "one frame": Clip(noise[:1], 8), "black": Clip(noise * 0, 8)}


def sources() -> list[FeedbackSource]:
    return [
        *open_sources(
            [name for name in SOURCES if name != "videoscore2"],  # It is a model of the hub.
            ShapesJudge(),
            ShapesDetector(),
            SourceSettings(similarity_model="histogram", consistency_model="histogram"),
        ),
        ScriptedSource(lambda clip, prompt, asked: 0.5),
    ]


@pytest.mark.parametrize("clip", clips().values(), ids=clips())
@pytest.mark.parametrize("source", sources(), ids=lambda source: source.name)
def test_every_source_keeps_the_contract(source, clip):
    conformance.check_it_signs_its_feedback(source, clip)
    conformance.check_scores_are_shares_or_have_a_reason(source, clip)
    conformance.check_verdicts_answer_questions_of_the_checklist(source, clip)
    conformance.check_it_repeats_itself(source, clip)
    conformance.check_feedback_is_json_plain(source, clip)


def test_the_score_is_the_mean_of_what_could_be_answered():
    checklist = make_checklist("a cat, a dog and a cow")
    feedback = AlignmentSource(FixedJudge(1.0, None, 0.5)).assess(draw(), "", checklist)
    assert feedback.score.value == pytest.approx(0.75)
    assert feedback.evidence == {"questions": 3, "answered": 2}


def test_no_answers_leave_it_unscored_with_the_judges_reason():
    score = AlignmentSource(FixedJudge(None)).assess(draw(), "", make_checklist("a cat")).score
    assert score.value is None
    assert "too dark" in score.why


def test_a_prompt_without_questions_leaves_it_unscored():
    score = AlignmentSource(FixedJudge()).assess(draw(), "!", []).score
    assert score.value is None
    assert "nothing that can be checked" in score.why


def test_the_critique_says_what_fails_and_what_is_seen_instead():
    prompt = "a red ball moves right, two blue boxes"
    feedback = AlignmentSource(ShapesJudge()).assess(draw(), prompt, make_checklist(prompt))
    assert feedback.critique.splitlines() == [
        '"red ball moves right": not shown, moves down instead',
        '"2 blue boxes": not shown, 1 seen instead',
    ]


def test_nothing_wrong_nothing_said():
    prompt = "a red ball moves down"
    assert AlignmentSource(ShapesJudge()).assess(draw(), prompt, make_checklist(prompt)).critique == ""
