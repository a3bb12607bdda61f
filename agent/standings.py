"""Who leads: candidates compared on the same seeds, by a rule over their dimensions, behind a gate of intent.

The rule is average rank unless a run says otherwise: ranks need no common scale, so a source that gives 0.9 to
everything decides nothing. The gate keeps a candidate from winning by being prettier than the original while showing
less of what was asked. Who has been seen on more seeds stands before who has been seen on fewer: a race gives more
seeds to whoever keeps up, and one lucky seed is no lead. Pure.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import combinations
from statistics import fmean
from typing import Any, Literal

from agent.records import Assessed, Candidate, Purpose, Render
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
    """Among all that have a score on its seeds; 1 is best. None when no dimension counts, or it shares no seed."""
    passes_gate: bool = True
    is_dominated: bool = False
    """Whether another is as good in every dimension and better in one; looked at by the rule "pareto" only."""


def rank_candidates(
    candidates: Sequence[Candidate],
    renders: Sequence[Render],
    assessed: Sequence[Assessed],
    selection: Selection | None = None,
    purpose: Purpose = "loop",
) -> list[Standing]:
    """Standings of all candidates that have a scored render of this purpose, the leader first.

    A candidate counts on the seeds that it shares with the original (with the widest other, when the original has no
    score), and is ranked on these among all that have them; who shares none stands last, unranked. So a measurement
    less never lifts a candidate.
    Order: ranked at all, more seeds, gate passed, then by the selection's rule, overall score, earlier candidate.
    """
    selection = selection or Selection()
    scored = scores_by_seed(renders, assessed, purpose)
    if not scored:
        return []
    measure = scored.get("0") or max(scored.values(), key=len)
    shared = {candidate: measure.keys() & by_seed.keys() for candidate, by_seed in scored.items()}
    fields = {seeds: _average_all(scored, seeds) for seeds in {frozenset(seeds) for seeds in shared.values()} if seeds}
    dominated = {seeds: _dominated(list(field.values()), selection) for seeds, field in fields.items()}
    ranks = {seeds: _average_ranks(list(field.values()), selection.weights) for seeds, field in fields.items()}
    standings: list[Standing] = []
    for candidate in (c.id for c in candidates if c.id in scored):
        seeds = frozenset(shared[candidate])
        if not seeds:
            standings.append(_average(candidate, scored[candidate]))
            continue
        field = fields[seeds]
        standings.append(
            replace(
                field[candidate],
                average_rank=ranks[seeds].get(candidate),
                passes_gate=not selection.gate or _keeps_intent(field[candidate], field.get("0")),
                is_dominated=candidate in dominated[seeds],
            )
        )
    return sorted(standings, key=lambda standing: _order(standing, selection.rule))


def pair_standings(
    renders: Sequence[Render], assessed: Sequence[Assessed], purposes: Sequence[Purpose] = ("loop",)
) -> Iterator[tuple[Standing, Standing]]:
    """Each two candidates, unranked, both averaged over the seeds of these purposes that they share with the original.

    Those that share none are no pair; without a score of the original, the seeds are those that the two share. No two
    of the purposes may have a seed in common.
    """
    scored: dict[str, dict[int, Assessment]] = {}
    for purpose in purposes:
        for candidate, by_seed in scores_by_seed(renders, assessed, purpose).items():
            scored.setdefault(candidate, {}).update(by_seed)
    for one, other in combinations(sorted(scored, key=int), 2):
        seeds = frozenset(scored[one].keys() & scored[other].keys() & scored.get("0", scored[one]).keys())
        if seeds:
            field = _average_all(scored, seeds)
            gated = {name: _keeps_intent(field[name], field.get("0")) for name in (one, other)}
            yield replace(field[one], passes_gate=gated[one]), replace(field[other], passes_gate=gated[other])


def scores_by_seed(
    renders: Sequence[Render], assessed: Sequence[Assessed], purpose: Purpose = "loop"
) -> dict[str, dict[int, Assessment]]:
    """What was said of each candidate's renders of this purpose, by seed; those without an overall score are left out.

    A candidate without any is left out, too.
    """
    by_render = {row.render: row.assessment for row in assessed}
    scored: dict[str, dict[int, Assessment]] = {}
    for render in renders:
        assessment = by_render.get(render.id)
        if render.purpose == purpose and assessment is not None and assessment.overall is not None:
            scored.setdefault(render.candidate, {})[render.seed] = assessment
    return scored


def overall_by_seed(renders: Sequence[Render], assessed: Sequence[Assessed]) -> dict[str, dict[int, float]]:
    """The overall scores of each candidate's renders of the loop, by seed."""
    return {
        candidate: {seed: seen.overall for seed, seen in by_seed.items() if seen.overall is not None}
        for candidate, by_seed in scores_by_seed(renders, assessed).items()
    }


def _average_all(scored: Mapping[str, Mapping[int, Assessment]], seeds: frozenset[int]) -> dict[str, Standing]:
    """Those that have a score on all of these seeds, averaged over them."""
    return {
        candidate: _average(candidate, {seed: by_seed[seed] for seed in seeds})
        for candidate, by_seed in scored.items()
        if seeds <= by_seed.keys()
    }


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


def _order(standing: Standing, rule: SelectionRule) -> tuple[float, bool, bool, float, float, int]:
    rank = standing.average_rank
    seeds = 0 if rank is None else len(standing.seeds)
    by_rank = float("inf") if rank is None else 0.0 if rule == "weighted" else rank
    return (
        -seeds,
        not standing.passes_gate,
        standing.is_dominated,
        by_rank,
        -(standing.overall or 0.0),
        int(standing.candidate),
    )
