"""Which places of the picture move, each followed through the clip; by optical flow, the camera's part taken off."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import cv2
import numpy as np

from feedback.clip import Clip
from feedback.flow import CameraMotion, camera_motion, flow_fields, residual_flow, texture_masks
from feedback.tracking import paths_of

_MOVES_WORK_PX = 0.35
"""A place moves when its flow beats this, in px of the work picture per frame: above what grain of 2/255 does to most
places of a still thing's outline."""
_CORE = 0.6
"""Flow is smeared over outlines: speed and extent are taken where it is at least this share of its 95th percentile."""
_LEAST_AREA = 0.002
"""Of the picture: smaller moving things are noise."""
_LEAST_MOVING = 0.003
"""Of the picture: when fewer places move from one frame to the next, it is grain."""
_LEAST_PLACES = 8
"""Work px that flow can hold on to: with fewer, the motion of a thing is a guess."""
_NEAR = 0.15
"""Of the picture's shorter side: pieces of outline nearer than this that move alike belong to one thing."""
_ALIKE = 0.3
"""Velocities that differ by less than this share of the faster one are alike."""
_MOST_PIECES = 60
"""Looked at of one pair of frames, the largest first."""
_EXPLAINED = 0.5
"""Of all moving places, over the clip: when the followed regions hold fewer, a grid tells more than they do."""
_STEADY, _SLACK = 0.7, 0.05
"""Of the steps of one thing this share ends where it moves to, within its radius or this share of the shorter side."""
_GRID = 3
_CELL_STEPS = 0.25
"""Of a clip's steps: a cell of the grid that moves in fewer of them is left out."""


@dataclass(frozen=True)
class Step:
    """How one region moves from one frame to the next."""

    center: tuple[float, float]
    """(x, y) in px of the clip."""
    velocity: tuple[float, float]
    """(right, down) in px/frame, the median over the region. Opposite parts cancel here, not in `speed`."""
    speed: float
    """In px/frame, whichever way."""
    agreement: float
    """0..1: how far the parts go one way; 0 for opposite ways, and for a thing that grows or shrinks in place."""
    growth: float
    """Per frame: the divergence of the flow, by which the area grows (above 0) or shrinks."""
    share: float
    """Of the picture."""


@dataclass(frozen=True)
class MovingRegion:
    """One thing that moves, or one cell of the grid."""

    steps: dict[int, Step]
    """By the number of the frame that the step begins at. Steps at which it does not move are missing."""
    is_cell: bool


@dataclass(frozen=True)
class MovingRegions:
    """All that moves in a clip, the largest first, and what the camera does."""

    regions: list[MovingRegion]
    cameras: list[CameraMotion]
    """One for each pair of frames."""


def find_moving_regions(clip: Clip) -> MovingRegions:
    """The moving regions of a clip of two frames or more.

    Regions are places near each other that move alike, found in each pair of frames and followed from pair to pair.
    Where these explain less than half of what moves (water, crowds, smoke), the cells of a 3 x 3 grid stand for them.
    """
    fields, masks = flow_fields(clip), texture_masks(clip)
    scale = clip.width / fields.shape[2]
    cameras = [camera_motion(field, mask, scale) for field, mask in zip(fields, masks, strict=True)]
    flows = [residual_flow(field, camera, scale) for field, camera in zip(fields, cameras, strict=True)]
    moving = [_moving_places(flow, mask, scale) for flow, mask in zip(flows, masks, strict=True)]
    found = [_things(flow, moves, scale) for flow, moves in zip(flows, moving, strict=True)]
    followed = [thing for thing in _followed(found) if _goes_where_it_moves(thing, cameras, clip)]
    explained = sum(thing.places for things in followed for thing in things.values())
    if followed and explained >= _EXPLAINED * sum(int(moves.sum()) for moves in moving):
        regions = [MovingRegion({t: thing.step for t, thing in things.items()}, is_cell=False) for things in followed]
    else:
        regions = _cells(flows, moving, scale)
    return MovingRegions(sorted(regions, key=_weight, reverse=True), cameras)


@dataclass(frozen=True)
class _Thing:
    """What moves as one in one pair of frames."""

    step: Step
    places: int
    """How many work px of it flow can hold on to."""

    @property
    def center(self) -> tuple[float, float]:
        return self.step.center


def _moving_places(flow: np.ndarray, textured: np.ndarray, scale: float) -> np.ndarray:
    moving = textured & (_speed(flow) > _MOVES_WORK_PX * scale)
    return moving if moving.mean() >= _LEAST_MOVING else np.zeros_like(moving)


def _speed(flow: np.ndarray) -> np.ndarray:
    return np.hypot(flow[..., 0], flow[..., 1])


def _weight(region: MovingRegion) -> float:
    return sum(step.share for step in region.steps.values())


def _things(flow: np.ndarray, moving: np.ndarray, scale: float) -> list[_Thing]:
    """The things of one pair of frames: connected pieces of moving outline, joined where they are near and alike."""
    joined: list[np.ndarray] = []
    pieces = _pieces(moving)
    while pieces:
        thing = pieces.pop(0)
        while near := [i for i in _near(thing, pieces, moving.shape) if _are_alike(flow, thing, pieces[i])]:
            thing = np.concatenate([thing, *(pieces[i] for i in near)])
            pieces = [piece for i, piece in enumerate(pieces) if i not in near]
        joined.append(thing)
    things = [_thing(flow, places, scale) for places in joined]
    return [thing for thing in things if thing.step.share >= _LEAST_AREA]


