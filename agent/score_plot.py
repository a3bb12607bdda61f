"""Scores over the iterations as geometry for inline SVG: one panel for the overall score, one for each dimension.

Across, positions are percentages of the panel's width, so that a plot fills a phone and a wide screen with letters of
the same size; down, they are px from the top.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

from agent.records import Candidate, Decision
from agent.standings import Standing

LEFT_PERCENT, RIGHT_PERCENT = 9.0, 97.0
TOP_PX, FOOT_PX = 10.0, 24.0
"""Room above score 1 and, for the iteration numbers, below score 0."""
MOST_TICKS = 10


class Dot(NamedTuple):
    """One candidate."""

    x: float
    y: float
    candidate: str
    score: float


class Line(NamedTuple):
    """A straight piece of the champion's line."""

    x1: float
    y1: float
    x2: float
    y2: float


class Tick(NamedTuple):
    """A mark on an axis: its position there and what it says."""

    at: float
    label: str


@dataclass(frozen=True)
class Panel:
    """One small plot."""

    name: str
    height_px: int
    dots: list[Dot]
    line: list[Line]
    rows: list[Tick]
    columns: list[Tick]
    original_y: float | None
    """Height of the user's own prompt, None when that has no score."""
    alt: str
    """The plot in words."""


def plot_scores(
    candidates: Sequence[Candidate], standings: Mapping[str, Standing], decisions: Sequence[Decision]
) -> list[Panel]:
    """The panels, overall first; none when nothing has a score. What has no score is left out, never drawn at 0."""
    names = sorted({name for standing in standings.values() for name in standing.dimensions})
    overall = {key: standing.overall for key, standing in standings.items()}
    champions = [(d.iteration, d.score) for d in decisions]
    panels = [_draw("overall", 220, candidates, overall, champions)]
    for name in names:
        scores = {key: standing.dimensions.get(name) for key, standing in standings.items()}
        champions = [(d.iteration, scores.get(d.champion or "")) for d in decisions]
        panels.append(_draw(name, 140, candidates, scores, champions))
    return [panel for panel in panels if panel.dots]


def _draw(
    name: str,
    height_px: int,
    candidates: Sequence[Candidate],
    scores: Mapping[str, float | None],
    champions: Sequence[tuple[int, float | None]],
) -> Panel:
    # The last decision may be of an iteration for which nothing new was written.
    last = max(
        (*(candidate.iteration for candidate in candidates), *(iteration for iteration, _ in champions)), default=0
    )
    step = (RIGHT_PERCENT - LEFT_PERCENT) / (last + 1)

    def x_of(iteration: int) -> float:
        return LEFT_PERCENT + step * (iteration + 0.5)

    def y_of(score: float) -> float:
        return round(TOP_PX + (height_px - TOP_PX - FOOT_PX) * (1 - score), 2)

    by_iteration: dict[int, list[tuple[str, float]]] = {}
    for candidate in candidates:
        if (score := scores.get(candidate.id)) is not None:
            by_iteration.setdefault(candidate.iteration, []).append((candidate.id, score))
    dots = [
        Dot(round(x_of(iteration) + step * ((place + 0.5) / len(row) - 0.5) * 0.5, 3), y_of(score), key, score)
        for iteration, row in by_iteration.items()
        for place, (key, score) in enumerate(row)
    ]
    led = [(iteration, score) for iteration, score in champions if score is not None]
    points = [(round(x_of(iteration), 3), y_of(score)) for iteration, score in led]
    original = scores.get("0")
    every = -(-(last + 1) // MOST_TICKS)
    return Panel(
        name=name,
        height_px=height_px,
        dots=dots,
        line=[Line(*here, *there) for here, there in pairwise(points)],
        rows=[Tick(y_of(score), f"{score:g}") for score in (0.0, 0.5, 1.0)],
        columns=[Tick(round(x_of(iteration), 3), str(iteration)) for iteration in range(0, last + 1, every)],
        original_y=None if original is None else y_of(original),
        alt=_describe(name, len(dots), original, led),
    )


def _describe(name: str, count: int, original: float | None, led: Sequence[tuple[int, float]]) -> str:
    text = f"Plot of the {name} score over the iterations, {count} candidates."
    if original is not None:
        text += f" Your prompt: {original:.3f}."
    if led:
        (first, start), (last, end) = led[0], led[-1]
        text += f" Champion: {start:.3f} in iteration {first}, {end:.3f} in iteration {last}."
    return text
