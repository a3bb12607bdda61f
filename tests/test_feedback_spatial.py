"""The spatial source: counts and relations from boxes."""

import pytest

from feedback.checklist import make_checklist
from feedback.clip import Clip
from feedback.detectors.shapes import ShapesDetector
from feedback.geometry import RELATIONS, margin, relation_between, stands
from feedback.lexicon import OPPOSITE
from feedback.records import Feedback
from feedback.sources.spatial import SpatialSource
from tests.drawing import Thing, draw_clip


def assess(prompt: str, *things: Thing, frames: int = 9) -> Feedback:
    clip: Clip = draw_clip(things, frames=frames, size=(96, 96))
    return SpatialSource(ShapesDetector()).assess(clip, prompt, make_checklist(prompt))


RED = Thing("circle", "red", 24, 48, 10)
BLUE = Thing("square", "blue", 70, 48, 10)


def test_a_relation_that_holds_scores_one_and_needs_no_words():
    feedback = assess("a red ball left of a blue box", RED, BLUE)
    assert feedback.score.value == 1.0
    assert feedback.critique == ""


def test_a_relation_that_is_the_wrong_way_round_is_told():
    feedback = assess("a red ball right of a blue box", RED, BLUE)
    verdict = next(v for v in feedback.verdicts if v.p_yes == 0.0)
    assert verdict.seen == "left of the blue box"
    assert feedback.critique == "the red ball is left of the blue box in 9 of 9 frames (asked: right of)"


def test_a_relation_that_holds_for_a_while_is_graded():
    moving = Thing("circle", "red", 14, 20, 8, dx=8)
    feedback = assess("a red ball left of a blue box", moving, Thing("square", "blue", 48, 70, 8))
    graded = [v.p_yes for v in feedback.verdicts if v.p_yes not in (0.0, 1.0)]
    assert len(graded) == 1


def test_a_thing_that_is_missing_stands_nowhere():
    feedback = assess("a red ball left of a blue box", RED)
    assert "in no frame together" in feedback.critique


@pytest.mark.parametrize(("number", "score"), [("two", 1.0), ("three", 0.0)])
def test_counts_are_exact(number, score):
    feedback = assess(f"{number} red balls", RED, Thing("circle", "red", 70, 48, 10))
    assert feedback.score.value == score
    assert ("2 seen" in feedback.critique) is (score == 0.0)


@pytest.mark.parametrize("prompt", ["a red ball", "a red ball on a black background", "", "zoom in"])
def test_a_prompt_without_counts_or_relations_is_not_scored(prompt):
    score = assess(prompt, RED).score
    assert score.value is None
    assert "asks for no count" in score.why


def test_things_the_detector_does_not_know_are_not_scored():
    score = assess("a cat left of a dog", RED).score
    assert score.value is None
    assert "can't look for 'cat'" in score.why


def test_what_boxes_cannot_tell_is_not_scored():
    feedback = assess("a red ball behind a blue box", RED, BLUE)
    assert [v.seen for v in feedback.verdicts if v.p_yes is None] == ["boxes can't tell 'behind'"]


@pytest.mark.parametrize("middle", [(50, 10), (90, 50), (50, 90), (10, 50), (80, 30)])
def test_a_relation_and_its_opposite_exclude_each_other(middle):
    first = (40.0, 40.0, 60.0, 60.0)
    second = (middle[0] - 8.0, middle[1] - 8.0, middle[0] + 8.0, middle[1] + 8.0)
    assert stands(first, relation_between(first, second), second)
    for relation, opposite in OPPOSITE.items():
        assert not (stands(first, relation, second) and stands(first, opposite, second))
        assert stands(first, relation, second) == stands(second, opposite, first)
        assert margin(first, relation, second) == -margin(first, opposite, second)


def test_a_thing_stands_in_no_relation_to_its_own_place():
    box = (10.0, 10.0, 30.0, 30.0)
    assert not any(stands(box, relation, box) for relation in RELATIONS)


def test_depth_is_not_told_from_boxes():
    with pytest.raises(ValueError, match="behind"):
        stands((0, 0, 1, 1), "behind", (2, 2, 3, 3))
