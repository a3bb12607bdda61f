"""Optical flow: how far each place of the picture moves from frame to frame, and how much of that is the camera's.

DIS flow, medium preset, at half size: on translations of 0..40 px with grain of 2/255 it was off by 0.26 px at most, at
8 ms for a 480 x 832 pair, where full size invents 0.7 px of motion in still smooth pictures and Farneback's flow misses
nearly all motion of smooth ones.
"""

from dataclasses import dataclass
from itertools import pairwise

import cv2
import numpy as np

from feedback.clip import Clip

WORK_PX = 128
"""Flow is not computed on pictures with a shorter side below this: small clips are taken at full size, or enlarged.
With 64, a plain disc of 32 px on texture came out up to a third too slow."""
_LONGEST_ENLARGED_PX = 2048
_LEAST_PX = 16
_TEXTURE_PER_PX = 1.0
"""Grey levels (of 255) per work px that a place must change by in its flattest direction to be called textured. Grain
of 4/255 reaches 0.6, a plain shape's outline 2 and more."""
_CAMERA_TOLERANCE_PX = 0.35
"""In work px: a place within this of the camera's motion is carried along by it."""
_CAMERA_CELLS = 6
_CAMERA_COVER = 0.4
"""Of 6 x 6 cells: the share that must hold places which move as one."""


@dataclass(frozen=True)
class CameraMotion:
    """How the background moves on the screen between two frames: what the camera does, the other way round."""

    matrix: np.ndarray
    """float64 [2, 3]: (x, y, 1) in px of one frame to (x, y) in the next. Shift, turn and zoom only."""
    known: bool
    """False when too little of the picture has texture that moves as one: then the camera counts as still."""
    center: tuple[float, float]
    """The middle of the picture, (x, y) in px."""

    @property
    def shift_px(self) -> tuple[float, float]:
        """How far the background in the middle of the picture moves, (right, down) in px."""
        dx, dy = self.at(np.array([self.center]))[0]
        return float(dx), float(dy)

    @property
    def zoom(self) -> float:
        """How many times larger the background gets: above 1 when the camera comes closer."""
        return float(np.hypot(self.matrix[0, 0], self.matrix[1, 0]))

    @property
    def turn_degrees(self) -> float:
        """How far the background turns clockwise."""
        return float(np.degrees(np.arctan2(self.matrix[1, 0], self.matrix[0, 0])))

    def at(self, points: np.ndarray) -> np.ndarray:
        """How far the background at `points` moves: float [n, 2] (x, y) in px to float64 [n, 2] (right, down) in px."""
        return points @ self.matrix[:, :2].T + self.matrix[:, 2] - points


def flow_fields(clip: Clip) -> np.ndarray:
    """Motion from each frame to the next: float32 [t-1, h', w', 2], (right, down) in px/frame of the full-size clip.

    h', w' is the work size: half the clip's, its own where the shorter side is below 256 px, a multiple below 128.
    """
    pictures = work_pictures(clip)
    size = pictures.shape[1:]
    dis = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    per_work_px = np.array([clip.width / size[1], clip.height / size[0]], np.float32)
    pad = [max(0, _LEAST_PX - side) for side in size]
    padded = np.pad(pictures, ((0, 0), (0, pad[0]), (0, pad[1])), mode="edge")
    blank = np.zeros((*padded.shape[1:], 2), np.float32)
    fields = [dis.calc(now, after, blank.copy())[: size[0], : size[1]] for now, after in pairwise(padded)]
    return np.stack(fields) * per_work_px if fields else np.empty((0, *size, 2), np.float32)


