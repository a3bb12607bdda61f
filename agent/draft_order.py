"""Whether two sets of scores rank candidates alike: drafts against full renders. Pure."""

from collections import Counter
from collections.abc import Iterable, Mapping
from itertools import combinations

from agent.records import PairOrders
from agent.standings import TIE

Scores = Mapping[tuple[str, int], float]
"""Overall score by candidate and seed."""


def compare_orders(drafts: Scores, full: Scores) -> PairOrders:
    """Over all pairs of candidates that have both scores on a seed; scores within `TIE` are tied."""
    counts = Counter(
        _order(drafts[one] - drafts[other], full[one] - full[other])
        for one, other in combinations(sorted(drafts.keys() & full.keys()), 2)
        if one[1] == other[1]
    )
    return PairOrders(**counts)


def add_orders(orders: Iterable[PairOrders]) -> PairOrders:
    """The counts of several runs together."""
    total: Counter[str] = Counter()
    for order in orders:
        total.update(order.model_dump())
    return PairOrders(**total)


def _order(before: float, after: float) -> str:
    """The count that a pair with these differences belongs to."""
    is_tied, stays_tied = abs(before) <= TIE, abs(after) <= TIE
    if is_tied and stays_tied:
        return "tied_in_both"
    if is_tied:
        return "tied_as_drafts"
    if stays_tied:
        return "tied_in_full"
    return "agreeing" if before * after > 0 else "opposing"
