"""Means, shares and their intervals over prompts. Pure."""

from collections.abc import Sequence
from math import sqrt
from statistics import NormalDist

import numpy as np

from agent.records import Record

RESAMPLES = 10_000
"""Of the bootstrap."""
LEVEL = 0.95


class Interval(Record):
    """An estimate from `n` prompts with its interval; all None from no prompts."""

    value: float | None
    low: float | None
    high: float | None
    n: int

    @property
    def excludes_zero(self) -> bool:
        """Whether the interval lies on one side of 0."""
        return self.low is not None and self.high is not None and (self.low > 0 or self.high < 0)


def bootstrap_mean(values: Sequence[float], level: float = LEVEL, seed: int = 0) -> Interval:
    """The mean with its percentile bootstrap interval, 10,000 resamples over the values.

    The same values give the same interval. From few prompts it is too narrow: of a single one it has no width at all.
    """
    if not values:
        return Interval(value=None, low=None, high=None, n=0)
    known = np.asarray(values, float)
    rng = np.random.default_rng(seed)
    means = known[rng.integers(len(known), size=(RESAMPLES, len(known)))].mean(axis=1)
    low, high = np.quantile(means, [(1 - level) / 2, (1 + level) / 2])
    return Interval(value=float(known.mean()), low=float(low), high=float(high), n=len(known))


def bootstrap_ratio(parts: Sequence[float], wholes: Sequence[float], level: float = LEVEL, seed: int = 0) -> Interval:
    """The mean of the parts in the mean of the wholes, with a percentile bootstrap interval over the pairs.

    All None where the wholes' own interval holds 0 or less: a share of that says nothing. Resamples in which their mean
    is not above 0, which are then few, are left out.
    """
    if (bootstrap_mean(wholes, level, seed).low or 0.0) <= 0:
        return Interval(value=None, low=None, high=None, n=len(wholes))
    ours, theirs = np.asarray(parts, float), np.asarray(wholes, float)
    picks = np.random.default_rng(seed).integers(len(ours), size=(RESAMPLES, len(ours)))
    ours_means, theirs_means = ours[picks].mean(axis=1), theirs[picks].mean(axis=1)
    able = theirs_means > 0
    low, high = np.quantile(ours_means[able] / theirs_means[able], [(1 - level) / 2, (1 + level) / 2])
    return Interval(value=float(ours.mean() / theirs.mean()), low=float(low), high=float(high), n=len(ours))


def share(count: int, total: int, level: float = LEVEL) -> Interval:
    """The share count / total with Wilson's interval.

    It has a width also where count is 0, as a bootstrap's has not.
    """
    if total == 0:
        return Interval(value=None, low=None, high=None, n=0)
    z, p = NormalDist().inv_cdf((1 + level) / 2), count / total
    middle, scale = p + z * z / (2 * total), 1 + z * z / total
    half = z * sqrt(p * (1 - p) / total + z * z / (4 * total * total))
    low, high = (middle - half) / scale, (middle + half) / scale
    return Interval(value=p, low=max(0.0, min(low, p)), high=min(1.0, max(high, p)), n=total)
