"""Commands that make a better rewriter of runs: `retake distill …`."""

import typer

from finetune.compare_cli import compare_command
from finetune.pairs_cli import pairs_command
from finetune.training_cli import dpo_command, merge_command, push_command, sft_command

app = typer.Typer(no_args_is_help=True)


@app.callback()
def distill() -> None:
    """Trajectories in, training data for a better rewriter out, trained, compared and served."""


app.command("pairs")(pairs_command)
app.command("sft")(sft_command)
app.command("dpo")(dpo_command)
app.command("compare")(compare_command)
app.command("merge")(merge_command)
app.command("push")(push_command)
