"""Plots as SVG text: what they have in common. Made by hand, for want of a plotter."""

from collections.abc import Iterator, Sequence
from html import escape

WIDTH_PX, HEIGHT_PX = 720, 380
LEFT_PX, RIGHT_PX, TOP_PX, FOOT_PX = 52, 150, 44, 44
"""Room around the plot: right of it stand the curves' names."""
ROW_PX = 22
COLOURS = ("#555555", "#1f77b4", "#2ca02c", "#9467bd", "#ff7f0e", "#d62728", "#17becf", "#8c564b")
"""By curve, in order; two more curves than there are colours share one with the first."""


def draw_key(row: int, name: str, colour: str) -> Iterator[str]:
    """A dot and a name right of the plot."""
    y = TOP_PX + ROW_PX * (row + 0.5)
    yield f'<circle cx="{WIDTH_PX - RIGHT_PX + 18}" cy="{y}" r="5" fill="{colour}"/>'
    yield draw_text(WIDTH_PX - RIGHT_PX + 30, y + 4, name, "start")


def draw_line(x1: float, y1: float, x2: float, y2: float, colour: str, width: int) -> str:
    """From one point to another; in pixels, as all here."""
    ends = f'x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"'
    return f'<line {ends} stroke="{colour}" stroke-width="{width}"/>'


def draw_text(x: float, y: float, said: str, anchor: str) -> str:
    """Words, whose start, middle or end is at this point."""
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(said)}</text>'


def draw_page(title: str, body: Sequence[str], height: int) -> str:
    """The whole file."""
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH_PX} {height}" width="{WIDTH_PX}" '
        f'height="{height}" font-family="sans-serif" font-size="13" role="img">'
    )
    back = f'<title>{escape(title)}</title><rect width="100%" height="100%" fill="white"/>'
    said = f'<text x="{LEFT_PX}" y="24" font-size="15" font-weight="bold">{escape(title)}</text>'
    return "\n".join([head, back, said, *body, "</svg>", ""])
