"""The command `retake rewrite`."""

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import track

from agent.config import LoopConfig
from agent.errors import UsageError
from agent.options import with_config_options
from agent.write_again import TRIES

if TYPE_CHECKING:
    from agent.rewrite_file import RewrittenRow
    from agent.rewrite_prompts import RewriteParts, Rewritten

_SECTIONS = ("seed", "retrieve", "rewrite", "principles", "render")
_UNUSED = ("rewrite.candidates", "rewrite.critique", "rewrite.remember", "rewrite.strict", "principles.judge_text")
"""Settings of those sections that need more than one prompt and one call: `--n` is the first one's name here."""


def _is_used(path: str) -> bool:
    return path.split(".")[0] in _SECTIONS and path not in _UNUSED


@partial(with_config_options, uses=_is_used)
def rewrite_command(
    prompt: Annotated[
        str | None, typer.Argument(help="What the video should show; flags such as -neg and -ar are understood.")
    ] = None,
    prompts: Annotated[
        Path | None, typer.Option(help="Many prompts: TXT (one a line), JSONL or CSV with a 'prompt' column.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="JSONL file for the rewrites of --prompts.")] = None,
    n: Annotated[int, typer.Option("--n", min=1, max=16, help="Texts that are written for a prompt.")] = 1,
    tries: Annotated[
        int, typer.Option(min=1, max=64, help="Times to write anew while the screen drops all, each another sample.")
    ] = TRIES,
    as_json: Annotated[bool, typer.Option("--json", help="Print the outcome as JSON, and nothing else.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Only the texts.")] = False,
    *,
    config: LoopConfig,
) -> None:
    """Rewrite prompts without rendering anything, screened as the loop screens.

    Texts go to stdout, a line each, all else to stderr. Where no text passes, the prompt's own words are printed, and
    the exit code is 3. The same command with --prompts goes on where an earlier one was broken off.
    """
    from agent.batch import read_prompts
    from agent.prompt_flags import read_prompt
    from agent.rewrite_prompts import open_rewrite_parts

    console = Console(stderr=True, quiet=quiet)
    wanted = config.rewrite.model_copy(update={"candidates": n})
    config = config.model_copy(update={"rewrite": wanted})
    match prompt, prompts, out:
        case str(), None, None:
            read_prompt(prompt)  # raises for one that can't be used, before anything is opened
            passed = _rewrite_one(open_rewrite_parts(config, tries).rewrite(prompt), as_json, console)
        case None, Path(), Path():
            passed = _rewrite_many(read_prompts(prompts), out, open_rewrite_parts(config, tries), as_json, console)
        case _:
            raise UsageError("say what to rewrite: a prompt, or --prompts FILE with --out FILE.jsonl")
    if not passed:
        raise typer.Exit(3)


def _rewrite_one(rewritten: "Rewritten", as_json: bool, console: Console) -> bool:
    if as_json:
        typer.echo(rewritten.model_dump_json(indent=2))
        return bool(rewritten.texts)
    for note in rewritten.notes:
        _say(console, note)
    for one in rewritten.dropped if rewritten.texts else ():
        _say(console, f"dropped, {one.why}: {one.text[:200]}")
    if rewritten.why_as_typed:
        _say(console, f"left as typed: {rewritten.why_as_typed}")
    for text in rewritten.texts or [rewritten.text]:
        typer.echo(" ".join(text.split()))
    return bool(rewritten.texts)


def _rewrite_many(wanted: list[str], out: Path, parts: "RewriteParts", as_json: bool, console: Console) -> bool:
    from agent.rewrite_file import rewrite_file

    passed = failed = 0
    progress = iter(track(wanted, "rewriting", console=console, disable=not console.is_terminal or console.quiet))

    def count(row: "RewrittenRow") -> None:
        nonlocal passed, failed
        next(progress, None)
        passed, failed = passed + bool(row.texts), failed + (row.error is not None)
        if why := row.error or row.why_as_typed:
            _say(console, f"{'failed' if row.error else 'left as typed'}, {why}: {row.prompt[:60]}")

    try:
        rows = rewrite_file(wanted, parts, out, count)
    except KeyboardInterrupt:
        console.print("\n[yellow]stopped; nothing finished is lost.[/] The same command goes on.", soft_wrap=True)
        raise typer.Exit(130) from None
    if as_json:
        typer.echo(f"[{','.join(row.model_dump_json() for row in rows)}]")
    left = len(rows) - passed - failed
    counts = f"{passed} of {len(rows)} prompts rewritten, {left} left as typed, {failed} failed"
    console.print(f"{counts}, in [bold]{escape(str(out))}[/]", soft_wrap=True, highlight=False)
    return passed == len(rows)


def _say(console: Console, line: str) -> None:
    console.print(f"[dim]{escape(' '.join(line.split()))}[/]", soft_wrap=True, highlight=False)
