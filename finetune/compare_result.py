"""What a comparison says: the bench's figures for the wordings, shares of the loop's gain, and sentences. Pure."""

from collections.abc import Iterator, Mapping, Sequence

from agent.bench.compare import Comparison, Cost, Versus, compare
from agent.bench.intervals import Interval, bootstrap_ratio
from agent.bench.records import Failed, Measure, Measured
from agent.bench.result import BenchResult
from agent.bench.table import FEW_PROMPTS
from agent.records import Record

REFERENCES = ("raw", "few_shot", "base", "sft", "loop")
NAMES = {
    "raw": "the prompt as typed",
    "few_shot": "the base model shown examples",
    "base": "the base model told the same",
    "sft": "SFT",
    "dpo": "DPO",
    "loop": "the loop",
}
WORDING: tuple[Measure, ...] = ("text_held_out", "text_own")
"""Measures of the wording on unseen seeds, the one that counts most first."""


class CompareResult(Record):
    """All that a comparison says, as in compare.json; the bench's own figures stand beside it in results.json."""

    prompts: int
    seen_in_training: list[str]
    """Prompts that were left out, because a rewriter was trained on them."""
    comparisons: list[Comparison]
    """By the measures of the wording that have scores."""
    shares: dict[Measure, dict[str, Interval]]
    """Of each method, its gain over the prompt as typed in the loop's gain; None where the loop gains nothing."""
    costs: dict[str, Cost]
    skipped: dict[str, str]
    failed: list[Failed]
    sentences: list[str]


def make_compare_result(bench: BenchResult, seen: Sequence[str]) -> CompareResult:
    """The outcome of a comparison, of the rows of its bench."""
    comparisons = [
        compare(bench.rows, measure, REFERENCES)
        for measure in WORDING
        if any(row.score(measure) is not None for row in bench.rows)
    ]
    shares: dict[Measure, dict[str, Interval]] = {
        comparison.measure: find_shares(bench.rows, comparison.measure) for comparison in comparisons
    }
    lines = [*_warn(bench, seen)]
    if comparisons:
        first = comparisons[0]
        lines += [*_judge(first), *_say_shares(shares[first.measure], bench.settings.renders)]
    return CompareResult(
        prompts=bench.prompts,
        seen_in_training=list(seen),
        comparisons=comparisons,
        shares=shares,
        costs=bench.costs,
        skipped=bench.skipped,
        failed=bench.failed,
        sentences=lines,
    )


def find_shares(rows: Sequence[Measured], measure: Measure) -> dict[str, Interval]:
    """Each method's mean gain over raw in the loop's mean gain, over the prompts on which all three have a score."""
    scores: dict[str, dict[str, float]] = {}
    for row in rows:
        if (score := row.score(measure)) is not None:
            scores.setdefault(row.method, {})[row.prompt] = score
    raw, loop = scores.get("raw", {}), scores.get("loop", {})
    shares: dict[str, Interval] = {}
    for method, known in scores.items():
        both = [prompt for prompt in known if prompt in raw and prompt in loop]
        if method not in ("raw", "loop"):
            gains = [known[prompt] - raw[prompt] for prompt in both]
            shares[method] = bootstrap_ratio(gains, [loop[prompt] - raw[prompt] for prompt in both])
    return shares


def _warn(bench: BenchResult, seen: Sequence[str]) -> Iterator[str]:
    if seen:
        yield f"{len(seen)} of the prompts stand in the training data, and were left out."
    if bench.prompts < FEW_PROMPTS:
        yield f"{bench.prompts} prompts are too few: take none of these intervals at its word below {FEW_PROMPTS}."
    if bench.settings.held_out is None:
        yield "No judge was held out: the figures are by the assessment that the loop itself optimizes, and flatter it."


def _judge(comparison: Comparison) -> Iterator[str]:
    """A sentence for each distilled rewriter against each control, and for DPO against SFT."""
    for versus in comparison.versus:
        trained, against = versus.method in ("sft", "dpo"), versus.reference in ("raw", "few_shot", "base")
        if trained and (against or (versus.method, versus.reference) == ("dpo", "sft")):
            yield _judge_one(versus)


def _judge_one(versus: Versus) -> str:
    one, other, found = NAMES[versus.method], NAMES[versus.reference], versus.difference
    if found.value is None or found.low is None or found.high is None:
        return f"{one} and {other}: no prompt has a score of both."
    figures = f"{found.value:+.3f}, 95 % {found.low:+.3f} to {found.high:+.3f}, {found.n} prompts"
    if not found.excludes_zero:
        return f"{one} can't be told from {other}: the interval holds 0 ({figures})."
    if found.value > 0:
        return f"{one} is better than {other} ({figures})."
    advice = {
        "raw": "leave prompts as they are",
        "few_shot": "use the examples",
        "base": "use the instruction",
        "sft": "use SFT",
    }[versus.reference]
    return f"{one} is WORSE than {other} ({figures}): {advice} instead."


def _say_shares(shares: Mapping[str, Interval], renders: int) -> Iterator[str]:
    for method in ("sft", "dpo"):
        share = shares.get(method)
        if share is None or not share.n:
            continue
        if share.value is None or share.low is None or share.high is None:
            yield "The loop's own gain can't be told from 0 on these prompts, so nothing is said of shares of it."
            return
        figures = f"{share.value:.0%} of the loop's gain (95 % {share.low:.0%} to {share.high:.0%})"
        yield f"{NAMES[method]} has {figures}, with 1 render instead of up to {renders}."
