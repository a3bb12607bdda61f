"""Two plots as SVG text: the score after each render, and the scores by source. Made by hand, for want of a plotter."""

from collections.abc import Iterator, Mapping, Sequence
from html import escape
from itertools import pairwise

WIDTH_PX, HEIGHT_PX = 720, 380
LEFT_PX, RIGHT_PX, TOP_PX, FOOT_PX = 52, 150, 44, 44
"""Room around the plot: right of it stand the methods' names."""
ROW_PX = 22
COLOURS = ("#555555", "#1f77b4", "#2ca02c", "#9467bd", "#ff7f0e", "#d62728", "#17becf", "#8c564b")
"""By method, in order; two more methods than there are names share one with the first."""


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
    body += [_text(x_of(count), HEIGHT_PX - FOOT_PX + 18, str(count), "middle") for count in range(1, most + 1)]
    body.append(_text((LEFT_PX + WIDTH_PX - RIGHT_PX) / 2, HEIGHT_PX - 8, "renders", "middle"))
    for row, (method, curve) in enumerate(curves.items()):
        colour = COLOURS[row % len(COLOURS)]
        points = [(x_of(count), y_of(score)) for count, score in enumerate(curve, start=1) if score is not None]
        body += [_line(*here, *there, colour, 2) for here, there in pairwise(points)]
        body += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}"/>' for x, y in points]
        body += _key(row, method, colour)
    return _page(f"Best clip so far, mean score by {judged_by}", body, HEIGHT_PX)


def plot_dimensions(dimensions: Mapping[str, Mapping[str, float | None]]) -> str:
    """A row for each source, a dot for each method, from 0 to 1; unknown scores are left out."""
    names = list(dict.fromkeys(name for scores in dimensions.values() for name in scores))
    height = TOP_PX + FOOT_PX + 2 * ROW_PX * max(1, len(names), (len(dimensions) + 1) // 2)
    left = LEFT_PX + 60

    def x_of(score: float) -> float:
        return left + (WIDTH_PX - left - RIGHT_PX) * score

    body: list[str] = []
    for tick in (0.0, 0.25, 0.5, 0.75, 1.0):
        body.append(_line(x_of(tick), TOP_PX, x_of(tick), height - FOOT_PX, "#dddddd", 1))
        body.append(_text(x_of(tick), height - FOOT_PX + 18, f"{tick:g}", "middle"))
    for at, name in enumerate(names):
        body.append(_text(left - 10, TOP_PX + 2 * ROW_PX * (at + 0.5) + 4, name, "end"))
    for row, (method, scores) in enumerate(dimensions.items()):
        colour, shift = COLOURS[row % len(COLOURS)], (row + 0.5) / len(dimensions) - 0.5
        for at, name in enumerate(names):
            if (score := scores.get(name)) is not None:
                y = TOP_PX + 2 * ROW_PX * (at + 0.5 + 0.7 * shift)
                body.append(f'<circle cx="{x_of(score):.1f}" cy="{y:.1f}" r="4" fill="{colour}"/>')
        body += _key(row, method, colour)
    return _page("The wordings on unseen seeds, mean score by source", body, height)


def _range(known: Sequence[float]) -> tuple[float, float]:
    """Bounds in tenths that hold all scores, two tenths apart at least."""
    low, high = min(known, default=0.0), max(known, default=1.0)
    down, up = int(low * 10) / 10, -int(-high * 10 // 1) / 10
    return (down, up) if up - down >= 0.2 else (max(0.0, up - 0.2), max(0.2, up))


def _grid(low: float, high: float, y_of) -> Iterator[str]:
    for step in range(round((high - low) * 10) + 1):
        score = low + step / 10
        yield _line(LEFT_PX, y_of(score), WIDTH_PX - RIGHT_PX, y_of(score), "#dddddd", 1)
        yield _text(LEFT_PX - 8, y_of(score) + 4, f"{score:.1f}", "end")


def _key(row: int, method: str, colour: str) -> Iterator[str]:
    y = TOP_PX + ROW_PX * (row + 0.5)
    yield f'<circle cx="{WIDTH_PX - RIGHT_PX + 18}" cy="{y}" r="5" fill="{colour}"/>'
    yield _text(WIDTH_PX - RIGHT_PX + 30, y + 4, method, "start")


def _line(x1: float, y1: float, x2: float, y2: float, colour: str, width: int) -> str:
    ends = f'x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"'
    return f'<line {ends} stroke="{colour}" stroke-width="{width}"/>'


def _text(x: float, y: float, said: str, anchor: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(said)}</text>'


def _page(title: str, body: Sequence[str], height: int) -> str:
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH_PX} {height}" width="{WIDTH_PX}" '
        f'height="{height}" font-family="sans-serif" font-size="13" role="img">'
    )
    back = f'<title>{escape(title)}</title><rect width="100%" height="100%" fill="white"/>'
    said = f'<text x="{LEFT_PX}" y="24" font-size="15" font-weight="bold">{escape(title)}</text>'
    return "\n".join([head, back, said, *body, "</svg>", ""])
