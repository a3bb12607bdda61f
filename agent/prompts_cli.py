"""Commands for the prompt templates: `retake prompts show`, `retake prompts init`."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape

app = typer.Typer(no_args_is_help=True)

Templates = Annotated[Path | None, typer.Option(help="Folder with prompts of your own.")]


@app.command("show")
def show_command(
    name: Annotated[str | None, typer.Argument(help="Which prompt; all names with what they do unless given.")] = None,
    templates: Templates = None,
) -> None:
    """Print a prompt as it is written, or the names of all prompts and of what they may use."""
    from agent.prompts.templates import TEMPLATES, VARIABLES, read_templates

    prompts = read_templates(templates)
    if name is not None:
        typer.echo(prompts.source(name))
        return
    for title, meanings in (("Prompts", TEMPLATES), ("What they may use", VARIABLES)):
        typer.echo(f"{title}:")
        width = max(map(len, meanings))
        for key, meaning in meanings.items():
            typer.echo(f"  {key:{width}}  {meaning}{' (your own)' if key in prompts.own else ''}")


@app.command("init")
def init_command(folder: Annotated[Path, typer.Argument(help="Where to write them.")]) -> None:
    """Write all prompts into a folder, to be changed there; delete those you leave as they are."""
    from agent.errors import UsageError
    from agent.prompts.templates import TEMPLATES, shipped_templates
    from agent.run_folder import write_text

    files = {folder / f"{name}.j2": shipped_templates().source(name) for name in TEMPLATES}
    if there := [file for file in files if file.exists()]:
        raise UsageError(f"{there[0]} is there already; name another folder or remove it")
    folder.mkdir(parents=True, exist_ok=True)
    for file, source in files.items():
        write_text(file, source if source.endswith("\n") else source + "\n")
    shown = escape(str(folder))
    Console().print(
        f"wrote {len(files)} prompts to [bold]{shown}[/]; use them with --templates {shown}", soft_wrap=True
    )