def _pieces(moving: np.ndarray) -> list[np.ndarray]:
    """Connected moving places, gaps of 4 px aside, the largest first: each int [n, 2], (row, column) in work px."""
    _, labels = cv2.connectedComponents(cv2.dilate(moving.astype(np.uint8), np.ones((5, 5), np.uint8)))
    places = np.argwhere(moving)
    label = labels[moving]
    order = np.argsort(label, kind="stable")
    ends = np.flatnonzero(np.diff(label[order])) + 1
    pieces = [piece for piece in np.split(places[order], ends) if len(piece) >= _LEAST_PLACES]
    return sorted(pieces, key=len, reverse=True)[:_MOST_PIECES]


def _near(thing: np.ndarray, pieces: Sequence[np.ndarray], shape: tuple[int, ...]) -> list[int]:
    elsewhere = np.ones(shape[:2], np.uint8)
    elsewhere[tuple(thing.T)] = 0
    distance = cv2.distanceTransform(elsewhere, cv2.DIST_L2, 3)
    return [i for i, piece in enumerate(pieces) if distance[tuple(piece.T)].min() <= _NEAR * min(shape[:2])]


def _are_alike(flow: np.ndarray, one: np.ndarray, other: np.ndarray) -> bool:
    first, second = (np.median(flow[tuple(places.T)], axis=0) for places in (one, other))
    return bool(np.hypot(*(first - second)) <= _ALIKE * max(np.hypot(*first), np.hypot(*second)))


def _thing(flow: np.ndarray, places: np.ndarray, scale: float) -> _Thing:
    """What moves at `places`, of which there must be one at least."""
    vectors = flow[tuple(places.T)].astype(float)
    speeds = np.hypot(*vectors.T)
    is_core = speeds >= _CORE * np.percentile(speeds, 95)
    right, down = np.median(vectors[is_core], axis=0)
    hull = cv2.convexHull(places[is_core][:, ::-1].astype(np.int32))
    left, top, width, height = cv2.boundingRect(hull)
    area = max(cv2.contourArea(hull), float(is_core.sum()))
    step = Step(
        center=((left + width / 2) * scale, (top + height / 2) * scale),
        velocity=(float(right), float(down)),
        speed=float(np.median(speeds[is_core])),
        agreement=float(np.hypot(*vectors[is_core].sum(axis=0)) / speeds[is_core].sum()),
        growth=_divergence(places * scale, vectors),
        share=area / (flow.shape[0] * flow.shape[1]),
    )
    return _Thing(step, len(places))


def _divergence(points: np.ndarray, vectors: np.ndarray) -> float:
    """Of the flow, per frame: the trace of the best linear map from places, (row, column), to motion, (right, down)."""
    around = np.concatenate([points - points.mean(axis=0), np.ones((len(points), 1))], axis=1)
    fit = np.linalg.lstsq(around, vectors, rcond=None)[0]
    return float(fit[1, 0] + fit[0, 1])


def _followed(found: Sequence[Sequence[_Thing]]) -> list[dict[int, _Thing]]:
    """For each thing that is followed through at least half of the clip: itself at every step that shows it."""
    by_center = [{thing.center: thing for thing in things} for things in found]
    return [
        {int(t): by_center[t][x, y] for t, (x, y) in zip(path.frames, path.points.tolist(), strict=True)}
        for path in paths_of(found)
    ]


def _goes_where_it_moves(thing: dict[int, _Thing], cameras: Sequence[CameraMotion], clip: Clip) -> bool:
    """Whether it is one thing all along: its middle goes, for most of the way, where its own motion takes it.

    In a crowd the nearest thing of the next frame is often another one.
    """
    kept = []
    for (t, now), (later, after) in pairwise(sorted(thing.items())):
        carried = np.array(now.step.velocity) + np.array(cameras[t].shift_px)
        missed = np.hypot(*(np.array(after.center) - np.array(now.center) - carried * (later - t)))
        radius = (now.step.share * clip.width * clip.height / np.pi) ** 0.5
        kept.append(missed <= max(radius, _SLACK * min(clip.width, clip.height)))
    return not kept or sum(kept) >= _STEADY * len(kept)


def _cells(flows: Sequence[np.ndarray], moving: Sequence[np.ndarray], scale: float) -> list[MovingRegion]:
    """The cells of the grid that move in a fair share of the steps."""
    rows, columns = (np.arange(side) * _GRID // side for side in moving[0].shape)
    cells = []
    for row, column in np.ndindex(_GRID, _GRID):
        cell = (rows == row)[:, None] & (columns == column)[None]
        within = {t: np.argwhere(cell & moves) for t, moves in enumerate(moving)}
        steps = {
            t: _thing(flows[t], places, scale).step for t, places in within.items() if len(places) >= _LEAST_PLACES
        }
        if len(steps) >= max(1, _CELL_STEPS * len(flows)):
            cells.append(MovingRegion(steps, is_cell=True))
    return cells
