"""What the measurements say: means, paired differences, win rates, regressions, costs. Pure."""

from collections import Counter
from collections.abc import Mapping, Sequence
from statistics import fmean

from agent.bench.intervals import LEVEL, Interval, bootstrap_mean, share
from agent.bench.records import MEASURES, Measure, Measured
from agent.bench.registry import ABLATIONS
from agent.records import Record
from agent.standings import TIE, mean_known

REFERENCES = ("raw", "best_of_n")


class Versus(Record):
    """One method against another on the same prompts."""

    method: str
    reference: str
    difference: Interval
    """Mean over the prompts on which both have a score."""
    wins: int
    ties: int
    """Nearer than `agent.standings.TIE`."""
    losses: int
    win_rate: Interval
    """Ties count half."""
    holds_among_many: bool
    """Whether 0 is outside of an interval at 1 - 0.05 / c as well, for the c comparisons of this table (Bonferroni)."""


class Comparison(Record):
    """All methods by one measure."""

    measure: Measure
    means: dict[str, Interval]
    versus: list[Versus]


class Cost(Record):
    """What a method took, per prompt in the mean."""

    prompts: int
    renders: float
    stopped_early: Interval
    """Share of the prompts for which it left renders unspent."""
    stops: dict[str, int]
    """How often it ended for which reason."""
    as_typed: Interval
    """Share of the prompts of which it hands over the wording as it was."""
    llm_calls: float
    tokens_in: float | None
    tokens_out: float | None
    """None when a server did not say."""
    seconds: float | None
    """Over the prompts of which it is known."""


def compare(rows: Sequence[Measured], measure: Measure, references: Sequence[str] = REFERENCES) -> Comparison:
    """All methods against the references, the loop against a blind rewrite, and the loop's ablations against the loop.

    Each pair is compared on the prompts on which both have a score.
    """
    scores = {method: _scores(rows, method, measure) for method in methods_of(rows)}
    pairs = [
        (method, reference)
        for reference in references
        for method in scores
        if reference in scores and method != reference and method != "raw"
    ]
    others = [("loop", "blind_rewrite"), *((method, "loop") for method in ABLATIONS)]
    pairs += [pair for pair in others if scores.keys() >= set(pair)]
    return Comparison(
        measure=measure,
        means={method: bootstrap_mean(list(known.values())) for method, known in scores.items()},
        versus=[_versus(method, reference, scores, len(pairs)) for method, reference in pairs],
    )


def compare_all(rows: Sequence[Measured]) -> list[Comparison]:
    """By every measure that has a score at all."""
    return [compare(rows, measure) for measure in MEASURES if any(row.score(measure) is not None for row in rows)]


def count_regressions(rows: Sequence[Measured], measure: Measure, margin: float) -> dict[str, Interval]:
    """Share of prompts on which a method's score is below raw's by more than the margin, by method."""
    raw = _scores(rows, "raw", measure)
    found: dict[str, Interval] = {}
    for method in methods_of(rows):
        if method != "raw":
            known = _scores(rows, method, measure)
            both = known.keys() & raw.keys()
            found[method] = share(sum(known[prompt] < raw[prompt] - margin for prompt in both), len(both))
    return found


def count_costs(rows: Sequence[Measured], renders: int) -> dict[str, Cost]:
    """What each method took, of so many renders that it might have spent."""
    return {method: _cost([row for row in rows if row.method == method], renders) for method in methods_of(rows)}


def mean_dimensions(rows: Sequence[Measured]) -> dict[str, dict[str, float | None]]:
    """Mean of each source's score of the texts on the verification seeds, by method."""
    names = sorted({name for row in rows for name in row.dimensions})
    return {
        method: {name: mean_known([r.dimensions.get(name) for r in rows if r.method == method]) for name in names}
        for method in methods_of(rows)
    }


def mean_curves(rows: Sequence[Measured]) -> dict[str, list[float | None]]:
    """After 1, 2, … renders, the mean score of the clip that a method would hand over then."""
    return {
        method: [mean_known(after) for after in zip(*(r.curve for r in rows if r.method == method), strict=True)]
        for method in methods_of(rows)
    }


def methods_of(rows: Sequence[Measured]) -> list[str]:
    """The methods that have rows, in the order in which they come."""
    return list(dict.fromkeys(row.method for row in rows))


def _scores(rows: Sequence[Measured], method: str, measure: Measure) -> dict[str, float]:
    return {r.prompt: score for r in rows if r.method == method and (score := r.score(measure)) is not None}


def _versus(method: str, reference: str, scores: Mapping[str, Mapping[str, float]], comparisons: int) -> Versus:
    ours, theirs = scores[method], scores[reference]
    differences = [ours[prompt] - theirs[prompt] for prompt in ours if prompt in theirs]
    outcomes = [0.5 if abs(difference) < TIE else float(difference > 0) for difference in differences]
    counts = Counter(outcomes)
    return Versus(
        method=method,
        reference=reference,
        difference=bootstrap_mean(differences),
        wins=counts[1.0],
        ties=counts[0.5],
        losses=counts[0.0],
        win_rate=bootstrap_mean(outcomes),
        holds_among_many=bootstrap_mean(differences, 1 - (1 - LEVEL) / comparisons).excludes_zero,
    )


def _cost(rows: Sequence[Measured], renders: int) -> Cost:
    tokens_in, tokens_out = [row.tokens_in for row in rows], [row.tokens_out for row in rows]
    return Cost(
        prompts=len(rows),
        renders=fmean(row.renders for row in rows),
        stopped_early=share(sum(row.renders < renders for row in rows), len(rows)),
        stops=dict(Counter(row.stop for row in rows if row.stop)),
        as_typed=share(sum(row.text == row.prompt for row in rows), len(rows)),
        llm_calls=fmean(row.llm_calls for row in rows),
        tokens_in=None if None in tokens_in else mean_known(tokens_in),
        tokens_out=None if None in tokens_out else mean_known(tokens_out),
        seconds=mean_known([row.seconds for row in rows]),
    )
