"""The command `retake bench`."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.box import SIMPLE
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from agent.config import LoopConfig
from agent.errors import Interrupted
from agent.options import with_config_options

if TYPE_CHECKING:
    from agent.bench.intervals import Interval
    from agent.bench.measure import OnStep, Step
    from agent.bench.result import BenchResult


@with_config_options
def bench_command(
    prompts: Annotated[Path, typer.Argument(help="Prompts: TXT (one a line), JSONL or CSV with a 'prompt' column.")],
    output_dir: Annotated[Path, typer.Option(help="Where the bench's folder is made.")] = Path("runs"),
    methods: Annotated[
        str | None,
        typer.Option(
            metavar="A,B,…",
            help="raw, best_of_n, few_shot, blind_rewrite, rapo, loop; the loop's ablations no_retrieval, "
            "no_memory, no_critique, no_gate, weighted, pareto; or your own 'package.module:Class'; "
            "the first six unless given. Those of --distilled take part in any case.",
        ),
    ] = None,
    renders: Annotated[int, typer.Option(min=1, help="Renders a method may spend on a prompt.")] = 8,
    held_out_judge: Annotated[
        str | None,
        typer.Option(
            metavar="NAME[:MODEL]",
            help="Judge that chooses nothing; none for none. Unless given, critic for pocket, else none.",
        ),
    ] = None,
    held_out_base_url: Annotated[
        str | None, typer.Option(help="Server of a held-out vlm-endpoint; keys come from the environment.")
    ] = None,
    distilled: Annotated[
        list[str] | None,
        typer.Option(
            metavar="[NAME=]WHAT",
            help="A rewriter that takes part under this name, or as distilled; may be given several times. A folder "
            "that `retake distill` made, a config file with a 'rewrite' section, a model by hub id or folder, or your "
            "own 'package.module:Class'.",
        ),
    ] = None,
    margin: Annotated[
        float, typer.Option(min=0.0, max=1.0, help="How much worse than the prompt as typed is a regression.")
    ] = 0.05,
    limit: Annotated[int | None, typer.Option(min=1, help="Only the first so many prompts.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print results.json, and nothing else.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress, only the outcome.")] = False,
    *,
    config: LoopConfig,
) -> None:
    """Compare the loop with its controls at the same renders, on unseen seeds and by a judge that chose nothing.

    --verify-seeds says on how many unseen seeds each wording is measured, --base-seed where all seeds start. The same
    command goes on where an earlier one was broken off.
    """
    from agent.batch import read_prompts
    from agent.bench.entrants import read_entrants
    from agent.bench.held_out import choose_held_out
    from agent.bench.records import BenchSettings
    from agent.bench.run import DEFAULT_METHODS, fit_config, run_bench

    names = [name.strip() for name in methods.split(",") if name.strip()] if methods else list(DEFAULT_METHODS)
    entrants = read_entrants(distilled or [])
    settings = BenchSettings(
        config=fit_config(config, renders),
        renders=renders,
        verify_seeds=config.verify_seeds,
        held_out=choose_held_out(held_out_judge, config.render.renderer),
        held_out_base_url=held_out_base_url,
        entrants=entrants,
        margin=margin,
    )
    wanted, folder = read_prompts(prompts)[:limit], output_dir / f"bench-{prompts.stem}"
    console = Console(stderr=as_json, quiet=quiet)
    try:
        asked = [name for name in names if name not in entrants]
        result = run_bench(wanted, asked, settings, folder, show_steps(console))
    except (Interrupted, KeyboardInterrupt):
        console.print("\n[yellow]stopped; nothing finished is lost.[/] The same command goes on.", soft_wrap=True)
        raise typer.Exit(130) from None
    if as_json:
        typer.echo(result.model_dump_json(indent=2))
    else:
        print_result(result, folder, Console())
    if result.failed:
        raise typer.Exit(3)


def show_steps(console: Console, clock: Callable[[], float] = time.monotonic) -> "OnStep":
    """Prints a line a step, with the time left at the pace of the steps that had to be done."""
    before, busy, done = clock(), 0.0, 0

    def show(step: "Step") -> None:
        nonlocal before, busy, done
        took, before = clock() - before, clock()
        if not step.is_replayed:
            busy, done = busy + took, done + 1
        left = f"{_duration(busy / done * (step.of - step.number))} left" if done else "done before"
        said = f"[red]{escape(step.trouble)}[/]" if step.trouble else f"[dim]{left}[/]"
        line = f"{step.number:>5}/{step.of}  {step.what:<14}{escape(step.prompt[:60]):<60}  {said}"
        console.print(line, highlight=False, soft_wrap=True)

    return show


def print_result(result: "BenchResult", folder: Path, console: Console) -> None:
    """The measure that counts most, and where the rest stands."""
    from agent.bench.compare import REFERENCES
    from agent.bench.table import TITLES

    for comparison in result.comparisons[:1]:
        table = Table("method", "mean", *(f"against {name}" for name in REFERENCES), "renders", box=SIMPLE)
        found = {(versus.method, versus.reference): versus.difference for versus in comparison.versus}
        for method, mean in comparison.means.items():
            differences = [found.get((method, reference)) for reference in REFERENCES]
            renders = f"{result.costs[method].renders:.2f}"
            table.add_row(escape(method), _number(mean), *map(_difference, differences), renders)
        console.print(f"\n{TITLES[comparison.measure]}, {result.prompts} prompts", highlight=False, soft_wrap=True)
        console.print(table)
    for method, why in result.skipped.items():
        console.print(f"[dim]{escape(method)} was not run: {escape(why)}[/]", highlight=False, soft_wrap=True)
    console.print(f"[bold]{escape(str(folder / 'table.md'))}[/]", soft_wrap=True)


def _number(interval: "Interval") -> str:
    return "—" if interval.value is None else f"{interval.value:.3f}"


def _difference(interval: "Interval | None") -> str:
    if interval is None or interval.value is None:
        return ""
    return f"{interval.value:+.3f} ({interval.low:+.3f}..{interval.high:+.3f})"


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s" if minutes else f"{rest} s"
