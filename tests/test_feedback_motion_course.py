"""How things move in the course of a clip, held against clips that are drawn, so that the truth is known."""

from collections.abc import Callable

import cv2
import numpy as np
import pytest
from drawing import Thing, draw_clip
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from feedback.clip import Clip
from feedback.motion_course import MotionCourse, RegionCourse, measure_course

WAYS = {"left": (-1, 0), "right": (1, 0), "up": (0, -1), "down": (0, 1), "up and right": (0.7, -0.7)}
few = settings(max_examples=5, deadline=None)


@pytest.fixture(autouse=True, scope="module")
def _one_thread():
    before = cv2.getNumThreads()
    cv2.setNumThreads(1)
    yield
    cv2.setNumThreads(before)


def film(where: Callable[[int], list[Thing]], frames: int = 12, side: int = 160, noise: float = 2) -> Clip:
    """Each frame drawn by itself, with grain of its own: things may move in any way."""
    drawn = [
        draw_clip(where(t), frames=1, noise=noise, seed=t, background="gray", size=(side, side)).frames[0]
        for t in range(frames)
    ]
    return Clip(np.stack(drawn), 8)


def only(course: MotionCourse) -> RegionCourse:
    (region,) = course.regions
    return region


def straight(way: str, speed: float, acceleration: float = 0.0, frames: int = 12, side: int = 160) -> Clip:
    """A ball that crosses the middle on a straight line, with `speed` px/frame in the first step."""
    dx, dy = WAYS[way]
    gone = [speed * t + acceleration * t * (t - 1) / 2 for t in range(frames)]
    unit = side / 160
    middle = [80 + (along - gone[-1] / 2) * np.array([dx, dy]) for along in gone]
    return film(lambda t: [Thing(x=middle[t][0] * unit, y=middle[t][1] * unit, radius=14 * unit)], frames, side)


@few
@given(st.sampled_from(sorted(WAYS)), st.floats(1, 6))
def test_even_motion_has_one_speed_one_direction_and_no_acceleration(way, speed):
    region = only(measure_course(straight(way, speed)))
    wanted = speed * np.hypot(*WAYS[way])
    assert region.direction == [way] * 3
    assert region.speed_px_per_frame == pytest.approx([wanted] * 3, abs=max(0.25, 0.12 * wanted))
    assert np.abs(region.acceleration_px_per_frame2).max() < 0.08
    assert not region.is_cell


@few
@given(st.sampled_from(["left", "right", "up", "down"]), st.floats(0.3, 0.8))
def test_acceleration_is_measured_and_told(way, acceleration):
    course = measure_course(straight(way, 0.5, acceleration))
    region, words = only(course), course.in_words()
    assert region.acceleration_px_per_frame2 == pytest.approx(np.array(WAYS[way]) * acceleration, abs=0.12)
    assert region.speed_px_per_frame == sorted(region.speed_px_per_frame)
    assert "speeds up" in words
    assert f"per frame {way}" in words


@few
@given(st.floats(0.3, 0.7))
def test_what_brakes_slows_down_against_its_direction(braking):
    course = measure_course(straight("right", 0.8 + 11 * braking, -braking))
    assert only(course).direction == ["right"] * 3
    assert "slows down" in course.in_words()
    assert "per frame left" in course.in_words()


def test_a_thrown_ball_goes_up_and_comes_down_and_its_acceleration_points_down_all_along():
    clip = film(lambda t: [Thing(x=20 + 5 * t, y=120 - 14 * t + 0.75 * t * t, radius=12)], frames=16)
    region = only(measure_course(clip))
    assert region.direction[0].startswith("up")
    assert region.direction[2].startswith("down")
    assert region.acceleration_px_per_frame2 == pytest.approx((0, 1.5), abs=0.2)
    assert region.place.startswith("lower left to")


def test_two_that_go_opposite_ways_are_two_and_neither_cancels():
    things = [Thing(x=110, y=45, dx=-3), Thing(x=50, y=115, dx=3)]
    course = measure_course(draw_clip(things, noise=2, background="gray"))
    assert sorted(region.direction[0] for region in course.regions) == ["left", "right"]
    for region in course.regions:
        assert region.speed_px_per_frame == pytest.approx([3, 3, 3], abs=0.4)


