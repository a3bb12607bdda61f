"""Plots as SVG text: the score after each render, the scores by source, and differences with their intervals."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise

from agent.bench.intervals import Interval
from agent.svg import (
    COLOURS,
    FOOT_PX,
    HEIGHT_PX,
    LEFT_PX,
    RIGHT_PX,
    ROW_PX,
    TOP_PX,
    WIDTH_PX,
    draw_key,
    draw_line,
    draw_page,
    draw_text,
)


def plot_curves(curves: Mapping[str, Sequence[float | None]], judged_by: str) -> str:
    """Mean score of the clip that each method would hand over after 1, 2, … renders; unknown points are left out."""
    most = max((len(curve) for curve in curves.values()), default=0)
    known = [score for curve in curves.values() for score in curve if score is not None]
    low, high = _range(known)

    def x_of(count: int) -> float:
        return LEFT_PX + (WIDTH_PX - LEFT_PX - RIGHT_PX) * (count - 0.5) / max(1, most)

    def y_of(score: float) -> float:
        return TOP_PX + (HEIGHT_PX - TOP_PX - FOOT_PX) * (high - score) / (high - low)

    body = [*_grid(low, high, y_of)]
    body += [draw_text(x_of(count), HEIGHT_PX - FOOT_PX + 18, str(count), "middle") for count in range(1, most + 1)]
    body.append(draw_text((LEFT_PX + WIDTH_PX - RIGHT_PX) / 2, HEIGHT_PX - 8, "renders", "middle"))
    for row, (method, curve) in enumerate(curves.items()):
        colour = COLOURS[row % len(COLOURS)]
        points = [(x_of(count), y_of(score)) for count, score in enumerate(curve, start=1) if score is not None]
        body += [draw_line(*here, *there, colour, 2) for here, there in pairwise(points)]
        body += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}"/>' for x, y in points]
        body += draw_key(row, method, colour)
    return draw_page(f"Best clip so far, mean score by {judged_by}", body, HEIGHT_PX)


def plot_dimensions(dimensions: Mapping[str, Mapping[str, float | None]]) -> str:
    """A row for each source, a dot for each method, from 0 to 1; unknown scores are left out."""
    names = list(dict.fromkeys(name for scores in dimensions.values() for name in scores))
    height = TOP_PX + FOOT_PX + 2 * ROW_PX * max(1, len(names), (len(dimensions) + 1) // 2)
    left = LEFT_PX + 60

    def x_of(score: float) -> float:
        return left + (WIDTH_PX - left - RIGHT_PX) * score

    body: list[str] = []
    for tick in (0.0, 0.25, 0.5, 0.75, 1.0):
        body.append(draw_line(x_of(tick), TOP_PX, x_of(tick), height - FOOT_PX, "#dddddd", 1))
        body.append(draw_text(x_of(tick), height - FOOT_PX + 18, f"{tick:g}", "middle"))
    for at, name in enumerate(names):
        body.append(draw_text(left - 10, TOP_PX + 2 * ROW_PX * (at + 0.5) + 4, name, "end"))
    for row, (method, scores) in enumerate(dimensions.items()):
        colour, shift = COLOURS[row % len(COLOURS)], (row + 0.5) / len(dimensions) - 0.5
        for at, name in enumerate(names):
            if (score := scores.get(name)) is not None:
                y = TOP_PX + 2 * ROW_PX * (at + 0.5 + 0.7 * shift)
                body.append(f'<circle cx="{x_of(score):.1f}" cy="{y:.1f}" r="4" fill="{colour}"/>')
        body += draw_key(row, method, colour)
    return draw_page("The wordings on unseen seeds, mean score by source", body, height)


def plot_differences(title: str, differences: Mapping[str, Interval]) -> str:
    """A row for each method: its difference with its interval, beside a line at 0; what is unknown is left out."""
    known = {name: found for name, found in differences.items() if found.value is not None}
    ends = [abs(end) for found in known.values() for end in (found.low, found.high, found.value) if end is not None]
    most = max([0.1, *(-int(-end * 10 // 1) / 10 for end in ends)])
    height = TOP_PX + FOOT_PX + 2 * ROW_PX * max(1, len(known))
    left = LEFT_PX + 60

    def x_of(difference: float) -> float:
        return left + (WIDTH_PX - left - RIGHT_PX) * (difference + most) / (2 * most)

    body: list[str] = []
    for tick in (-most, -most / 2, 0.0, most / 2, most):
        body.append(draw_line(x_of(tick), TOP_PX, x_of(tick), height - FOOT_PX, "#dddddd" if tick else "#555555", 1))
        body.append(draw_text(x_of(tick), height - FOOT_PX + 18, f"{tick:+g}" if tick else "0", "middle"))
    for row, (name, found) in enumerate(known.items()):
        y, colour = TOP_PX + 2 * ROW_PX * (row + 0.5), COLOURS[(row + 1) % len(COLOURS)]
        if found.low is not None and found.high is not None:
            body.append(draw_line(x_of(found.low), y, x_of(found.high), y, colour, 3))
        body.append(f'<circle cx="{x_of(found.value or 0.0):.1f}" cy="{y:.1f}" r="5" fill="{colour}"/>')
        body.append(draw_text(left - 10, y + 4, name, "end"))
        body.append(draw_text(WIDTH_PX - RIGHT_PX + 18, y + 4, f"{found.value:+.3f}", "start"))
    return draw_page(title, body, height)


def _range(known: Sequence[float]) -> tuple[float, float]:
    """Bounds in tenths that hold all scores, two tenths apart at least."""
    low, high = min(known, default=0.0), max(known, default=1.0)
    down, up = int(low * 10) / 10, -int(-high * 10 // 1) / 10
    return (down, up) if up - down >= 0.2 else (max(0.0, up - 0.2), max(0.2, up))


def _grid(low: float, high: float, y_of) -> Iterator[str]:
    for step in range(round((high - low) * 10) + 1):
        score = low + step / 10
        yield draw_line(LEFT_PX, y_of(score), WIDTH_PX - RIGHT_PX, y_of(score), "#dddddd", 1)
        yield draw_text(LEFT_PX - 8, y_of(score) + 4, f"{score:.1f}", "end")
