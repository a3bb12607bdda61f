"""A bench's outcome as Markdown."""

from collections.abc import Iterator

from agent.bench.compare import Comparison, Versus
from agent.bench.intervals import RESAMPLES
from agent.bench.markdown import show_amount, show_number, show_range, show_signed, write_rows
from agent.bench.records import Entrant, Measure
from agent.bench.result import BenchResult

FEW_PROMPTS = 20
TITLES: dict[Measure, str] = {
    "text_held_out": "The wording on unseen seeds, by the held-out judge",
    "text_own": "The wording on unseen seeds, by the loop's own assessment",
    "delivered_held_out": "The clip that is handed over, by the held-out judge",
    "delivered_own": "The clip that is handed over, by the assessment that chose it (it flatters whoever chose by it)",
}


def write_table(result: BenchResult) -> str:
    """The whole page: settings, a section for each measure, regressions, costs, dimensions, what is missing."""
    lines = [f"# Bench: {result.prompts} prompts, {result.settings.renders} renders each", "", *_settings(result)]
    for comparison in result.comparisons:
        lines += ["", f"## {TITLES[comparison.measure]}", "", *_comparison(comparison)]
    lines += ["", f"## Worse than the prompt as typed, by more than {result.settings.margin:g}", ""]
    lines += [f"{TITLES[result.regressions_measure]}; Wilson's interval.", ""]
    lines += write_rows(
        ("method", "share of prompts", "95 %", "n"),
        ((method, show_number(i.value), show_range(i), str(i.n)) for method, i in result.regressions.items()),
    )
    lines += ["", "## Cost per prompt", "", *_costs(result), "", "## By source", ""]
    lines += ["Means over the wordings on unseen seeds; “—” is unknown.", "", *_dimensions(result)]
    lines += _missing(result)
    return "\n".join(lines) + "\n"


def _settings(result: BenchResult) -> Iterator[str]:
    settings = result.settings
    config = settings.config
    model = f" {config.render.model}" if config.render.model else ""
    judge = config.assess.judge
    yield f"- renderer {config.render.renderer}{model}, rewriter {config.rewrite.rewriter}, the loop's judge {judge}"
    yield f"- held-out judge: {settings.held_out or 'none: nothing here was measured by a judge that chose nothing'}"
    for name, entrant in settings.entrants.items():
        yield f"- {name}: rewriter {entrant.rewrite.rewriter} {entrant.rewrite.model or ''}{_of_entrant(entrant)}"
    last = config.seed + settings.renders - 1
    yield f"- methods' seeds {config.seed} to {last}; {settings.verify_seeds} unseen seeds"
    yield f"- intervals are 95 %, by {RESAMPLES:,} bootstrap resamples over prompts, unless said otherwise"


def _of_entrant(entrant: Entrant) -> str:
    told = ", told what the distilled are told" if entrant.brief else ""
    told += ", shown examples" if entrant.few_shot else ""
    weights = f", weights {entrant.sha256[:12]}" if entrant.sha256 else ""
    return told + weights


def _comparison(comparison: Comparison) -> Iterator[str]:
    yield from write_rows(
        ("method", "mean", "95 %", "n"),
        ((method, show_number(i.value), show_range(i), str(i.n)) for method, i in comparison.means.items()),
    )
    if comparison.versus:
        yield ""
        yield from write_rows(
            ("method", "against", "difference", "95 %", "win / tie / lose", "win rate", "95 %", "n"),
            (_versus(versus) for versus in comparison.versus),
        )
        yield ""
        yield (
            f"{len(comparison.versus)} comparisons stand in this table; at 95 % one in twenty would seem to differ by "
            "chance alone. * marks those that hold at Bonferroni's level for all of them, too."
        )
    if min((interval.n for interval in comparison.means.values()), default=0) < FEW_PROMPTS:
        yield from ("", f"From fewer than {FEW_PROMPTS} prompts bootstrap intervals are too narrow to be trusted.")


def _versus(versus: Versus) -> tuple[str, ...]:
    mark = "*" if versus.holds_among_many else ""
    return (
        versus.method,
        versus.reference,
        f"{show_signed(versus.difference.value)}{mark}",
        show_range(versus.difference, show_signed),
        f"{versus.wins} / {versus.ties} / {versus.losses}",
        show_number(versus.win_rate.value),
        show_range(versus.win_rate),
        str(versus.difference.n),
    )


def _costs(result: BenchResult) -> Iterator[str]:
    yield from write_rows(
        (
            "method",
            "renders",
            "ended early",
            "as typed",
            "LLM calls",
            "tokens in",
            "tokens out",
            "seconds",
            "ended for",
            "n",
        ),
        (
            (
                method,
                f"{cost.renders:.2f}",
                show_number(cost.stopped_early.value) if cost.stops else "",
                show_number(cost.as_typed.value),
                f"{cost.llm_calls:.2f}",
                show_amount(cost.tokens_in),
                show_amount(cost.tokens_out),
                show_amount(cost.seconds),
                ", ".join(f"{reason} {count}" for reason, count in sorted(cost.stops.items())),
                str(cost.prompts),
            )
            for method, cost in result.costs.items()
        ),
    )


def _dimensions(result: BenchResult) -> Iterator[str]:
    names = list(next(iter(result.dimensions.values()), {}))
    yield from write_rows(
        ("method", *names),
        ((method, *(show_number(scores[name]) for name in names)) for method, scores in result.dimensions.items()),
    )


def _missing(result: BenchResult) -> list[str]:
    lines = [f"- {method} was not run: {why}" for method, why in result.skipped.items()]
    lines += [f"- {one.method} failed on “{one.prompt[:60]}”: {one.why}" for one in result.failed]
    return ["", "## What is missing", "", *lines] if lines else []
