"""Classical vision on pixels alone: finds plain coloured shapes on a plainish background."""

from dataclasses import dataclass
from weakref import WeakKeyDictionary

import cv2
import numpy as np

from feedback.clip import Clip
from feedback.lexicon import Colour, Shape

_NAMED_RGB: dict[Colour, tuple[tuple[int, int, int], ...]] = {
    "red": ((220, 30, 30), (255, 0, 0), (200, 20, 50), (230, 60, 50)),
    "green": ((30, 170, 50), (0, 255, 0), (0, 128, 0), (80, 200, 80), (120, 220, 40)),
    "blue": ((40, 70, 230), (0, 0, 255), (30, 60, 160), (60, 120, 240)),
    "yellow": ((245, 220, 40), (255, 255, 0), (230, 200, 30), (250, 240, 110)),
    "purple": ((140, 50, 190), (128, 0, 128), (160, 32, 240), (200, 50, 200), (255, 0, 255)),
    "cyan": ((40, 210, 220), (0, 255, 255), (0, 170, 180), (64, 224, 208)),
    "orange": ((250, 140, 20), (255, 165, 0), (240, 120, 30)),
    "pink": ((250, 140, 190), (255, 192, 203), (255, 105, 180)),
    "white": ((245, 245, 245), (255, 255, 255)),
    "black": ((10, 10, 10), (0, 0, 0), (25, 25, 25)),
    "gray": ((128, 128, 128), (90, 90, 90), (165, 165, 165), (190, 190, 190), (60, 60, 60)),
    "brown": ((120, 75, 35), (139, 69, 19), (150, 95, 60)),
}
"""What people commonly call by each name, several anchors a colour; the nearest in CIE Lab wins."""

_WORK_PX = (128, 256)
"""Frames are looked at with a shorter side within this: outlines have enough points, and large frames cost little."""
_FOREGROUND_DISTANCE = 18.0
"""Lab distance from the background above which a pixel belongs to a thing: well above H.264's and sigma-4 noise's."""
_SAME_COLOUR_DISTANCE = 22.0
_FAINT_DISTANCE = 35.0
"""What goes by the background's name must differ from it by this much in Lab to be a thing, not a halo."""
_SMALLEST_AREA = 0.005
"""Of the frame: a triangle 6 px wide and high at 64 px. Smaller blobs are noise or codec remains."""
_LARGEST_AREA = 0.6


@dataclass(frozen=True)
class Thing:
    """One plain shape in one frame."""

    shape: Shape
    colour: Colour
    box: tuple[float, float, float, float]
    """Left, top, right, bottom in pixels of the frame."""
    center: tuple[float, float]
    """Middle of the area, (x, y) in pixels."""
    area: float
    """Pixels of the frame."""
    confidence: float
    """0..1: how clearly the outline is this shape rather than the next best."""


@dataclass(frozen=True)
class Look:
    """What one frame shows."""

    things: list[Thing]
    background: Colour
    background_share: float
    """Share of the frame's border that has the background's colour, 0..1; low on a busy background."""


def look_at(frame: np.ndarray) -> Look:
    """Plain coloured shapes and the background's colour in one frame, uint8 [h, w, 3] RGB; largest things first.

    Made for shapes of a radius of 5 px or more in frames of 32 px or more, also blurred, noisy or compressed. Things of
    different colours are told apart where they touch or overlap; things of one colour that touch are one.
    """
    height, width = frame.shape[:2]
    side = min(height, width)
    scale = float(np.clip(side, *_WORK_PX)) / side
    if scale != 1:
        interpolation = cv2.INTER_LINEAR if scale > 1 else cv2.INTER_AREA
        frame = cv2.resize(frame, None, fx=scale, fy=scale, interpolation=interpolation)
    frame = cv2.bilateralFilter(cv2.medianBlur(frame, 3), 5, 25, 3)
    lab = cv2.cvtColor(frame.astype(np.float32) / 255, cv2.COLOR_RGB2LAB)
    background, share = _background(lab)
    things = []
    foreground = np.linalg.norm(lab - background, axis=2) > _FOREGROUND_DISTANCE
    for mask, colour in _colour_layers(lab, foreground, background):
        if _name_of(colour) == _name_of(background) and np.linalg.norm(colour - background) < _FAINT_DISTANCE:
            continue
        hidden_by = foreground & ~mask
        things += _things(mask, hidden_by, colour, scale)
    things.sort(key=lambda thing: -thing.area)
    return Look(things, _name_of(background), share)


