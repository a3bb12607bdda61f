"""Commands that make training data of runs: `retake distill pairs`."""

import json
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape

from finetune.training_cli import dpo_command, merge_command, push_command, sft_command

app = typer.Typer(no_args_is_help=True)
app.command("sft")(sft_command)
app.command("dpo")(dpo_command)
app.command("merge")(merge_command)
app.command("push")(push_command)


@app.callback()
def distill() -> None:
    """Trajectories in, training data for a better rewriter out."""


@app.command("pairs")
def pairs_command(
    runs: Annotated[list[Path], typer.Argument(help="Run folders, or folders that hold run folders.")],
    out: Annotated[Path, typer.Option(help="Folder for sft.jsonl and dpo.jsonl.")] = Path("pairs"),
    margin: Annotated[
        float, typer.Option(min=0.0, max=1.0, help="Least difference of overall scores in a DPO pair.")
    ] = 0.05,
    per_prompt: Annotated[int, typer.Option(min=1, help="Most DPO pairs of one prompt.")] = 1,
) -> None:
    """Write SFT and DPO rows of finished runs, in TRL's conversational columns."""
    from agent.errors import UsageError
    from agent.run_folder import write_text
    from agent.trajectory import Trajectory, read_trajectory
    from finetune.errors import DistillError
    from finetune.pairs import PairRules, make_dpo_rows, make_sft_row

    console = Console()
    folders = sorted({file.parent for run in runs for file in run.rglob("trajectory.jsonl")})
    if not folders:
        raise DistillError(f"no trajectory.jsonl in or below {', '.join(map(str, runs))}; name run folders")
    trajectories: list[Trajectory] = []
    for folder in folders:
        try:
            trajectories.append(read_trajectory(folder))
        except UsageError as problem:
            console.print(f"[yellow]left out:[/] {escape(str(problem))}", soft_wrap=True)
    sft = [row for trajectory in trajectories if (row := make_sft_row(trajectory))]
    dpo = [row for trajectory in trajectories for row in make_dpo_rows(trajectory, PairRules(margin, per_prompt))]
    out.mkdir(parents=True, exist_ok=True)
    for name, rows in (("sft", sft), ("dpo", dpo)):
        write_text(out / f"{name}.jsonl", "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))
    unfinished = sum(trajectory.result is None for trajectory in trajectories)
    counts = f"{len(sft)} SFT rows, {len(dpo)} DPO pairs"
    made = f"{len(trajectories)} runs ({unfinished} unfinished): {counts}"
    console.print(f"{made} in [bold]{escape(str(out))}[/]", soft_wrap=True)
