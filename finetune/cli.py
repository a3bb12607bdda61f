"""Commands that make a better rewriter of runs: `retake distill …`."""

import typer

from finetune.pairs_cli import pairs_command

from finetune.compare_cli import compare_command

app = typer.Typer(no_args_is_help=True)
app.command("compare")(compare_command)


@app.callback()
def distill() -> None:
    """Trajectories in, training data for a better rewriter out."""


app.command("pairs")(pairs_command)
