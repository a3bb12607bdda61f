import json

import cv2
import numpy as np
import pytest
from drawing import Thing, draw_clip
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from feedback.checklist import make_checklist
from feedback.clip import Clip
from feedback.detectors.shapes import ShapesDetector
from feedback.movement import dynamic_degree, measure_movement
from feedback.records import Feedback, Question
from feedback.sources.motion import MotionSource

DIRECTIONS = {"left": (-1, 0), "right": (1, 0), "up": (0, -1), "down": (0, 1)}
OPPOSITE = {"left": "right", "right": "left", "up": "down", "down": "up"}
DETECTORS = pytest.mark.parametrize("detector", [None, ShapesDetector()], ids=["flow alone", "with a detector"])


@pytest.fixture(autouse=True, scope="module")
def _one_thread():
    before = cv2.getNumThreads()
    cv2.setNumThreads(1)
    yield
    cv2.setNumThreads(before)


def motion(clip: Clip, prompt: str, detector=None) -> Feedback:
    return MotionSource(detector).assess(clip, prompt, make_checklist(prompt))


def ball(way: str, speed: float, side: int = 160, **more):
    """A ball that moves about the middle, at `speed` in px of a picture 160 px wide; sizes grow with `side`."""
    unit = side / 160
    dx, dy = (part * speed * unit for part in DIRECTIONS[way])
    options = {"frames": 7, "noise": 2, "background": "gray", "size": (side, side)} | more
    half = (options["frames"] - 1) / 2
    return draw_clip(
        [Thing("circle", "red", 80 * unit - dx * half, 80 * unit - dy * half, 16 * unit, dx, dy)], **options
    )


@pytest.mark.parametrize("way", DIRECTIONS)
@pytest.mark.parametrize("speed", [0.5, 1, 2, 4, 6])
def test_speed_and_direction_are_measured_in_pixels_per_frame(way, speed):
    evidence = motion(ball(way, speed), "a red ball").evidence
    wanted = np.array(DIRECTIONS[way]) * speed
    tolerance = max(0.2, 0.15 * speed)
    assert evidence["subject_velocity_px_per_frame"] == pytest.approx(wanted, abs=tolerance)
    assert evidence["subject_speed_px_per_frame"] == pytest.approx(speed, abs=tolerance)


@pytest.mark.parametrize(("way", "texture"), [("left", True), ("right", False), ("up", False), ("down", True)])
@DETECTORS
def test_what_was_asked_scores_high_and_the_opposite_low(way, texture, detector):
    clip = ball(way, 3, texture=texture)
    right, wrong = (motion(clip, f"a red ball moves {word}", detector) for word in (way, OPPOSITE[way]))
    assert right.score.value > 0.9
    assert right.critique == ""
    assert wrong.score.value < 0.2
    assert f"asked: red ball moves {OPPOSITE[way]}; measured: moves {way} at" in wrong.critique


@pytest.mark.parametrize("side", [64, 160, 320])
@DETECTORS
def test_the_same_motion_in_a_larger_picture_scores_the_same(side, detector):
    for word, high in (("right", True), ("up", False)):
        value = motion(ball("right", 2, side), f"a red ball moves {word}", detector).score.value
        assert (value > 0.9) if high else (value < 0.1)
    speed = motion(ball("right", 2, side), "a red ball").evidence["subject_speed_width_share_per_second"]
    assert speed == pytest.approx(2 / 160 * 8, rel=0.15)


@pytest.mark.parametrize(("side", "shape"), [(64, "circle"), (64, "square"), (160, "triangle"), (320, "square")])
@DETECTORS
def test_a_still_thing_under_grain_reads_as_still(side, shape, detector):
    word = {"circle": "ball", "square": "box", "triangle": "triangle"}[shape]
    unit = side / 160
    clip = draw_clip([Thing(shape, x=80 * unit, y=80 * unit, radius=18 * unit)], size=(side, side), noise=2, frames=7)
    assert motion(clip, f"a red {word} stays still", detector).score.value > 0.8
    feedback = motion(clip, f"a red {word} moves", detector)
    assert feedback.score.value < 0.2
    assert not feedback.evidence["is_dynamic"]


def test_stillness_earns_nothing_when_no_motion_was_asked_for():
    clip = draw_clip([Thing()], noise=2)
    feedback = motion(clip, "a red ball on a black background")
    assert feedback.score.value is None
    assert "no motion is asked for" in feedback.score.why


def test_even_motion_that_nobody_asked_for_is_scored_by_its_smoothness():
    even = motion(ball("right", 4), "a red ball")
    frames = ball("right", 4).frames
    halting = motion(Clip(frames[[0, 0, 2, 2, 4, 4, 6, 6]], 8), "a red ball")
    assert even.score.value == even.scores[1].value > 0.8
    assert halting.score.value < 0.3
    assert "jerky" in halting.critique


@DETECTORS
def test_a_thing_that_moves_does_not_pass_as_still(detector):
    feedback = motion(ball("up", 2), "a red ball stays still", detector)
    assert feedback.score.value < 0.1
    assert "moves up" in feedback.critique


