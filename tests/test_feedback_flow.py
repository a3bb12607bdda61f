import cv2
import numpy as np
import pytest
from drawing import Thing, draw_clip

from feedback.clip import Clip
from feedback.flow import camera_motion, flow_fields, residual_flow, texture_masks


@pytest.fixture(autouse=True)
def _one_thread():
    before = cv2.getNumThreads()
    cv2.setNumThreads(1)
    yield
    cv2.setNumThreads(before)


def camera_of(clip: Clip):
    field, mask = flow_fields(clip)[0], texture_masks(clip)[0]
    scale = clip.width / field.shape[1]
    camera = camera_motion(field, mask, scale)
    return camera, residual_flow(field, camera, scale), mask


def warped(matrix: np.ndarray) -> Clip:
    """Two frames of texture, the second moved by the 2 x 3 matrix."""
    first = draw_clip(texture=True, frames=1, size=(240, 200), background="gray").frames[0]
    second = cv2.warpAffine(first, matrix, (240, 200), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT)
    return Clip(np.stack([first, second]), 8)


@pytest.mark.parametrize("pan", [(0.5, 0), (-1.5, 0.7), (0, 3), (6, -4)])
@pytest.mark.parametrize("side", [64, 160, 320])
def test_flow_of_a_panned_texture_is_the_pan(pan, side):
    clip = draw_clip(texture=True, pan=pan, size=(side, side), frames=3, background="gray", noise=2)
    fields = flow_fields(clip)
    margin = max(1, round(10 * fields.shape[1] / side))
    middle = np.median(fields[:, margin:-margin, margin:-margin], axis=(0, 1, 2))
    assert middle == pytest.approx(pan, abs=0.2)
    assert fields.dtype == np.float32


def test_plain_ground_counts_as_without_texture_also_under_grain():
    clip = draw_clip([Thing(radius=20)], frames=3, noise=4, background="gray")
    masks = texture_masks(clip)
    assert not masks[:, :40].any()
    assert masks.any()


def test_a_pan_is_found_beside_a_thing_that_moves_otherwise():
    clip = draw_clip(
        [Thing(radius=22, dx=-3)], texture=True, pan=(2, 1), size=(240, 200), frames=2, background="gray", noise=2
    )
    camera, rest, mask = camera_of(clip)
    assert camera.known
    assert camera.shift_px == pytest.approx((2, 1), abs=0.2)
    assert camera.zoom == pytest.approx(1, abs=0.003)
    assert np.median(np.hypot(*np.moveaxis(rest[mask], -1, 0))) < 0.2


@pytest.mark.parametrize(("zoom", "degrees"), [(1.03, 0), (0.97, 0), (1, 1.5), (1.02, -1)])
def test_zoom_and_turn_are_told_from_a_pan(zoom, degrees):
    camera, _, _ = camera_of(warped(cv2.getRotationMatrix2D((120, 100), -degrees, zoom)))
    assert camera.known
    assert camera.zoom == pytest.approx(zoom, abs=0.004)
    assert camera.turn_degrees == pytest.approx(degrees, abs=0.2)
    assert np.hypot(*camera.shift_px) < 0.4


def test_one_thing_that_crosses_plain_ground_is_not_a_moving_camera():
    clip = draw_clip([Thing(dx=4)], frames=2, background="gray", noise=2)
    camera, _, _ = camera_of(clip)
    assert not camera.known
    assert camera.shift_px == (0, 0)


def test_a_red_thing_on_an_equally_bright_ground_is_seen_to_move():
    frames = np.full((2, 96, 96, 3), (0, 0, 226), np.uint8)  # luma 26 of 255, as the red below
    for t, x in enumerate((30, 36)):
        frames[t, 30:60, x : x + 30] = (87, 0, 0)
    clip = Clip(frames, 8)
    speeds = flow_fields(clip)[texture_masks(clip)]
    assert np.median(speeds[:, 0]) == pytest.approx(6, abs=0.5)


def test_same_clip_same_flow_and_other_clip_other_flow():
    one, same, other = (flow_fields(draw_clip([Thing(dx=2)], noise=2, frames=3, seed=seed)) for seed in (1, 1, 2))
    assert np.array_equal(one, same)
    assert not np.array_equal(one, other)


@pytest.mark.parametrize("size", [(1, 1), (3, 200), (200, 3), (17, 33), (255, 129)])
def test_frames_of_any_size_have_a_flow(size):
    clip = draw_clip(size=size, frames=2, noise=40)
    fields, masks = flow_fields(clip), texture_masks(clip)
    assert fields.shape[:3] == masks.shape
    assert np.isfinite(fields).all()


def test_one_frame_has_no_field():
    fields = flow_fields(draw_clip(frames=1))
    assert fields.shape == (0, 160, 160, 2)
    assert len(texture_masks(draw_clip(frames=1))) == 0
