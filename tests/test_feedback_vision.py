"""Classical vision: shapes, colours and backgrounds whose truth is known because they are drawn."""

import gc
from weakref import ref

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from feedback import vision
from feedback.checklist import make_checklist
from feedback.clip import Clip
from feedback.detectors.shapes import ShapesDetector
from feedback.judges.shapes import ShapesJudge
from feedback.lexicon import SHAPES
from feedback.video_file import read_clip, write_clip
from feedback.vision import Look, look_at
from tests.drawing import RGB, Thing, draw_clip

HUES = [colour for colour in RGB if colour not in ("black", "white", "gray")]


def look(*things: Thing, size: int = 96, **options) -> Look:
    return look_at(draw_clip(things, frames=1, size=(size, size), **options).frames[0])


def names(seen: Look) -> list[tuple[str, str]]:
    return sorted((thing.colour, thing.shape) for thing in seen.things)


@pytest.mark.parametrize("colour", HUES)
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("background", ["black", "white", "gray"])
def test_every_shape_and_colour_is_named_on_every_background(shape, colour, background):
    seen = look(Thing(shape, colour, 40, 50, 14), background=background)
    assert names(seen) == [(colour, shape)]
    assert seen.background == background


@pytest.mark.parametrize("size", [32, 64, 160, 320, 512])
@pytest.mark.parametrize("shape", SHAPES)
def test_size_does_not_matter(shape, size):
    seen = look(Thing(shape, "red", size * 0.4, size * 0.6, size * 0.17), size=size)
    assert names(seen) == [("red", shape)]
    assert seen.things[0].box == pytest.approx(np.array([0.23, 0.43, 0.57, 0.77]) * size, abs=0.02 * size + 1)


@pytest.mark.parametrize("shape", SHAPES)
def test_a_radius_of_five_pixels_is_enough(shape):
    assert names(look(Thing(shape, "yellow", 30, 30, 5), size=64)) == [("yellow", shape)]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("sigma_px", [0.8, 1.5])
def test_a_blurred_rim_is_no_thing_of_its_own(shape, sigma_px):
    frame = draw_clip([Thing(shape, "orange", 30, 30, 9)], frames=1, size=(64, 64), background="white").frames[0]
    assert names(look_at(cv2.GaussianBlur(frame, (0, 0), sigma_px))) == [("orange", shape)]


@pytest.mark.parametrize("shape", SHAPES)
def test_noise_changes_nothing(shape):
    for seed in range(5):
        assert names(look(Thing(shape, "green", 40, 40, 12), noise=6, seed=seed)) == [("green", shape)]


@pytest.mark.parametrize("size", [64, 160])
def test_a_compressed_clip_reads_as_it_was_drawn(tmp_path, size):
    things = [Thing("triangle", "purple", size * 0.3, size * 0.3, size * 0.12), Thing("square", "cyan", size * 0.7, size * 0.7, size * 0.12)]  # fmt: skip  # noqa: E501
    write_clip(draw_clip(things, frames=3, size=(size, size)), tmp_path / "clip.mp4", crf=23)
    for frame in read_clip(tmp_path / "clip.mp4").frames:
        assert names(look_at(frame)) == [("cyan", "square"), ("purple", "triangle")]


def test_touching_things_of_different_colours_are_told_apart():
    seen = look(Thing("square", "red", 34, 48, 14), Thing("square", "blue", 62, 48, 14))
    assert names(seen) == [("blue", "square"), ("red", "square")]


def test_a_thing_partly_behind_another_keeps_its_shape():
    seen = look(Thing("circle", "red", 40, 48, 16), Thing("square", "blue", 60, 56, 12))
    assert names(seen) == [("blue", "square"), ("red", "circle")]


@pytest.mark.parametrize("shape", ["circle", "square"])
def test_a_thing_partly_out_of_the_frame_keeps_its_shape(shape):
    assert names(look(Thing(shape, "green", 6, 48, 18))) == [("green", shape)]


def test_the_largest_comes_first():
    seen = look(Thing("circle", "red", 25, 25, 8), Thing("circle", "blue", 65, 65, 16))
    assert [thing.colour for thing in seen.things] == ["blue", "red"]


def test_an_empty_frame_shows_only_its_background():
    assert look(background="white") == Look([], "white", 1.0)


@settings(max_examples=40, deadline=None)
@given(arrays(np.uint8, st.tuples(st.integers(1, 70), st.integers(1, 70), st.just(3))))
def test_any_frame_can_be_looked_at(frame):
    for thing in look_at(frame).things:
        assert 0 <= thing.confidence <= 1
        left, top, right, bottom = thing.box
        assert 0 <= left < right <= frame.shape[1] + 1
        assert 0 <= top < bottom <= frame.shape[0] + 1


def test_the_same_frame_gives_the_same_look():
    frame = Clip(np.random.default_rng(0).integers(0, 255, (1, 50, 60, 3), np.uint8), 8).frames[0]
    assert look_at(frame) == look_at(frame)


def test_a_clip_is_looked_at_once_and_forgotten_with_it(monkeypatch):
    looked_at = list[int]()
    monkeypatch.setattr(vision, "look_at", lambda frame: looked_at.append(1) or look_at(frame))
    clip = draw_clip([Thing("circle", "red", 30, 48, 16)], frames=3, size=(96, 96))
    assert vision.look_at_clip(clip) == [look_at(frame) for frame in clip.frames]
    ShapesJudge().ask(clip, make_checklist("a red circle"))
    ShapesDetector().detect(clip, ["red circle"])
    assert len(looked_at) == 3
    kept = ref(clip)
    del clip
    gc.collect()
    assert kept() is None
