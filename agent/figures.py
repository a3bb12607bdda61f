"""Plots that are written to files, as SVG text by matplotlib: what they have in common."""

from io import StringIO

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure

WIDTH_INCHES, HEIGHT_INCHES = 7.5, 4.0
ROW_INCHES = 0.45


def new_plot(title: str, height_inches: float = HEIGHT_INCHES) -> tuple[Figure, Axes]:
    """An empty plot with its title; nothing of pyplot, so nothing stays behind and no display is asked for."""
    figure = Figure(figsize=(WIDTH_INCHES, height_inches), layout="constrained")
    axes = figure.add_subplot()
    axes.set_title(title, loc="left", parse_math=False)
    axes.grid(visible=True, color="#dddddd")
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    return figure, axes


def name_curves(axes: Axes) -> None:
    """The names of what was drawn, right of the plot; none where nothing was."""
    handles, labels = axes.get_legend_handles_labels()
    if handles:
        legend = axes.legend(handles, labels, loc="upper left", bbox_to_anchor=(1.0, 1.0), frameon=False)
        for text in legend.get_texts():
            text.set_parse_math(False)


def name_rows(axes: Axes, names: list[str]) -> None:
    """A row for each name, the first one on top."""
    axes.set_yticks(range(len(names)), names, parse_math=False)
    axes.set_ylim(max(1, len(names)) - 0.5, -0.5)


def svg_of(figure: Figure) -> str:
    """The whole file: the same figures make the same bytes, and letters stay letters."""
    text = StringIO()
    with rc_context({"svg.hashsalt": "retake", "svg.fonttype": "none"}):
        figure.savefig(text, format="svg", metadata={"Date": None, "Creator": None})
    return text.getvalue()