@pytest.mark.parametrize(("rate", "told", "way"), [(0.05, "grows", "outwards"), (-0.05, "shrinks", "inwards")])
def test_what_grows_in_place_moves_outwards_and_does_not_cancel(rate, told, way):
    course = measure_course(film(lambda t: [Thing(radius=24 * (1 + rate) ** t)], frames=9))
    region = only(course)
    assert region.growth_per_frame == pytest.approx((1 + rate) ** 2 - 1, abs=0.025)
    assert region.direction == [way] * 3
    assert min(region.speed_px_per_frame) > 0.4
    assert f"its area {told} by" in course.in_words()


def test_what_only_moves_keeps_its_size():
    assert "its area" not in measure_course(straight("left", 4)).in_words()


@few
@given(st.floats(-4, 4), st.floats(-4, 4))
def test_a_panned_camera_over_a_still_scene_is_no_motion_of_things(right, down):
    clip = draw_clip([], frames=6, texture=True, pan=(right, down), noise=1)
    course = measure_course(clip)
    assert course.regions == []
    assert course.camera_known_share == 1
    assert course.camera_background_velocity_px_per_frame == pytest.approx((right, down), abs=0.3)
    assert course.in_words().endswith("Nothing moves.")


def test_the_cameras_part_is_taken_off_a_thing_that_moves():
    clip = draw_clip([Thing(x=40, dx=5)], texture=True, pan=(2, 0), noise=2)
    course = measure_course(clip)
    assert only(course).speed_px_per_frame == pytest.approx([3, 3, 3], abs=0.7)
    assert "carries the background right at 2.0 px/frame" in course.in_words()


@pytest.mark.parametrize("side", [64, 160, 320])
def test_speeds_grow_with_the_picture_and_their_share_of_the_width_does_not(side):
    course = measure_course(straight("right", 3, side=side))
    speed = only(course).speed_px_per_frame[1]
    assert speed * course.fps / course.width == pytest.approx(3 * 8 / 160, rel=0.15)


@pytest.mark.parametrize("side", [64, 160, 320])
def test_a_still_clip_with_grain_does_not_move(side):
    course = measure_course(film(lambda t: [Thing("square", x=side / 2, y=side / 2, radius=side / 9)], side=side))
    assert course.regions == []


def test_a_crowd_is_told_by_the_cells_of_a_grid():
    rng = np.random.default_rng(0)
    places, speeds = rng.uniform(10, 150, (25, 2)), rng.uniform(-3, 3, (25, 2))
    things = [Thing(x=x, y=y, radius=5, dx=dx, dy=dy) for (x, y), (dx, dy) in zip(places, speeds, strict=True)]
    course = measure_course(draw_clip(things, noise=2, background="gray"))
    assert 6 <= len(course.regions) <= 9
    assert all(region.is_cell for region in course.regions)
    assert "grid cell upper left" in course.in_words()


def test_what_moves_only_at_the_end_has_no_speed_before():
    def where(t: int) -> list[Thing]:
        return [Thing(x=60 + 5 * max(0, t - 6))]

    region = only(measure_course(film(where, frames=12)))
    assert region.speed_px_per_frame[0] is None
    assert region.direction[0] == ""
    assert region.speed_px_per_frame[2] == pytest.approx(5, abs=0.6)


def test_a_piece_of_the_clip_reversed_moves_the_other_way():
    clip = straight("down", 0.5, 0.6)
    course = measure_course(Clip(clip.frames[::-1], clip.fps))
    assert only(course).direction == ["up"] * 3
    assert "slows down" in course.in_words()


@settings(max_examples=15, deadline=None)
@given(arrays(np.uint8, st.tuples(st.integers(2, 5), st.integers(1, 40), st.integers(1, 40), st.just(3))))
def test_any_clip_of_two_frames_has_a_course_that_is_json_plain(frames):
    course = measure_course(Clip(frames, 8))
    assert MotionCourse.model_validate_json(course.model_dump_json()) == course
    assert course.in_words()


def test_one_frame_has_no_course():
    with pytest.raises(ValueError, match="no motion"):
        measure_course(draw_clip([Thing()], frames=1))
