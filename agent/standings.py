"""Who leads: candidates compared on the same seeds, by average rank over the dimensions, behind a gate of intent.

Ranks need no common scale, so a source that gives 0.9 to everything decides nothing. The gate keeps a candidate from
winning by being prettier than the original while showing less of what was asked. Pure.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Literal

from agent.records import Assessed, Candidate, Render
from feedback.records import Assessment

TIE = 0.01
"""Scores nearer than this count as equal."""


@dataclass(frozen=True)
class Standing:
    """How one candidate did, averaged over the seeds that count."""

    candidate: str
    seeds: tuple[int, ...]
    overall: float | None
    intent: float | None
    dimensions: Mapping[str, float | None]
    average_rank: float | None = None
    """1 is best; None when it has no score."""
    passes_gate: bool = True


def rank_candidates(
    candidates: Sequence[Candidate],
    renders: Sequence[Render],
    assessed: Sequence[Assessed],
    weights: Mapping[str, float] | None = None,
    purpose: Literal["loop", "full"] = "loop",
) -> list[Standing]:
    """Standings of all candidates that have a scored render of this purpose, the leader first.

    Compared are those that have a score on every seed of the original (of the widest other, when the original has
    none), on these seeds; the rest stand last, unranked. `weights` by dimension, 1 unless given, weigh the ranks.
    Order: gate passed, average rank, overall score, earlier candidate.
    """
    by_render = {row.render: row.assessment for row in assessed}
    scored: dict[str, dict[int, Assessment]] = {}
    for render in renders:
        assessment = by_render.get(render.id)
        if render.purpose == purpose and assessment is not None and assessment.overall is not None:
            scored.setdefault(render.candidate, {})[render.seed] = assessment
    if not scored:
        return []
    seeds = set(scored.get("0") or max(scored.values(), key=len))
    compared = {candidate for candidate, by_seed in scored.items() if seeds <= by_seed.keys()}
    standings = [
        _average(c.id, {s: a for s, a in scored[c.id].items() if c.id not in compared or s in seeds})
        for c in candidates
        if c.id in scored
    ]
    original = next((standing for standing in standings if standing.candidate == "0"), None)
    ranks = _average_ranks([s for s in standings if s.candidate in compared], weights or {})
    ranked = [
        Standing(
            standing.candidate, standing.seeds, standing.overall, standing.intent, standing.dimensions,
            average_rank=ranks.get(standing.candidate), passes_gate=_keeps_intent(standing, original),
        )
        for standing in standings
    ]  # fmt: skip
    return sorted(ranked, key=_order)


def _average(candidate: str, by_seed: Mapping[int, Assessment]) -> Standing:
    names = {name for assessment in by_seed.values() for name in assessment.dimensions}
    return Standing(
        candidate,
        tuple(sorted(by_seed)),
        mean_known([assessment.overall for assessment in by_seed.values()]),
        mean_known([assessment.intent for assessment in by_seed.values()]),
        {
            name: mean_known([assessment.dimensions.get(name) for assessment in by_seed.values()])
            for name in sorted(names)
        },
    )


def mean_known(values: Sequence[float | None]) -> float | None:
    """Mean of the values that are known; None when none is."""
    known = [value for value in values if value is not None]
    return fmean(known) if known else None


def _average_ranks(standings: Sequence[Standing], weights: Mapping[str, float]) -> dict[str, float]:
    """Weighted mean over the dimensions of 1 + how many candidates are better there by more than a tie."""
    ranks: dict[str, list[tuple[int, float]]] = {}
    for name in {name for standing in standings for name in standing.dimensions}:
        values = {s.candidate: v for s in standings if (v := s.dimensions.get(name)) is not None}
        for candidate, value in values.items():
            better = sum(other > value + TIE for other in values.values())
            ranks.setdefault(candidate, []).append((1 + better, weights.get(name, 1.0)))
    return {
        candidate: fmean(*zip(*found, strict=True))
        for candidate, found in ranks.items()
        if any(weight for _, weight in found)
    }


def _keeps_intent(standing: Standing, original: Standing | None) -> bool:
    if original is None or original.intent is None or standing.candidate == original.candidate:
        return True
    return standing.intent is not None and standing.intent >= original.intent - 1e-9


def _order(standing: Standing) -> tuple[bool, float, float, int]:
    rank = standing.average_rank if standing.average_rank is not None else float("inf")
    return (rank == float("inf") or not standing.passes_gate, rank, -(standing.overall or 0.0), int(standing.candidate))
