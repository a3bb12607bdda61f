"""Tables in Markdown, and figures as they stand in them; a dash is unknown."""

from collections.abc import Callable, Iterable, Iterator, Sequence

from agent.bench.intervals import Interval


def write_rows(head: Sequence[str], body: Iterable[Sequence[str]]) -> Iterator[str]:
    """A table, line by line."""
    for cells in (head, ["---"] * len(head), *body):
        yield f"| {' | '.join(map(_escape, cells))} |"


def _escape(cell: str) -> str:
    return " ".join(cell.replace("|", "\\|").split())


def show_number(value: float | None) -> str:
    """Three digits, or a dash for unknown."""
    return "—" if value is None else f"{value:.3f}"


def show_signed(value: float | None) -> str:
    """Three digits with the sign."""
    return "—" if value is None else f"{value:+.3f}"


def show_amount(value: float | None) -> str:
    """One digit."""
    return "—" if value is None else f"{value:.1f}"


def show_range(interval: Interval, show: Callable[[float | None], str] = show_number) -> str:
    """The ends of an interval, each shown so."""
    return "—" if interval.low is None else f"{show(interval.low)} to {show(interval.high)}"
