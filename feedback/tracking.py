"""Paths of things through a clip, and which way they go."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Protocol

import numpy as np

from feedback.lexicon import Motion

_MOVING_SHARE = 0.04
"""Of the frame's shorter side: a thing whose path spans more than this over the clip rather moves than not."""
_SHARPNESS = 0.008
_DIRECTIONS: dict[Motion, tuple[float, float]] = {"left": (-1, 0), "right": (1, 0), "up": (0, -1), "down": (0, 1)}


class Located(Protocol):
    """Anything with a middle: a thing that vision found, a detector's detection."""

    @property
    def center(self) -> tuple[float, float]:
        """(x, y) in pixels."""
        ...


@dataclass(frozen=True)
class Path:
    """Where one thing is in the frames that show it."""

    frames: np.ndarray
    """int [n], ascending."""
    points: np.ndarray
    """float [n, 2], (x, y) in pixels, y grows downwards."""

    @property
    def shift(self) -> np.ndarray:
        """How far it goes from its first frame to its last, (x, y) in pixels, by a robust line (median of slopes)."""
        first, second = np.triu_indices(len(self.frames), k=max(1, len(self.frames) // 2))
        steps = (self.frames[second] - self.frames[first])[:, None]
        return np.median((self.points[second] - self.points[first]) / steps, axis=0) * (
            self.frames[-1] - self.frames[0]
        )

    @property
    def span(self) -> float:
        """The longer side of the box that its middle stays in, in pixels, a tenth of outliers aside."""
        low, high = np.percentile(self.points, [5, 95], axis=0)
        return float((high - low).max()) / 0.9

    def shows(self, motion: Motion, side: float) -> float:
        """How clearly it moves that way, 0..1; `side` is the frame's shorter side in pixels.

        For a direction both must hold: it gets along, and within 30 degrees of the direction (0.5 at 45, 0 from 60 on).
        """
        spans = _soft_step(self.span / side)
        if motion in ("still", "moving"):
            return 1 - spans if motion == "still" else spans
        gone = float(np.hypot(*self.shift))
        if gone < 1e-6:
            return 0.0
        degrees = np.degrees(np.arccos(np.clip(self.shift @ np.array(_DIRECTIONS[motion]) / gone, -1, 1)))
        return _soft_step(gone / side) * float(np.clip((60 - degrees) / 30, 0, 1))

    def described(self, side: float) -> str:
        """In words: "stays still", "moves left", "moves up and right", "moves to and fro"."""
        if self.shows("still", side) >= 0.5:
            return "stays still"
        x, y = self.shift
        if _soft_step(float(np.hypot(x, y)) / side) < 0.5:
            return "moves to and fro"
        upright, sideways = "up" if y < 0 else "down", "left" if x < 0 else "right"
        if abs(x) > 2 * abs(y):
            return f"moves {sideways}"
        return f"moves {upright}" if abs(y) > 2 * abs(x) else f"moves {upright} and {sideways}"


def _soft_step(share: float) -> float:
    return float(1 / (1 + np.exp(-np.clip((share - _MOVING_SHARE) / _SHARPNESS, -60, 60))))


def paths_of(things: Sequence[Sequence[Located]]) -> list[Path]:
    """The paths of as many things as a frame usually shows, each at least half of the clip long.

    `things` holds the candidates of every frame. From frame to frame the nearest is taken for the same thing; one that
    is hidden for a while is waited for.
    """
    usual = round(median(len(present) for present in things if present)) if any(things) else 0
    start = next((t for t, present in enumerate(things) if len(present) == usual and usual), None)
    if start is None:
        return []
    tracks = [[(start, thing.center)] for thing in things[start]]
    for t in range(start + 1, len(things)):
        free = [thing.center for thing in things[t]]
        order = sorted(
            (np.hypot(x - track[-1][1][0], y - track[-1][1][1]), i, j)
            for i, track in enumerate(tracks)
            for j, (x, y) in enumerate(free)
        )
        used_tracks, used_points = set[int](), set[int]()
        for _, i, j in order:
            if i not in used_tracks and j not in used_points:
                tracks[i].append((t, free[j]))
                used_tracks.add(i)
                used_points.add(j)
    return [
        Path(np.array([t for t, _ in track]), np.array([point for _, point in track], float))
        for track in tracks
        if len(track) >= max(2, len(things) // 2)
    ]
