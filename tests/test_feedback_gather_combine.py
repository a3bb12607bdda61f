"""All sources on one clip, and one assessment of them; sources, judges and detectors by name."""

import logging

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from feedback.clip import Clip
from feedback.combine import combine_feedback
from feedback.detectors.shapes import ShapesDetector
from feedback.errors import FeedbackError
from feedback.gather import gather_feedback
from feedback.judges.shapes import ShapesJudge
from feedback.records import Feedback, Question, Score, Verdict
from feedback.registry import SOURCES, SourceSettings, open_detector, open_judge, open_sources
from feedback.sources.scripted import ScriptedSource

CLIP = Clip(np.zeros((2, 8, 8, 3), np.uint8), 8)
QUESTIONS = [Question(id=f"q{n}", kind="object", text="?", phrase="it", subject="it") for n in (1, 2, 3)]


def said(source: str, value: float | None, critique: str = "", **answers: float | None) -> Feedback:
    return Feedback(
        source=source,
        scores=[Score(name=source, value=value, why="" if value is not None else "no idea")],
        verdicts=[
            Verdict(question_id=name, p_yes=p, seen="" if p is not None else "dark") for name, p in answers.items()
        ],
        critique=critique,
    )


def test_every_source_is_asked_in_order():
    sources = [ScriptedSource([0.1], "a"), ScriptedSource([0.2], "b")]
    assert [(f.source, f.score.value) for f in gather_feedback(sources, CLIP, "p", [])] == [("a", 0.1), ("b", 0.2)]


def test_a_source_that_fails_is_unscored_and_logged(caplog):
    sources = [ScriptedSource([RuntimeError("out of\nmemory")], "bad"), ScriptedSource([0.2], "good")]
    with caplog.at_level(logging.WARNING):
        bad, good = gather_feedback(sources, CLIP, "p", [])
    assert (bad.score.value, bad.score.why) == (None, "RuntimeError: out of memory")
    assert good.score.value == 0.2
    assert "'bad' failed" in caplog.text


@pytest.mark.parametrize("stop", [KeyboardInterrupt, SystemExit])
def test_a_wish_to_stop_passes(stop):
    def say(clip, prompt, checklist):
        raise stop

    with pytest.raises(stop):
        gather_feedback([ScriptedSource(say)], CLIP, "p", [])


def test_a_scripted_source_says_its_lines_and_repeats_the_last():
    source = ScriptedSource([0.1, None, 0.3])
    assert [source.assess(CLIP, "p", []).score.value for _ in range(4)] == [0.1, None, 0.3, 0.3]
    with pytest.raises(ValueError, match="empty list"):
        ScriptedSource([])


def test_overall_is_the_mean_of_the_scored_dimensions():
    assessment = combine_feedback([said("a", 0.2), said("b", 0.8), said("c", None)], [])
    assert assessment.overall == pytest.approx(0.5)
    assert assessment.dimensions == {"a": 0.2, "b": 0.8, "c": None}
    assert assessment.intent is None


def test_weights_count():
    assessment = combine_feedback([said("a", 0.2), said("b", 0.8)], [], weights={"a": 3})
    assert assessment.overall == pytest.approx((3 * 0.2 + 0.8) / 4)
    assert combine_feedback([said("a", 0.2)], [], weights={"a": 0}).overall is None
    with pytest.raises(ValueError, match="'a'"):
        combine_feedback([], [], weights={"a": -1})


def test_nothing_scored_is_not_zero():
    assessment = combine_feedback([said("a", None)], QUESTIONS)
    assert (assessment.overall, assessment.intent, assessment.failing) == (None, None, [])


def test_intent_is_the_mean_over_questions_not_over_answers():
    feedbacks = [said("a", 1.0, q1=1.0, q2=0.0, q3=None), said("b", 1.0, q1=0.5), said("c", 1.0, q1=0.0)]
    assessment = combine_feedback(feedbacks, QUESTIONS)
    assert assessment.intent == pytest.approx((0.5 + 0.0) / 2)
    assert assessment.failing == ["q2"]


def test_the_critique_repeats_no_line():
    assessment = combine_feedback([said("a", 0.1, "too dark\nno cat"), said("b", 0.1, "no cat\n"), said("c", 0.1)], [])
    assert assessment.critique == "too dark\nno cat"


shares = st.one_of(st.none(), st.floats(0, 1))


@given(st.lists(st.tuples(shares, shares), max_size=6), st.floats(0, 1e300))
def test_combined_values_stay_shares(given_scores, weight):
    feedbacks = [said(f"s{n}", value, q1=answer) for n, (value, answer) in enumerate(given_scores)]
    assessment = combine_feedback(feedbacks, QUESTIONS, weights={"s0": weight})
    assert assessment.overall is None or 0 <= assessment.overall <= 1


WITHOUT_MODELS = SourceSettings(similarity_model="histogram", consistency_model="histogram")


def test_every_name_opens():
    names = [name for name in SOURCES if name != "videoscore2"]  # It is a model of the hub.
    sources = open_sources(names, open_judge("shapes"), open_detector("shapes"), WITHOUT_MODELS)
    assert [source.name for source in sources] == names
    assert open_detector("none") is None


def test_a_model_that_can_not_be_had_is_one_clear_line():
    with pytest.raises(FeedbackError, match=r"TIGER-Lab/VideoScore2 .* check its name, the network"):
        open_sources(["videoscore2"], ShapesJudge(), None)
    with pytest.raises(FeedbackError, match="openai/clip-vit-base-patch32"):
        open_sources(["similarity"], ShapesJudge(), None)
    with pytest.raises(FeedbackError, match="--detector-model"):
        open_detector("zero-shot")


def test_ones_own_classes_open_by_path():
    assert isinstance(open_judge("feedback.judges.shapes:ShapesJudge"), ShapesJudge)
    assert isinstance(open_detector("feedback.detectors.shapes:ShapesDetector"), ShapesDetector)
    assert open_sources(["feedback.sources.temporal:TemporalSource"], ShapesJudge(), None)[0].name == "temporal"


@pytest.mark.parametrize(
    ("names", "words"),
    [
        (["aligment"], "known: alignment, spatial, temporal, motion"),
        (["motion", "motion"], "more than once"),
        (["spatial"], "needs a detector"),
        (["no.such.module:Source"], "not there: no.such.module"),
        (["feedback.combine:Nothing"], "has no 'Nothing'"),
    ],
)
def test_a_wrong_name_is_told_in_one_sentence(names, words):
    with pytest.raises(FeedbackError, match=words):
        open_sources(names, ShapesJudge(), None)


@pytest.mark.parametrize("opener", [open_judge, open_detector])
def test_unknown_judges_and_detectors_list_the_known(opener):
    with pytest.raises(FeedbackError, match="known: shapes"):
        opener("eye")
