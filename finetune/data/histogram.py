"""How far apart the compared candidates are, as a histogram in letters."""

from collections import Counter
from collections.abc import Sequence
from math import floor

BAR = 40
"""Letters of the longest bar."""


def draw_histogram(values: Sequence[float], threshold: float, said: str, step: float = 0.05) -> list[str]:
    """A line for each step that has a value between the least and the greatest, and one that marks the threshold.

    The threshold stands before the step that it falls into. No lines without values.
    """
    if not values:
        return []
    counts = Counter(floor(value / step + 1e-9) for value in values)
    first, last = min(counts), max(counts)
    mark = min(max(floor(threshold / step + 1e-9), first), last + 1)
    tallest = max(counts.values())
    lines: list[str] = []
    for place in range(first, last + 1):
        if place == mark:
            lines.append(f"{'- ' * 8}{said}")
        count = counts[place]
        lines.append(f"{place * step:+.2f}  {'#' * -(-count * BAR // tallest):<{BAR}}  {count}")
    return [*lines, f"{'- ' * 8}{said}"] if mark > last else lines