def look_at_clip(clip: Clip) -> list[Look]:
    """`look_at` for every frame. Kept as long as the clip is: judge and detectors look at the same one."""
    looks = _LOOKS.get(clip)
    if looks is None:
        looks = _LOOKS[clip] = [look_at(frame) for frame in clip.frames]
    return looks


_LOOKS: WeakKeyDictionary[Clip, list[Look]] = WeakKeyDictionary()


def _background(lab: np.ndarray) -> tuple[np.ndarray, float]:
    """The commonest colour of the border, float32 [3] Lab, and the share of the border that has it."""
    rim = max(2, min(lab.shape[:2]) // 24)
    border = np.concatenate([
        lab[:rim].reshape(-1, 3), lab[-rim:].reshape(-1, 3), lab[:, :rim].reshape(-1, 3), lab[:, -rim:].reshape(-1, 3)
    ])  # fmt: skip
    mode = _commonest(border)
    near = np.linalg.norm(border - mode, axis=1) < _FOREGROUND_DISTANCE
    return np.median(border[near], axis=0), float(near.mean())


def _commonest(pixels: np.ndarray) -> np.ndarray:
    """Median, float32 [3], of those pixels, float32 [n, 3] Lab, that lie in the fullest cell of a grid of 12 units."""
    light, red, yellow = np.floor(pixels / 12).astype(int).T
    cells = (light * 32 + red + 16) * 32 + yellow + 16
    values, counts = np.unique(cells, return_counts=True)
    return np.median(pixels[cells == values[counts.argmax()]], axis=0)


def _colour_layers(
    lab: np.ndarray, foreground: np.ndarray, background: np.ndarray
) -> list[tuple[np.ndarray, np.ndarray]]:
    """One mask and mean colour for each solid colour among the foreground pixels."""
    solid = foreground & (_edge_strength(lab) < 6)
    layers: list[np.ndarray] = []
    left = solid.copy()
    smallest = max(9.0, 0.25 * _SMALLEST_AREA * left.size)
    while left.sum() > smallest and len(layers) < 8:
        colour = _commonest(lab[left])
        near = np.linalg.norm(lab - colour, axis=2) < _SAME_COLOUR_DISTANCE
        if (near & left).sum() > smallest:
            layers.append(np.median(lab[near & left], axis=0))
        left &= ~near
    kept = [layer for layer in layers if not any(_is_fringe(layer, other, background, lab, solid) for other in layers)]
    if not kept:
        return []
    nearest = np.stack([np.linalg.norm(lab - colour, axis=2) for colour in kept]).argmin(axis=0)
    return [(foreground & (nearest == index), colour) for index, colour in enumerate(kept)]


def _is_fringe(
    colour: np.ndarray, other: np.ndarray, background: np.ndarray, lab: np.ndarray, solid: np.ndarray
) -> bool:
    """Whether a colour is only the soft rim of another: a mixture of it with the background, found close around it."""
    base, full, mixed = (_rgb(value) for value in (background, other, colour))
    toward = full - base
    share = float((mixed - base) @ toward / max(toward @ toward, 1e-9))
    if not 0.05 < share < 0.95 or np.linalg.norm(base + share * toward - mixed) > 0.12:
        return False
    here = solid & (np.linalg.norm(lab - colour, axis=2) < _SAME_COLOUR_DISTANCE)
    there = solid & (np.linalg.norm(lab - other, axis=2) < _SAME_COLOUR_DISTANCE)
    reach = min(solid.shape) // 14
    around = cv2.dilate(there.astype(np.uint8), np.ones((2 * reach + 1, 2 * reach + 1), np.uint8)) > 0
    return bool((here & around).sum() > 0.6 * here.sum())


def _edge_strength(lab: np.ndarray) -> np.ndarray:
    """Lab change per pixel: high on outlines, where colours are mixtures."""
    across = cv2.Sobel(lab, cv2.CV_32F, 1, 0, ksize=3) / 8
    down = cv2.Sobel(lab, cv2.CV_32F, 0, 1, ksize=3) / 8
    return np.sqrt((across**2 + down**2).sum(axis=2))


def _things(mask: np.ndarray, hidden_by: np.ndarray, colour: np.ndarray, scale: float) -> list[Thing]:
    """The solid blobs of one colour as things, in pixels of the frame before it was enlarged by `scale`."""
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (5, 5))
    clean = cv2.morphologyEx(cv2.morphologyEx(mask.astype(np.uint8), cv2.MORPH_OPEN, disc), cv2.MORPH_CLOSE, disc)
    contours, _ = cv2.findContours(clean, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    covering = cv2.dilate(hidden_by.astype(np.uint8), disc) > 0
    covering[:2], covering[-2:], covering[:, :2], covering[:, -2:] = True, True, True, True
    found = []
    for contour in contours:
        area = cv2.contourArea(contour)
        left, top, across, down = cv2.boundingRect(contour)
        is_size = _SMALLEST_AREA * mask.size <= area <= _LARGEST_AREA * mask.size
        is_rim = cv2.countNonZero(clean[top : top + down, left : left + across]) < 0.55 * area
        if not is_size or is_rim or min(across, down) < 0.2 * max(across, down) or area < 0.3 * across * down:
            continue
        outline = np.asarray(contour, np.intp)[:, 0]
        free = outline[~covering[outline[:, 1], outline[:, 0]]]
        shape, confidence = _shape_of(contour, free)
        moments = cv2.moments(contour)
        middle = (moments["m10"] / moments["m00"] + 0.5, moments["m01"] / moments["m00"] + 0.5)
        box = (left / scale, top / scale, (left + across) / scale, (top + down) / scale)
        center = (middle[0] / scale, middle[1] / scale)
        found.append(Thing(shape, _name_of(colour), box, center, area / scale**2, confidence))
    return found


def _shape_of(contour: np.ndarray, free: np.ndarray) -> tuple[Shape, float]:
    """The shape whose figure the blob fills best, and by how much it leads, 0..1.

    Each figure encloses the blob: a triangle, a turned rectangle, a circle. The right one is filled to about 1.0, the
    wrong ones to 0.8 at most. `free` are the outline's points that are its own, not the frame's edge or another
    thing's; where they are not all, a circle is known by their lying on one.
    """
    hull = cv2.convexHull(contour)
    area = cv2.contourArea(hull)
    (_, (wide, tall), _) = cv2.minAreaRect(hull)
    _, radius = cv2.minEnclosingCircle(hull)
    fills: dict[Shape, float] = {
        "triangle": area / max(cv2.minEnclosingTriangle(hull)[0], 1.0),
        "square": area / max(wide * tall, 1.0),
        "circle": area / max(np.pi * radius**2, 1.0),
    }
    if len(free) < 0.95 * len(contour) and len(free) >= 12:
        fills["circle"] = max(fills["circle"], _roundness(free.astype(float), 1.3 * radius))
    ranked = sorted(fills, key=lambda shape: -fills[shape])
    return ranked[0], float(np.clip((fills[ranked[0]] - fills[ranked[1]]) / 0.2, 0.05, 1.0))


def _roundness(points: np.ndarray, largest_radius: float) -> float:
    """How well points (x, y) lie on one circle: 1.0 exactly, 0 when off by a tenth of its radius (least squares).

    Also 0 for a circle too large for what it bounds: any straight edge lies on a huge one.
    """
    design = np.column_stack([2 * points, np.ones(len(points))])
    (x, y, rest), *_ = np.linalg.lstsq(design, (points**2).sum(axis=1), rcond=None)
    radius = np.sqrt(max(rest + x**2 + y**2, 1e-9))
    if radius > largest_radius:
        return 0.0
    off = np.abs(np.hypot(points[:, 0] - x, points[:, 1] - y) - radius).mean()
    return float(max(0.0, 1.0 - 10 * off / radius))


def _rgb(lab: np.ndarray) -> np.ndarray:
    return cv2.cvtColor(lab.reshape(1, 1, 3).astype(np.float32), cv2.COLOR_LAB2RGB)[0, 0]


def _name_of(lab: np.ndarray) -> Colour:
    return _ANCHOR_NAMES[int(np.linalg.norm(_ANCHORS - lab, axis=1).argmin())]


_ANCHOR_NAMES: list[Colour] = [colour for colour, rgbs in _NAMED_RGB.items() for _ in rgbs]
_ANCHORS = cv2.cvtColor(
    np.array([[rgb for rgbs in _NAMED_RGB.values() for rgb in rgbs]], np.float32) / 255, cv2.COLOR_RGB2LAB
)[0]
"""float32 [n, 3] Lab, one for each name in `_ANCHOR_NAMES`."""
