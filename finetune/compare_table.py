"""A comparison as Markdown and as a plot."""

from collections.abc import Iterator

from agent.bench.compare import Comparison
from agent.bench.intervals import RESAMPLES, Interval
from agent.bench.markdown import show_amount, show_number, show_range, show_signed, write_rows
from agent.bench.plots import plot_differences
from agent.bench.table import TITLES
from finetune.compare import METHODS
from finetune.compare_result import NAMES, CompareResult

UNKNOWN = Interval(value=None, low=None, high=None, n=0)


def write_compare_table(result: CompareResult) -> str:
    """The whole page: what it says in sentences, a table for each measure, costs, what is missing."""
    lines = [f"# Distilled rewriters on {result.prompts} held-out prompts", ""]
    lines += [f"- {sentence}" for sentence in result.sentences]
    for comparison in result.comparisons:
        lines += ["", f"## {TITLES[comparison.measure]}", "", *_figures(comparison, result)]
    lines += ["", "## Cost per prompt", "", *_costs(result), ""]
    lines += [f"- {name}: {NAMES[name]}" for name in METHODS if name in result.costs]
    lines += [
        "",
        f"Intervals are 95 %, by {RESAMPLES:,} bootstrap resamples over prompts. results.json and table.md are the",
    ]
    lines += ["bench's own, with every prompt's row."]
    missing = [f"- {method} was not run: {why}" for method, why in result.skipped.items()]
    missing += [f"- {one.method} failed on “{one.prompt[:60]}”: {one.why}" for one in result.failed]
    lines += ["", "## What is missing", "", *missing] if missing else []
    return "\n".join(lines) + "\n"


def plot_comparison(result: CompareResult) -> str:
    """Each method's difference to the prompt as typed, by the measure that counts most."""
    if not result.comparisons:
        return plot_differences("Nothing has a score", {})
    first = result.comparisons[0]
    judged_by = "the held-out judge" if first.measure == "text_held_out" else "the loop's own assessment"
    return plot_differences(f"Better than the prompt as typed, by {judged_by}", _against_raw(first))


def _against_raw(comparison: Comparison) -> dict[str, Interval]:
    found = {versus.method: versus.difference for versus in comparison.versus if versus.reference == "raw"}
    return {method: found[method] for method in METHODS if method in found}


def _figures(comparison: Comparison, result: CompareResult) -> Iterator[str]:
    versus = {one.method: one for one in comparison.versus if one.reference == "raw"}
    shares = result.shares[comparison.measure]
    rows: list[tuple[str, ...]] = []
    for method in METHODS:
        if method not in comparison.means:
            continue
        against, share = versus.get(method), shares.get(method, UNKNOWN)
        difference = against.difference if against else UNKNOWN
        rows.append(
            (
                method,
                show_number(comparison.means[method].value),
                show_range(comparison.means[method]),
                show_signed(difference.value),
                show_range(difference, show_signed),
                f"{against.wins} / {against.ties} / {against.losses}" if against else "—",
                _percent(share.value),
                show_range(share, _percent),
                str(comparison.means[method].n),
            )
        )
    head = ("method", "mean", "95 %", "over raw", "95 %", "win / tie / lose", "of the loop's gain", "95 %", "n")
    yield from write_rows(head, rows)


def _costs(result: CompareResult) -> Iterator[str]:
    head = ("method", "renders", "LLM calls", "tokens in", "tokens out", "seconds", "as typed")
    costs = [(method, result.costs[method]) for method in METHODS if method in result.costs]
    yield from write_rows(
        head,
        (
            (
                method,
                f"{cost.renders:.2f}",
                f"{cost.llm_calls:.2f}",
                show_amount(cost.tokens_in),
                show_amount(cost.tokens_out),
                show_amount(cost.seconds),
                show_number(cost.as_typed.value),
            )
            for method, cost in costs
        ),
    )


def _percent(value: float | None) -> str:
    return "—" if value is None else f"{value:.0%}"
