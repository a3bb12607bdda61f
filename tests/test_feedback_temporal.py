import json

import numpy as np
import pytest
from drawing import Thing, draw_clip
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from feedback.clip import Clip
from feedback.records import Feedback
from feedback.sources.temporal import TemporalSource
from feedback.video_file import read_clip, write_clip

SIDES = pytest.mark.parametrize("side", [64, 160, 320])
GROUNDS = pytest.mark.parametrize("texture", [False, True], ids=["plain", "textured"])


def temporal(clip: Clip) -> Feedback:
    return TemporalSource().assess(clip, "", [])


def scores(clip: Clip) -> dict[str, float | None]:
    return {score.name: score.value for score in temporal(clip).scores}


def scene(side: int = 160, texture: bool = False, shape="circle", colour="red", dx=4.0, **more) -> Clip:
    unit = side / 160
    thing = Thing(shape, colour, 45 * unit, 80 * unit, 17 * unit, dx * unit)
    return draw_clip([thing], **{"size": (side, side), "texture": texture, "background": "gray", "noise": 2} | more)


def lit(clip: Clip, gains) -> Clip:
    frames = clip.frames * np.array(gains, float)[:, None, None, None]
    return Clip(np.clip(np.rint(frames), 0, 255).astype(np.uint8), clip.fps)


@SIDES
@GROUNDS
def test_a_thing_that_moves_evenly_is_consistent_and_says_nothing(side, texture):
    feedback = temporal(scene(side, texture))
    assert feedback.score.value > 0.9
    assert feedback.critique == ""
    assert not feedback.evidence["is_frozen"]


@GROUNDS
def test_stillness_gains_little_over_motion(texture):
    moving, still = (scores(scene(texture=texture, dx=dx))["temporal"] for dx in (5, 0))
    assert still - moving < 0.06


@SIDES
@GROUNDS
def test_a_cut_is_found_at_its_frame(side, texture):
    clip = Clip(
        np.concatenate(
            [scene(side, texture).frames[:7], scene(side, texture, "square", "blue", background="green").frames[:5]]
        ),
        8,
    )
    feedback = temporal(clip)
    assert feedback.evidence["cut_frames"] == [7]
    assert feedback.score.value < 0.4
    assert "cut at frame 7 (0.9 s)" in feedback.critique


def test_a_thing_that_turns_into_another_is_no_consistent_subject():
    clip = Clip(np.concatenate([scene().frames[:6], scene(colour="blue", shape="square").frames[6:]]), 8)
    assert scores(clip)["subject_consistency"] < 0.8
    assert scores(clip)["background_consistency"] > 0.95


def test_a_background_that_drifts_to_another_colour_is_named_and_dated():
    near, far = scene(background="gray").frames.astype(float), scene(background="green").frames
    share = np.linspace(0, 1, 12)[:, None, None, None]
    feedback = temporal(Clip(np.rint((1 - share) * near + share * far).astype(np.uint8), 8))
    assert "the background changes most at frame 11 (1.4 s)" in feedback.critique


@SIDES
@GROUNDS
def test_light_that_alternates_is_flicker(side, texture):
    clip = lit(scene(side, texture), [1, 0.9] * 6)
    assert scores(clip)["flicker"] < 0.4
    assert "the light flickers, most at frame" in temporal(clip).critique


@SIDES
@GROUNDS
def test_a_fade_is_neither_flicker_nor_a_cut(side, texture):
    faded = scores(lit(scene(side, texture), np.linspace(0.2, 1, 12)))
    assert faded["flicker"] > 0.98
    assert faded["cuts"] == 1


@GROUNDS
def test_things_that_move_are_no_flicker(texture):
    things = [Thing(x=60, y=40, dx=-5, colour="white"), Thing("square", "black", 90, 110, 22, dx=6)]
    assert scores(draw_clip(things, texture=texture, background="gray", noise=2))["flicker"] > 0.95


def test_a_frozen_clip_is_reported_but_not_punished():
    feedback = temporal(Clip(np.repeat(scene().frames[:1], 10, axis=0), 8))
    assert feedback.evidence["is_frozen"]
    assert feedback.score.value == 1


def test_a_frozen_clip_is_still_recognised_after_encoding(tmp_path):
    write_clip(Clip(np.repeat(scene(side=300).frames[:1], 10, axis=0), 8), tmp_path / "a.mp4")
    assert temporal(read_clip(tmp_path / "a.mp4")).evidence["is_frozen"]


def test_a_small_thing_that_creeps_is_not_frozen():
    clip = scene(dx=0.25, noise=0, size=(640, 480))
    assert temporal(clip).evidence["repeated_frames"] == []


def test_frames_that_stick_are_listed():
    clip = Clip(scene().frames[[0, 1, 1, 1, 2, 3]], 8)
    assert temporal(clip).evidence["repeated_frames"] == [2, 3]


def test_a_black_clip_scores_nothing_and_says_so():
    feedback = temporal(draw_clip())
    assert feedback.score.value == 0
    assert feedback.critique == "black picture: all frames"


def test_blank_frames_are_dated():
    frames = scene().frames.copy()
    frames[8:] = 200
    feedback = temporal(Clip(frames, 8))
    assert feedback.evidence["blank_frames"] == [8, 9, 10, 11]
    assert "blank picture: 4 frames from frame 8 (1.0 s)" in feedback.critique


def test_one_frame_is_unscored_and_two_have_no_flicker_yet():
    assert temporal(scene(frames=1)).score.value is None
    assert scores(scene(frames=2))["flicker"] is None
    assert scores(scene(frames=2))["temporal"] > 0.9


@settings(max_examples=40, deadline=None)
@given(st.tuples(st.integers(1, 4), *[st.integers(1, 37)] * 2, st.just(3)).flatmap(lambda s: arrays(np.uint8, s)))
def test_scores_stay_in_range_or_have_a_reason_for_any_pixels(frames):
    feedback = temporal(Clip(frames, 8))
    assert all(score.why if score.value is None else 0 <= score.value <= 1 for score in feedback.scores)
    json.dumps(feedback.model_dump(), allow_nan=False)
