"""Commands that hand finished runs to other tools: `retake export vbench`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.markup import escape

if TYPE_CHECKING:
    from agent.export.vbench import Layout
    from agent.export.vbench_results import OwnResults

SHOWN = 10
"""Of what is left out, and of prompts with too few videos."""

app = typer.Typer(no_args_is_help=True)


@app.callback()
def export() -> None:
    """Finished runs in the shapes of other tools."""


@app.command("vbench")
def vbench_command(
    runs: Annotated[list[Path], typer.Argument(help="Run folders, batch folders, or folders of those.")],
    out: Annotated[Path, typer.Option(help="Folder for the videos, the prompt maps and Retake's own scores.")],
    copy: Annotated[bool, typer.Option("--copy", help="Copy the videos; else they are links to those of the runs.")] = (
        False
    ),
    full_info: Annotated[
        Path | None,
        typer.Option(help="A VBench_full_info.json: its prompts are laid out for VBench's standard mode as well."),
    ] = None,
) -> None:
    """Lay out originals and rewrites for VBench, seed by seed, and say which vbench commands score them."""
    from agent.export.vbench import plan_layout, vbench_commands, write_layout
    from agent.export.vbench_results import write_own_results
    from agent.export.vbench_suite import read_suite

    layout = plan_layout(runs, read_suite(full_info) if full_info else None)
    write_layout(layout, out, copy)
    own = write_own_results(layout, out)
    _say(_summary(layout, own, out))
    _say(["", "score them in VBench's own environment (docs/vbench.md):", *vbench_commands(layout, out)])


def _summary(layout: "Layout", own: "dict[str, OwnResults]", out: Path) -> list[str]:
    folders = layout.folders
    matches = [video.match for video in folders["original"]]
    prompts, runs = ({match.prompt for match in matches}, {match.run for match in matches})
    sides = " and ".join([", ".join([*own][:-1]), [*own][-1]])
    lines = [f"{len(matches)} videos each of {sides}: {len(prompts)} prompts in {len(runs)} runs, in {out}"]
    if "champion" in own:
        lost = sum(not match.champion_was_returned for match in matches)
        lines.append(
            f"champion: {lost} of them are of champions that lost on unseen seeds; best has the original there"
        )
    flattered = sum(match.purpose != "verify" and match.videos["champion"].render.candidate != "0" for match in matches)
    if flattered:
        lines.append(f"note: {flattered} are of the loop's own seeds, which chose the champion and flatter it")
    lines += _at_most_shown([f"left out: {item.what}: {item.why}" for item in layout.left_out])
    lines += [_own_scores(side, results) for side, results in own.items()]
    if suite := layout.suite:
        known = len({match.prompt for match in suite.matches})
        counts = f"{known} of its {suite.size} prompts, {len(suite.too_few)} of them with fewer than 5 videos a side"
        lines.append(f"standard suite: {counts}")
        lines += _at_most_shown([f"  {count} of 5: {prompt}" for prompt, count in suite.too_few.items()])
    return lines


def _own_scores(side: str, results: "OwnResults") -> str:
    unknown = sorted(results.unscored.items(), key=lambda item: -item[1])
    examples = ", ".join(f"{name} of {count} videos" for name, count in unknown[:3])
    left_out = f"{sum(results.unscored.values())} unknown scores left out" + (f" ({examples})" if examples else "")
    return f"Retake's own scores of {side}: {len(results.dimensions)} dimensions; {left_out}"


def _at_most_shown(lines: list[str]) -> list[str]:
    more = len(lines) - SHOWN
    return lines[:SHOWN] + ([f"... and {more} more"] if more > 0 else [])


def _say(lines: list[str]) -> None:
    """Prints lines that may hold anything a prompt or a path holds."""
    for line in lines:
        shown = "".join(char if char.isprintable() else repr(char)[1:-1] for char in line)
        Console().print(escape(shown), soft_wrap=True, highlight=False)