@DETECTORS
def test_two_objects_moving_apart_do_not_read_as_still(detector):
    things = [Thing(x=70, y=45, dx=-3), Thing(x=90, y=115, dx=3)]
    clip = draw_clip(things, noise=2, frames=7, background="gray")
    assert motion(clip, "two red balls move apart", detector).score.value > 0.9
    assert motion(clip, "two red balls stay still", detector).score.value < 0.1
    evidence = motion(clip, "two red balls").evidence
    assert evidence["subject_speed_px_per_frame"] == pytest.approx(3, abs=0.45)
    assert evidence["subject_direction_agreement"] < 0.3


def test_no_direction_is_claimed_for_one_of_two_things_that_part_unless_a_detector_tells_them_apart():
    things = [Thing("circle", "red", 70, 45, dx=-3), Thing("square", "blue", 90, 115, dx=3)]
    clip = draw_clip(things, noise=2, frames=7, background="gray")
    prompt = "a red ball moves left and a blue box moves right"
    blind = motion(clip, prompt)
    assert blind.score.value is None
    assert "can't be told" in blind.score.why
    assert motion(clip, prompt, ShapesDetector()).score.value > 0.9
    swapped = motion(clip, "a red ball moves right and a blue box moves left", ShapesDetector())
    assert swapped.score.value < 0.1


@DETECTORS
def test_a_pan_over_a_still_thing_is_not_motion_of_the_thing(detector):
    clip = draw_clip([Thing(x=60, dx=3)], texture=True, pan=(3, 0), noise=2, frames=7, background="gray")
    assert motion(clip, "a red ball moves right", detector).score.value < 0.1
    assert motion(clip, "a red ball stays still", detector).score.value > 0.8
    evidence = motion(clip, "a red ball").evidence
    assert evidence["camera_background_velocity_px_per_frame"] == pytest.approx((3, 0), abs=0.2)


@DETECTORS
def test_a_thing_that_the_camera_follows_moves_though_it_stays_in_the_middle(detector):
    clip = draw_clip([Thing()], texture=True, pan=(3, 0), noise=2, frames=7, background="gray")
    assert motion(clip, "a red ball moves left", detector).score.value > 0.9
    assert motion(clip, "a red ball stays still", detector).score.value < 0.1


def test_a_known_subject_that_no_frame_shows_does_not_move_as_asked():
    feedback = motion(ball("left", 3), "a blue box moves left", ShapesDetector())
    assert feedback.score.value == 0
    assert "no blue box is seen" in feedback.critique


def test_a_subject_that_the_detector_does_not_know_is_judged_by_what_moves():
    assert motion(ball("left", 3), "a dog runs to the left", ShapesDetector()).score.value > 0.9


def test_a_thing_seen_too_rarely_to_follow_is_unscored_with_the_reason():
    frames = draw_clip(frames=9, background="gray").frames.copy()
    frames[4] = draw_clip([Thing()], frames=1, background="gray").frames[0]
    feedback = motion(Clip(frames, 8), "a red ball moves left", ShapesDetector())
    assert feedback.score.value is None
    assert "1 of 9 frames" in feedback.score.why


def test_actions_that_are_no_screen_motion_get_no_verdict():
    question = Question(
        id="q", kind="action", text="Does the man smile?", phrase="man smiles", subject="man", value="smiles"
    )
    assert MotionSource().assess(ball("left", 3), "a man smiles", [question]).verdicts == []


@pytest.mark.parametrize(("fps", "dynamic"), [(8, False), (24, True)])
def test_the_dynamic_degree_counts_motion_per_eighth_of_a_second(fps, dynamic):
    clip = draw_clip(texture=True, pan=(2, 0), frames=25, fps=fps, background="gray")  # threshold: 6 * 160 / 256 px
    assert dynamic_degree(clip) is dynamic


def test_figures_are_the_same_for_the_same_clip_and_other_for_another():
    one, same, other = (measure_movement(ball("left", 2, seed=seed)).speeds for seed in (1, 1, 2))
    assert np.array_equal(one, same)
    assert not np.array_equal(one, other)


@settings(max_examples=15, deadline=None)
@given(st.tuples(st.integers(1, 4), *[st.integers(1, 37)] * 2, st.just(3)).flatmap(lambda s: arrays(np.uint8, s)))
def test_scores_stay_in_range_or_have_a_reason_for_any_pixels(frames):
    prompt = "a red ball moves left and a dog stays still"
    for detector in (None, ShapesDetector()):
        feedback = motion(Clip(frames, 8), prompt, detector)
        assert all(score.why if score.value is None else 0 <= score.value <= 1 for score in feedback.scores)
        json.dumps(feedback.model_dump(), allow_nan=False)


def test_one_frame_has_no_motion():
    feedback = motion(draw_clip([Thing()], frames=1), "a red ball moves left")
    assert feedback.score.value is None
    assert "one frame" in feedback.score.why
