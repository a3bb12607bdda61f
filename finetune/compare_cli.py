"""The command `retake distill compare`."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape

from agent.config import LoopConfig
from agent.errors import Interrupted
from agent.options import with_config_options
from agent.write_again import TRIES
from finetune.errors import DistillError


@with_config_options
def compare_command(
    prompts: Annotated[Path, typer.Argument(help="Held-out prompts: TXT, JSONL or CSV.")],
    sft: Annotated[Path | None, typer.Option(help="Folder that `retake distill sft` made.")] = None,
    dpo: Annotated[Path | None, typer.Option(help="Folder that `retake distill dpo` made.")] = None,
    base: Annotated[
        str | None, typer.Option(help="Model that training began with: hub id or folder; unless given, --sft's.")
    ] = None,
    data: Annotated[
        Path | None, typer.Option(help="Folder of `retake distill pairs`: prompts that stand in it are left out.")
    ] = None,
    renders: Annotated[int, typer.Option(min=1, help="Renders of the loop on a prompt; all others have one.")] = 8,
    tries: Annotated[
        int, typer.Option(min=1, help="Times a language model writes anew while the screen drops its text.")
    ] = TRIES,
    held_out_judge: Annotated[
        str | None, typer.Option(metavar="NAME[:MODEL]", help="Judge that chooses nothing; as in `retake bench`.")
    ] = None,
    held_out_base_url: Annotated[str | None, typer.Option(help="Server of a held-out vlm-endpoint.")] = None,
    output_dir: Annotated[Path, typer.Option(help="Where the folder is made.")] = Path("runs"),
    limit: Annotated[int | None, typer.Option(min=1, help="Only the first so many prompts.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print compare.json, and nothing else.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress, only the outcome.")] = False,
    *,
    config: LoopConfig,
) -> None:
    """Compare distilled rewriters with their base model, the prompt as typed and the loop, on unseen seeds.

    --verify-seeds says on how many unseen seeds each wording is measured. The same command goes on where an earlier
    one was broken off.
    """
    from agent.batch import read_prompts
    from agent.bench.cli import show_steps
    from agent.bench.held_out import choose_held_out
    from agent.bench.records import BenchSettings
    from agent.bench.run import fit_config
    from agent.run_folder import write_text
    from finetune.compare import find_seen, make_entrants, run_comparison
    from finetune.compare_result import make_compare_result
    from finetune.compare_table import plot_comparison, write_compare_table

    entrants, brief = make_entrants(base, sft, dpo, config.rewrite, tries)
    wanted = read_prompts(prompts)[:limit]
    seen = find_seen(wanted, data, brief) if data else []
    unseen = [prompt for prompt in wanted if prompt not in seen]
    if not unseen:
        raise DistillError(f"all {len(wanted)} prompts of {prompts} stand in the training data of {data}: name others")
    settings = BenchSettings(
        config=fit_config(config, renders),
        renders=renders,
        verify_seeds=config.verify_seeds,
        held_out=choose_held_out(held_out_judge, config.render.renderer),
        held_out_base_url=held_out_base_url,
        entrants=entrants,
    )
    folder = output_dir / f"compare-{prompts.stem}"
    console = Console(stderr=as_json, quiet=quiet)
    try:
        bench = run_comparison(unseen, settings, folder, show_steps(console))
    except (Interrupted, KeyboardInterrupt):
        console.print("\n[yellow]stopped; nothing finished is lost.[/] The same command goes on.", soft_wrap=True)
        raise typer.Exit(130) from None
    result = make_compare_result(bench, seen)
    table = write_compare_table(result)
    for name, text in (
        ("compare.json", result.model_dump_json(indent=2) + "\n"),
        ("compare.md", table),
        ("compare.svg", plot_comparison(result)),
    ):
        write_text(folder / name, text)
    if as_json:
        typer.echo(result.model_dump_json(indent=2))
    else:
        typer.echo(table)
        Console().print(f"[bold]{escape(str(folder / 'compare.md'))}[/]", soft_wrap=True)
    if result.failed:
        raise typer.Exit(3)
