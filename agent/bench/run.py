"""A bench from prompts to files: opens methods, parts and judge, measures, writes. Run again, it goes on."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from agent.bench.entrants import Entrants
from agent.bench.held_out import open_held_out
from agent.bench.measure import Bench, OnStep
from agent.bench.plots import plot_curves, plot_dimensions
from agent.bench.records import BenchSettings
from agent.bench.registry import open_methods
from agent.bench.result import BenchResult, make_result
from agent.bench.table import write_table
from agent.config import LoopConfig
from agent.config_file import make_config
from agent.errors import UsageError
from agent.memory.arbiter import Phase
from agent.parts import open_parts
from agent.run_folder import RunFolder, write_text
from feedback.resident import Resident

DEFAULT_METHODS = ("raw", "best_of_n", "few_shot", "blind_rewrite", "rapo", "loop")


def fit_config(config: LoopConfig, renders: int) -> LoopConfig:
    """The config with all of its renders for the search: the bench verifies, and nobody reviews. Raises UsageError."""
    return make_config(
        config.model_dump(mode="json"), {"stop.max_renders": renders, "verify.seeds": 0, "review": "never"}
    )


def run_bench(
    prompts: Sequence[str], methods: Sequence[str], settings: BenchSettings, folder: Path, on_step: OnStep
) -> BenchResult:
    """Every method on every prompt, measured alike; the files in the folder tell it.

    A method that can't be run here is skipped with its reason; one that fails on a prompt costs that prompt only.
    Raises UsageError or FeedbackError for what can't be used, before anything is rendered.
    """
    entrants, judge = Entrants(settings.entrants), open_held_out(settings)
    wanted = [*open_methods(methods), *entrants.methods]
    if twice := [name for name, count in Counter(method.name for method in wanted).items() if count > 1]:
        raise UsageError(
            f"{twice[0]!r} is the name of a method: give the rewriter another one, as in --distilled my-{twice[0]}=…"
        )
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as problem:
        raise UsageError(f"can't write to {folder}: {problem.strerror}; choose another --output-dir") from None
    beside: dict[Phase, Sequence[Resident]] = {
        "held_out": judge.residents if judge else (),
        "rewrite": entrants.residents,
    }
    parts = open_parts(settings.config, beside)
    try:
        with RunFolder(folder).lock():
            skipped = {method.name: why for method in wanted if (why := method.prepare(parts, settings))}
            able = [method for method in wanted if method.name not in skipped]
            bench = Bench(able, parts, settings, folder, judge)
            result = make_result(settings, prompts, skipped, bench.run(prompts, on_step))
            write_result(result, folder)
            return result
    finally:
        parts.memory.close()


def write_result(result: BenchResult, folder: Path) -> None:
    """Writes results.json, table.md, gain_per_render.svg and dimensions.svg, each whole or not at all."""
    judged_by = result.settings.held_out or "the loop's own assessment"
    files = {
        "results.json": result.model_dump_json(indent=2) + "\n",
        "table.md": write_table(result),
        "gain_per_render.svg": plot_curves(result.curves, judged_by),
        "dimensions.svg": plot_dimensions(result.dimensions),
    }
    for name, text in files.items():
        write_text(folder / name, text)
