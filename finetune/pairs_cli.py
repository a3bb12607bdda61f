"""The command `retake distill pairs`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.box import SIMPLE
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from finetune.data.rules import Rules

if TYPE_CHECKING:
    from finetune.data.dataset import Dataset


def pairs_command(
    runs: Annotated[list[Path], typer.Argument(help="Run folders, or folders that hold run folders.")],
    out: Annotated[Path, typer.Option(help="Folder for the rows, the brief and the data card.")] = Path("pairs"),
    also: Annotated[
        list[Path] | None,
        typer.Option(metavar="FILE", help="A file that VPO or Prompt-A-Video published, mixed in; may be repeated."),
    ] = None,
    like: Annotated[
        Path | None,
        typer.Option(metavar="RUN", help="Only runs whose rewriter would be told the same as this one's."),
    ] = None,
    min_gain: Annotated[float, typer.Option(help="SFT: the verified gain must be above this.")] = Rules.min_gain,
    margin: Annotated[
        float, typer.Option(min=0.0, max=1.0, help="Least difference of overall scores in a pair.")
    ] = Rules.margin,
    dominance: Annotated[
        bool, typer.Option(help="Whether the chosen text must be worse in no dimension, beyond the slack.")
    ] = Rules.dominance,
    min_seeds: Annotated[int, typer.Option(min=1, help="Least number of common seeds of a pair.")] = Rules.min_seeds,
    per_prompt: Annotated[int, typer.Option(min=1, help="Most DPO pairs of one prompt.")] = Rules.per_prompt,
    screen_per_prompt: Annotated[
        int, typer.Option(min=0, help="Most DPO pairs of one prompt that only the screen told apart.")
    ] = Rules.screen_per_prompt,
    near: Annotated[
        float, typer.Option(min=0.5, max=1.0, help="From this similarity on two texts count as the same.")
    ] = Rules.near,
    test_share: Annotated[
        float, typer.Option(min=0.0, max=0.9, help="Share of the prompts that is held out.")
    ] = Rules.test_share,
    split_seed: Annotated[int, typer.Option(help="Another one holds out other prompts.")] = Rules.split_seed,
) -> None:
    """Write SFT, DPO and KTO rows of finished runs, in TRL's conversational columns, with a data card."""
    from finetune.data.dataset import make_dataset
    from finetune.data.folder import check_folder, write_dataset

    check_folder(out)
    rules = Rules(
        min_gain=min_gain,
        margin=margin,
        dominance=dominance,
        min_seeds=min_seeds,
        per_prompt=per_prompt,
        screen_per_prompt=screen_per_prompt,
        near=near,
        test_share=test_share,
        split_seed=split_seed,
    )
    dataset = make_dataset(runs, also or [], like, rules)
    write_dataset(dataset, out)
    _print_outcome(dataset, out, Console())


def _print_outcome(dataset: "Dataset", out: Path, console: Console) -> None:
    from finetune.data.names import NAMES, TEST

    table = Table("", "train", "test", box=SIMPLE)
    for name in NAMES:
        table.add_row(name, str(len(dataset.rows[name])), str(len(dataset.rows[name + TEST])))
    if dataset.dropped:
        table.add_section()
        table.add_row("left out", "", "", style="dim")
    for reason, count in sorted(dataset.dropped.items()):
        table.add_row(escape(reason), str(count), "")
    console.print(table)

    def say(line: str) -> None:
        console.print(line, highlight=False, soft_wrap=True)

    for run in dataset.left_out:
        if run.detail:
            say(f"[yellow]{run.reason.removeprefix('run: ')}:[/] {escape(str(run.folder))}: {escape(run.detail)}")
    for note in dataset.notes:
        say(f"[yellow]note[/] {escape(note)}")
    say(f"{len(dataset.harvests)} runs used, {len(dataset.left_out)} not; rows and card in [bold]{escape(str(out))}[/]")
