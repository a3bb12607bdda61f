"""What moves in a clip, the camera's part taken off: figures from optical flow."""

from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np

from feedback.clip import Clip
from feedback.flow import CameraMotion, camera_motion, flow_fields, residual_flow, texture_masks, work_pictures
from feedback.tracking import Path

_MOVES_WORK_PX = 0.35
"""A place moves when its flow beats this, in px of the work picture per frame: above what grain of 2/255 does to most
places of a still thing's outline."""
_LEAST_AREA = 0.003
"""Of the picture: fewer moving places than this are noise."""
_CORE = 0.6
"""Flow is smeared over outlines: velocity is taken where flow is at least this share of its 95th percentile."""


@dataclass(frozen=True)
class Movement:
    """Motion of everything but the camera, over one clip."""

    velocities: np.ndarray
    """float [t-1, 2], (right, down) in px/frame: how the moving part moves, all zero where nothing does."""
    speeds: np.ndarray
    """float [t-1], px/frame: how fast, whichever way. Things that move apart do not cancel."""
    agreement: float
    """0..1: how far the moving places go one way; 1 for one direction, 0 for opposite ones. 1 when nothing moves."""
    moving_share: float
    """Mean share of the picture that moves."""
    cameras: list[CameraMotion]
    """One for each pair of frames."""
    warp_error: float
    """0..1: mean difference of the grey of textured places to where the flow says they came from."""
    dynamic: bool
    """Whether the clip moves by `dynamic_degree`'s rule, the camera's motion included."""

    @cached_property
    def camera_shifts(self) -> np.ndarray:
        """How the background moves in the middle of the picture, float [t-1, 2], (right, down) in px/frame."""
        return np.array([camera.shift_px for camera in self.cameras])

    @property
    def path(self) -> Path:
        """Where the moving part as a whole gets to."""
        return _path_along(self.velocities)

    @property
    def travelled(self) -> Path:
        """How far it moves in all, as a straight line to the right."""
        return _path_along(np.stack([self.speeds, np.zeros_like(self.speeds)], 1))

    @property
    def jerk(self) -> float | None:
        """How unevenly things and camera move: median change of the change of speed, per mean speed.

        0 for even motion and steady acceleration, 4 for a clip that stops at every other frame. None below 4 frames.
        """
        if len(self.speeds) < 3:
            return None
        speeds = self.speeds + np.hypot(*self.camera_shifts.T)
        return float(np.median(np.abs(np.diff(speeds, n=2))) / max(speeds.mean(), 0.5))

    def follow(self, path: Path) -> Path:
        """The same path as it would be with a camera that stands still."""
        frames = np.arange(path.frames[0], path.frames[-1] + 1)
        points = np.stack([np.interp(frames, path.frames, path.points[:, axis]) for axis in (0, 1)], 1)
        carried = [self.cameras[t].at(point[None])[0] for t, point in zip(frames[:-1], points[:-1], strict=True)]
        drift = np.concatenate([np.zeros((1, 2)), np.cumsum(np.reshape(carried, (-1, 2)), axis=0)])
        return Path(path.frames, path.points - drift[path.frames - frames[0]])


def measure_movement(clip: Clip) -> Movement:
    """What moves in a clip of two frames or more."""
    fields, masks = flow_fields(clip), texture_masks(clip)
    scale = clip.width / fields.shape[2]
    cameras = [camera_motion(field, mask, scale) for field, mask in zip(fields, masks, strict=True)]
    parts = [
        _moving_part(residual_flow(field, camera, scale), mask, scale)
        for field, mask, camera in zip(fields, masks, cameras, strict=True)
    ]
    velocities, speeds, agreements, shares = (np.array(values) for values in zip(*parts, strict=True))
    moving = speeds > 0
    return Movement(
        velocities,
        speeds,
        float(agreements[moving].mean()) if moving.any() else 1.0,
        float(shares.mean()),
        cameras,
        _warp_error(work_pictures(clip), fields / scale, masks),
        dynamic_degree(clip),
    )


def dynamic_degree(clip: Clip) -> bool:
    """Whether a clip counts as dynamic by VBench's rule, with DIS flow of textured places in place of RAFT's.

    Frames are thinned to about 8 per second; a pair moves when the mean of its fastest 5 % beats 6 px per 256 px of the
    shorter side; a quarter of the frames must.
    """
    thinned = Clip(clip.frames[:: max(1, round(clip.fps / 8))], clip.fps)
    if thinned.num_frames < 2:
        return False
    speeds = np.hypot(*np.moveaxis(flow_fields(thinned), -1, 0)) * texture_masks(thinned)
    fastest = np.sort(speeds.reshape(len(speeds), -1))[:, -max(1, speeds[0].size // 20) :].mean(axis=1)
    moving = int((fastest > 6 * min(clip.height, clip.width) / 256).sum())
    return moving >= max(1, round(thinned.num_frames / 4))


def _moving_part(flow: np.ndarray, textured: np.ndarray, scale: float) -> tuple[np.ndarray, float, float, float]:
    """Velocity and speed in px/frame, agreement 0..1 and share of the picture, of what moves in one field."""
    speeds = np.hypot(flow[..., 0], flow[..., 1])
    moving = textured & (speeds > _MOVES_WORK_PX * scale)
    share = float(moving.mean())
    if share < _LEAST_AREA:
        return np.zeros(2), 0.0, 1.0, 0.0
    vectors, speeds = flow[moving].astype(float), speeds[moving].astype(float)
    core = speeds >= _CORE * np.percentile(speeds, 95)
    agreement = float(np.hypot(*vectors.sum(axis=0)) / speeds.sum())
    return np.median(vectors[core], axis=0), float(np.median(speeds[core])), agreement, share


def _warp_error(pictures: np.ndarray, fields: np.ndarray, masks: np.ndarray) -> float:
    y, x = np.mgrid[: pictures.shape[1], : pictures.shape[2]].astype(np.float32)
    errors = []
    for now, after, field, mask in zip(pictures[:-1], pictures[1:], fields, masks, strict=True):
        to_x, to_y = x + field[..., 0], y + field[..., 1]
        inside = (to_x >= 0) & (to_x <= x.max()) & (to_y >= 0) & (to_y <= y.max()) & mask
        if inside.any():
            back = cv2.remap(after, to_x, to_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
            errors.append(np.abs(back.astype(float) - now)[inside].mean() / 255)
    return float(np.mean(errors)) if errors else 0.0


def _path_along(velocities: np.ndarray) -> Path:
    points = np.concatenate([np.zeros((1, 2)), np.cumsum(velocities, axis=0)])
    return Path(np.arange(len(points)), points)
