"""Who leads: candidates compared on the same seeds, by average rank over the dimensions, behind a gate of intent.

Ranks need no common scale, so a source that gives 0.9 to everything decides nothing. The gate keeps a candidate from
winning by being prettier than the original while showing less of what was asked. Who has been seen on more seeds stands
before who has been seen on fewer: a race gives more seeds to whoever keeps up, and one lucky seed is no lead. Pure.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from statistics import fmean

from agent.records import Assessed, Candidate, Purpose, Render
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
    """Among all that have a score on its seeds; 1 is best. None when no dimension counts, or it shares no seed."""
    passes_gate: bool = True


def rank_candidates(
    candidates: Sequence[Candidate],
    renders: Sequence[Render],
    assessed: Sequence[Assessed],
    weights: Mapping[str, float] | None = None,
    purpose: Purpose = "loop",
) -> list[Standing]:
    """Standings of all candidates that have a scored render of this purpose, the leader first.

    A candidate counts on the seeds that it shares with the original (with the widest other, when the original has no
    score), and is ranked on these among all that have them; who shares none stands last, unranked. So a measurement
    less never lifts a candidate. `weights` by dimension, 1 unless given, weigh the ranks.
    Order: ranked at all, more seeds, gate passed, average rank, overall score, earlier candidate.
    """
    scored = scores_by_seed(renders, assessed, purpose)
    if not scored:
        return []
    measure = scored.get("0") or max(scored.values(), key=len)
    shared = {candidate: measure.keys() & by_seed.keys() for candidate, by_seed in scored.items()}
    fields = {seeds: _average_all(scored, seeds) for seeds in {frozenset(seeds) for seeds in shared.values()} if seeds}
    ranks = {seeds: _average_ranks(list(field.values()), weights or {}) for seeds, field in fields.items()}
    standings: list[Standing] = []
    for candidate in (c.id for c in candidates if c.id in scored):
        seeds = frozenset(shared[candidate])
        if not seeds:
            standings.append(_average(candidate, scored[candidate]))
            continue
        field = fields[seeds]
        keeps_intent = _keeps_intent(field[candidate], field.get("0"))
        rank = ranks[seeds].get(candidate)
        standings.append(replace(field[candidate], average_rank=rank, passes_gate=keeps_intent))
    return sorted(standings, key=_order)


def pair_standings(renders: Sequence[Render], assessed: Sequence[Assessed]) -> Iterator[tuple[Standing, Standing]]:
    """Each two candidates of the loop, unranked, both averaged over the seeds that they share with the original.

    Those that share none are no pair; without a score of the original, the seeds are those that the two share.
    """
    scored = scores_by_seed(renders, assessed)
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


def _keeps_intent(standing: Standing, original: Standing | None) -> bool:
    if original is None or original.intent is None or standing.candidate == original.candidate:
        return True
    return standing.intent is not None and standing.intent >= original.intent - 1e-9


def _order(standing: Standing) -> tuple[float, bool, float, float, int]:
    rank = standing.average_rank
    seeds = 0 if rank is None else len(standing.seeds)
    place = float("inf") if rank is None else rank
    return (-seeds, not standing.passes_gate, place, -(standing.overall or 0.0), int(standing.candidate))
