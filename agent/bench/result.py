"""The outcome of a bench, made of its measurements: what results.json holds."""

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import Field

from agent.bench.compare import (
    Comparison,
    Cost,
    compare_all,
    count_costs,
    count_regressions,
    mean_curves,
    mean_dimensions,
)
from agent.bench.intervals import Interval
from agent.bench.measure import Measurements
from agent.bench.records import BenchSettings, Failed, Measure, Measured
from agent.records import Record
from agent.run_folder import provenance


class BenchResult(Record):
    """All that a bench says, as in results.json."""

    settings: BenchSettings
    prompts: int
    skipped: dict[str, str]
    """Methods that can't be run here, and why."""
    failed: list[Failed]
    comparisons: list[Comparison]
    """By every measure that has scores, the one that counts most first."""
    regressions_measure: Measure
    regressions: dict[str, Interval]
    costs: dict[str, Cost]
    dimensions: dict[str, dict[str, float | None]]
    curves: dict[str, list[float | None]]
    rows: list[Measured]
    made: dict[str, Any] = Field(default_factory=dict)
    """When, with which versions and from which commit."""


def make_result(
    settings: BenchSettings, prompts: Sequence[str], skipped: Mapping[str, str], found: Measurements
) -> BenchResult:
    """The outcome of these measurements."""
    measure: Measure = "text_held_out" if settings.held_out else "text_own"
    return BenchResult(
        settings=settings,
        prompts=len(prompts),
        skipped=dict(skipped),
        failed=found.failed,
        comparisons=compare_all(found.rows),
        regressions_measure=measure,
        regressions=count_regressions(found.rows, measure, settings.margin),
        costs=count_costs(found.rows, settings.renders),
        dimensions=mean_dimensions(found.rows),
        curves=mean_curves(found.rows),
        rows=found.rows,
        made=provenance(),
    )