def work_pictures(clip: Clip) -> np.ndarray:
    """The clip's frames in grey at the work size, uint8 [t, h', w'].

    Grey is the mix of red, green and blue that differs most over the clip, so that a red thing on an equally bright
    blue ground does not vanish.
    """
    shorter, longer = sorted((clip.width, clip.height))
    enlarge = min(-(-WORK_PX // shorter), max(1, _LONGEST_ENLARGED_PX // longer))
    scale = 0.5 if shorter >= 2 * WORK_PX else enlarge
    size = round(clip.width * scale), round(clip.height * scale)
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    small = np.stack([cv2.resize(frame, size, interpolation=method) for frame in clip.frames])
    mix = _contrast_axis(small)
    grey = small.reshape(-1, 3).astype(np.float32) @ mix
    return np.rint(grey - grey.min()).clip(0, 255).astype(np.uint8).reshape(small.shape[:3])


def _contrast_axis(pictures: np.ndarray) -> np.ndarray:
    """The weights of red, green and blue under which the pictures differ most: float32 [3], of length 1 / √3."""
    pixels = pictures.reshape(-1, 3)[:: max(1, pictures.size // 300_000)].astype(np.float64)
    axis = np.linalg.eigh(np.cov(pixels, rowvar=False, bias=True))[1][:, -1]
    return (axis * np.sign(axis[np.argmax(np.abs(axis))]) / 3**0.5).astype(np.float32)


def texture_masks(clip: Clip) -> np.ndarray:
    """Where the picture has corners or curved outlines for flow to hold on to: bool [t-1, h', w'], for each field.

    Elsewhere flow is a guess: plain areas take the motion of their surroundings, or none.
    """
    masks = []
    for picture in work_pictures(clip)[:-1]:
        smooth = cv2.GaussianBlur(picture.astype(np.float32), (0, 0), 1.0)
        down, across = np.gradient(smooth)
        window = (5, 5)
        xx, yy, xy = (cv2.blur(part, window) for part in (across * across, down * down, across * down))
        flattest = (xx + yy) / 2 - np.sqrt(((xx - yy) / 2) ** 2 + xy**2)
        masks.append(flattest > _TEXTURE_PER_PX**2)
    return np.array(masks, bool)


def camera_motion(field: np.ndarray, textured: np.ndarray, px_per_work_px: float) -> CameraMotion:
    """The background's motion in one field: the shift, turn and zoom that most textured places agree on.

    The majority is sought by RANSAC. It counts as the background when it is spread over the picture, in 40 % of 6 x 6
    cells: one thing that moves over plain ground is not taken for a moving camera.
    """
    height, width = field.shape[:2]
    center = (width * px_per_work_px / 2, height * px_per_work_px / 2)
    still = CameraMotion(np.eye(2, 3), False, center)
    step = max(1, min(height, width) // 64)
    rows, columns = np.nonzero(textured[::step, ::step])
    if len(rows) < 12 or not _is_spread(rows, columns, textured[::step, ::step].shape):
        return still
    points = (np.stack([columns, rows], 1) * step + 0.5) * px_per_work_px
    moved = points + field[::step, ::step][rows, columns]
    tolerance = _CAMERA_TOLERANCE_PX * px_per_work_px
    matrix, agree = cv2.estimateAffinePartial2D(points, moved, method=cv2.RANSAC, ransacReprojThreshold=tolerance)
    if matrix is None:
        return still
    inside = agree.ravel().astype(bool)
    if not _is_spread(rows[inside], columns[inside], textured[::step, ::step].shape):
        return still
    return CameraMotion(matrix, True, center)


def _is_spread(rows: np.ndarray, columns: np.ndarray, shape: tuple[int, ...]) -> bool:
    cells = set(zip(rows * _CAMERA_CELLS // shape[0], columns * _CAMERA_CELLS // shape[1], strict=True))
    return len(cells) >= _CAMERA_COVER * _CAMERA_CELLS**2


def residual_flow(field: np.ndarray, camera: CameraMotion, px_per_work_px: float) -> np.ndarray:
    """What is left of a field when the camera's part is taken off: float32 [h', w', 2] in px/frame."""
    height, width = field.shape[:2]
    y, x = (np.mgrid[:height, :width] + 0.5) * px_per_work_px
    return field - camera.at(np.stack([x, y], -1).reshape(-1, 2)).reshape(height, width, 2).astype(np.float32)
