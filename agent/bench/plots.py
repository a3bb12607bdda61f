"""Plots as SVG text: the score after each render, the scores by source, and differences with their intervals."""

from collections.abc import Mapping, Sequence
from math import nan

from matplotlib.ticker import MaxNLocator

from agent.bench.intervals import Interval
from agent.figures import HEIGHT_INCHES, ROW_INCHES, name_curves, name_rows, new_plot, svg_of


def plot_curves(curves: Mapping[str, Sequence[float | None]], judged_by: str) -> str:
    """Mean score of the clip that each method would hand over after 1, 2, … renders; unknown points are left out."""
    figure, axes = new_plot(f"Best clip so far, mean score by {judged_by}")
    for method, curve in curves.items():
        axes.plot(range(1, len(curve) + 1), _numbers(curve), marker="o", label=method, gid=f"curve {method}")
    axes.set_xlabel("renders")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    name_curves(axes)
    return svg_of(figure)


def plot_dimensions(dimensions: Mapping[str, Mapping[str, float | None]]) -> str:
    """A row for each source, a dot for each method, from 0 to 1; unknown scores are left out."""
    names = list(dict.fromkeys(name for scores in dimensions.values() for name in scores))
    height = max(HEIGHT_INCHES, 1 + 2 * ROW_INCHES * len(names))
    figure, axes = new_plot("The wordings on unseen seeds, mean score by source", height)
    for place, (method, scores) in enumerate(dimensions.items()):
        shift = 0.6 * ((place + 0.5) / len(dimensions) - 0.5)
        known = _numbers([scores.get(name) for name in names])
        rows = [row + shift for row in range(len(names))]
        axes.plot(known, rows, "o", label=method, gid=f"dots {method}")
    axes.set_xlim(-0.02, 1.02)
    name_rows(axes, names)
    name_curves(axes)
    return svg_of(figure)


def plot_differences(title: str, differences: Mapping[str, Interval]) -> str:
    """A row for each method: its difference with its interval, beside a line at 0; what is unknown is left out."""
    known = {name: found.value for name, found in differences.items() if found.value is not None}
    figure, axes = new_plot(title, 1.2 + ROW_INCHES * len(known))
    axes.axvline(0, color="#555555")
    for row, (name, value) in enumerate(known.items()):
        found = differences[name]
        if found.low is not None and found.high is not None:
            axes.plot([found.low, found.high], [row, row], color=f"C{row}", linewidth=3)
        axes.plot(value, row, "o", color=f"C{row}", gid=f"difference {name}")
        axes.annotate(f"{value:+.3f}", (1.02, row), xycoords=("axes fraction", "data"), va="center")
    name_rows(axes, list(known))
    return svg_of(figure)


def _numbers(scores: Sequence[float | None]) -> list[float]:
    """What is unknown as what is not drawn."""
    return [nan if score is None else score for score in scores]
