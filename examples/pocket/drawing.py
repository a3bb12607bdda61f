"""Drawn clips of the pocket world's scenes: what the model learns from."""

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from agent.renderers.painter import RGB, VELOCITY
from agent.renderers.painter_grammar import Relation, Shape
from agent.renderers.pocket import NUM_FRAMES, SIDE_PX
from examples.pocket.world import Scene

MARGIN_PX = 6
"""From a thing's middle to the nearest edge, at least."""
CLEARANCE_PX = 12
"""Between the middles of two things, along the axis of their relation, at least: they never touch."""
STAMP_PX = 12
SUPERSAMPLING = 8
TRIES = 64

_AXIS_AND_SIGN: dict[Relation, tuple[int, int]] = {
    "is to the left of": (0, 1),
    "is to the right of": (0, -1),
    "is above": (1, 1),
    "is below": (1, -1),
}


@dataclass(frozen=True)
class Drawn:
    """A drawn clip and where its things are."""

    frames: NDArray[np.uint8]
    """[frame, y, x, rgb]"""
    paths: list[NDArray[np.int64]]
    """Middles of the thing and its companion, [frame, 2] (x, y) in pixels each."""


def draw(scene: Scene, rng: np.random.Generator) -> Drawn:
    """A clip of the scene; where its things start is drawn from `rng`."""
    frames = np.empty((NUM_FRAMES, SIDE_PX, SIDE_PX, 3), np.uint8)
    frames[:] = RGB[scene.background]
    paths = _paths(scene, rng)
    for kind, path in zip((scene.thing, scene.companion), paths, strict=False):
        if kind is None:
            continue
        stamp, colour = _stamp(kind.shape), np.asarray(RGB[kind.colour], np.float32)
        for frame, (x, y) in zip(frames, path.tolist(), strict=True):
            window = frame[y - STAMP_PX // 2 : y + STAMP_PX // 2, x - STAMP_PX // 2 : x + STAMP_PX // 2]
            window[:] = (window + stamp * (colour - window)).round()
    return Drawn(frames, paths)


def step_px(scene: Scene) -> tuple[int, int]:
    """How far the moving thing goes per frame, (x, y): 4 px, or 2 px towards or away from its companion."""
    x, y = (int(step) for step in VELOCITY[scene.motion])
    if scene.relation is None:
        return 4 * x, 4 * y
    along_x = _AXIS_AND_SIGN[scene.relation][0] == 0
    return (2 if along_x else 4) * x, (4 if along_x else 2) * y


def _paths(scene: Scene, rng: np.random.Generator) -> list[NDArray[np.int64]]:
    """Middles of the things in every frame, int [frame, 2] (x, y) each."""
    travel = np.arange(NUM_FRAMES)[:, None] * np.array(step_px(scene))
    low, high = MARGIN_PX - travel.min(axis=0), SIDE_PX - MARGIN_PX - travel.max(axis=0)
    if scene.relation is None:
        return [rng.integers(low, high + 1) + travel]
    axis, sign = _AXIS_AND_SIGN[scene.relation]
    while True:
        starts = rng.integers(low, high + 1, (TRIES, 2))
        others = rng.integers(MARGIN_PX, SIDE_PX - MARGIN_PX + 1, (TRIES, 2))
        between = others[:, None] - starts[:, None] - travel[[0, -1]]
        apart, across = sign * between[..., axis], np.abs(between[..., 1 - axis])
        fits = ((apart >= CLEARANCE_PX) & (across <= apart)).all(axis=1)
        if fits.any():
            first = fits.argmax()
            return [starts[first] + travel, np.broadcast_to(others[first], travel.shape)]


@cache
def _stamp(shape: Shape) -> NDArray[np.float32]:
    """How far the shape covers each pixel around its middle, float32 [y, x, 1] in 0..1."""
    half = STAMP_PX / 2
    y, x = np.mgrid[: STAMP_PX * SUPERSAMPLING, : STAMP_PX * SUPERSAMPLING]
    x, y = (x + 0.5) / SUPERSAMPLING - half, (y + 0.5) / SUPERSAMPLING - half
    match shape:
        case "circle":
            inside = np.hypot(x, y) <= 5.5
        case "square":
            inside = np.maximum(np.abs(x), np.abs(y)) <= 5
        case "triangle":
            inside = (y <= 5) & (2 * np.abs(x) <= y + 6)
    cells = inside.reshape(STAMP_PX, SUPERSAMPLING, STAMP_PX, SUPERSAMPLING)
    return cells.mean(axis=(1, 3), dtype=np.float32)[..., None]
