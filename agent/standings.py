"""Who leads: candidates compared on the same seeds, by a rule over their dimensions, behind a gate of intent.

The rule is average rank unless a run says otherwise: ranks need no common scale, so a source that gives 0.9 to
everything decides nothing. The gate keeps a candidate from
winning by being prettier than the original while showing less of what was asked. Pure.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import fmean
from typing import Any, Literal

from agent.records import Assessed, Candidate, Render
from feedback.records import Assessment

TIE = 0.01
"""Scores nearer than this count as equal."""


SelectionRule = Literal["average_rank", "weighted", "pareto"]
"""By average rank over the dimensions; by overall score; by average rank among those that no other dominates."""


@dataclass(frozen=True)
class Selection:
    """By what a run chooses its leader."""

    weights: Mapping[str, float] = field(default_factory=dict[str, float])
    """By dimension, 1 unless given: they weigh the ranks, and a dimension of weight 0 decides nothing."""
    rule: SelectionRule = "average_rank"
    gate: bool = True
    """Whether a candidate that shows less of what was asked than the original must stand behind the others."""

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> "Selection":
        """As a run's saved config says; the defaults where an older one says nothing."""
        said = config.get("select", {})
        return cls(
            config.get("assess", {}).get("weights") or {},
            said.get("rule", cls.rule),
            said.get("gate", cls.gate),
        )


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
    is_dominated: bool = False
    """Whether another is as good in every dimension and better in one; looked at by the rule "pareto" only."""


def rank_candidates(
    candidates: Sequence[Candidate],
    renders: Sequence[Render],
    assessed: Sequence[Assessed],
    selection: Selection | None = None,
    purpose: Literal["loop", "full"] = "loop",
) -> list[Standing]:
    """Standings of all candidates that have a scored render of this purpose, the leader first.

    Compared are those that have a score on every seed of the original (of the widest other, when the original has
    none), on these seeds; the rest stand last, unranked.
    Order: gate passed, then by the selection's rule, overall score, earlier candidate.
    """
    selection = selection or Selection()
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
    ranks = _average_ranks([s for s in standings if s.candidate in compared], selection.weights)
    dominated = _dominated([s for s in standings if s.candidate in compared], selection)
    ranked = [
        Standing(
            standing.candidate, standing.seeds, standing.overall, standing.intent, standing.dimensions,
            average_rank=ranks.get(standing.candidate),
            passes_gate=not selection.gate or _keeps_intent(standing, original),
            is_dominated=standing.candidate in dominated,
        )
        for standing in standings
    ]  # fmt: skip
    return sorted(ranked, key=lambda standing: _order(standing, selection.rule))


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


def _dominated(standings: Sequence[Standing], selection: Selection) -> set[str]:
    """Ids of those that another dominates; none by any rule but "pareto"."""
    if selection.rule != "pareto":
        return set()
    scores = {
        s.candidate: {n: v for n, v in s.dimensions.items() if v is not None and selection.weights.get(n, 1.0)}
        for s in standings
    }
    return {one for one in scores if any(_dominates(scores[other], scores[one]) for other in scores)}


def _dominates(better: Mapping[str, float], worse: Mapping[str, float]) -> bool:
    """Only what has a score in the very same dimensions can be dominated, else who lacks a score could go round."""
    if better.keys() != worse.keys():
        return False
    return better != worse and all(value >= worse[name] for name, value in better.items())


def _keeps_intent(standing: Standing, original: Standing | None) -> bool:
    if original is None or original.intent is None or standing.candidate == original.candidate:
        return True
    return standing.intent is not None and standing.intent >= original.intent - 1e-9


def _order(standing: Standing, rule: SelectionRule) -> tuple[bool, bool, float, float, int]:
    rank = standing.average_rank if standing.average_rank is not None else float("inf")
    is_unranked = rank == float("inf")
    by_rank = 0.0 if rule == "weighted" and not is_unranked else rank
    return (
        is_unranked or not standing.passes_gate,
        standing.is_dominated,
        by_rank,
        -(standing.overall or 0.0),
        int(standing.candidate),
    )
