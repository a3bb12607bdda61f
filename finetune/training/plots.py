"""Plots of a training run as SVG text: the loss, and for DPO the reward margin, in training and on held-out rows."""

from collections.abc import Mapping, Sequence
from math import isfinite, nan

from matplotlib.ticker import MaxNLocator

from agent.figures import name_curves, new_plot, svg_of


def plot_log(title: str, log: Sequence[Mapping[str, float]], key: str) -> str:
    """This key of the trainer's log over the updates, and the same key as measured on held-out rows."""
    figure, axes = new_plot(title)
    for name, found in (("training", key), ("held out", f"eval_{key}")):
        if points := [(line["step"], line[found]) for line in log if isfinite(line.get(found, nan))]:
            axes.plot(*zip(*points, strict=True), marker="o", markersize=4, label=name, gid=name)
    axes.set_xlabel("updates")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    name_curves(axes)
    return svg_of(figure)
