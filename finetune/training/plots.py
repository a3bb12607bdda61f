"""Plots of a training run as SVG text: the loss, and for DPO the reward margin, in training and on held-out rows."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from math import floor, isfinite, log10, nan

from agent.svg import (
    COLOURS,
    FOOT_PX,
    HEIGHT_PX,
    LEFT_PX,
    RIGHT_PX,
    TOP_PX,
    WIDTH_PX,
    draw_key,
    draw_line,
    draw_page,
    draw_text,
)

Points = Sequence[tuple[int, float]]
"""(update, value), in order."""
TICKS = 5


def plot_log(title: str, log: Sequence[Mapping[str, float]], key: str) -> str:
    """This key of the trainer's log, and the same key as measured on held-out rows."""
    curves = {"training": points_of(log, key), "held out": points_of(log, f"eval_{key}")}
    return plot_points(title, {name: points for name, points in curves.items() if points})


def points_of(log: Sequence[Mapping[str, float]], key: str) -> Points:
    """(update, value) of each line that has a number under this key."""
    return [(int(line["step"]), line[key]) for line in log if isfinite(line.get(key, nan))]


def plot_points(title: str, curves: Mapping[str, Points]) -> str:
    """A line for each curve over the updates; a curve of one point is that point."""
    points = [point for curve in curves.values() for point in curve]
    last = max((step for step, _ in points), default=1) or 1
    ticks = _ticks([value for _, value in points])
    low, high = ticks[0], ticks[-1]

    def x_of(step: float) -> float:
        return LEFT_PX + (WIDTH_PX - LEFT_PX - RIGHT_PX) * step / last

    def y_of(value: float) -> float:
        return TOP_PX + (HEIGHT_PX - TOP_PX - FOOT_PX) * (high - value) / (high - low)

    body: list[str] = []
    for tick in ticks:
        body.append(draw_line(LEFT_PX, y_of(tick), WIDTH_PX - RIGHT_PX, y_of(tick), "#dddddd", 1))
        body.append(draw_text(LEFT_PX - 8, y_of(tick) + 4, f"{tick:g}", "end"))
    body += [draw_text(x_of(step), HEIGHT_PX - FOOT_PX + 18, str(step), "middle") for step in _steps(last)]
    body.append(draw_text((LEFT_PX + WIDTH_PX - RIGHT_PX) / 2, HEIGHT_PX - 8, "updates", "middle"))
    for row, (name, curve) in enumerate(curves.items()):
        colour = COLOURS[row % len(COLOURS)]
        places = [(x_of(step), y_of(value)) for step, value in curve]
        body += [draw_line(*here, *there, colour, 2) for here, there in pairwise(places)]
        body += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}"/>' for x, y in places]
        body += draw_key(row, name, colour)
    return draw_page(title, body, HEIGHT_PX)


def _ticks(values: Sequence[float]) -> list[float]:
    """Round numbers, two at least, that hold all values between the first and the last."""
    low, high = min(values, default=0.0), max(values, default=1.0)
    rough = (high - low or abs(high) or 1.0) / TICKS
    unit = 10.0 ** floor(log10(rough))
    step = next(unit * factor for factor in (1, 2, 5, 10) if unit * factor >= rough)
    first, last = floor(low / step), -floor(-high / step)
    return [round(place * step, 10) for place in range(first, max(last, first + 1) + 1)]


def _steps(last: int) -> Iterator[int]:
    yield from sorted({round(last * part / TICKS) for part in range(TICKS + 1)})
