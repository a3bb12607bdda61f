"""The loop's commands: run, batch, resume, report, doctor, config."""

import json
import logging
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape

from agent.config import LoopConfig
from agent.config_file import config_leaves, make_config, read_config
from agent.errors import Interrupted, UsageError
from agent.options import with_config_options

app = typer.Typer(no_args_is_help=True)
config_app = typer.Typer(no_args_is_help=True, help="Write, check and describe config files.")
app.add_typer(config_app, name="config")

OutputDir = Annotated[Path, typer.Option(help="Where run folders are made.")]
DryRun = Annotated[
    bool,
    typer.Option(
        "--dry-run",
        help="Only tell what it would take: models, memory, renders, calls. Loads nothing; a server gets one small "
        "call, to see that it answers.",
    ),
]
RunId = Annotated[str | None, typer.Option(help="Name of the run folder; made from prompt and config unless given.")]
Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON, and nothing else.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No progress, only the outcome.")]
LogLevel = Annotated[str, typer.Option(help="debug, info, warning or error.")]


@app.command("run")
@with_config_options
def run_command(
    prompt: Annotated[
        str, typer.Argument(help="What the video should show; flags such as -neg and -ar are understood.")
    ],
    output_dir: OutputDir = Path("runs"),
    run_id: RunId = None,
    dry_run: DryRun = False,
    as_json: Json = False,
    quiet: Quiet = False,
    log_level: LogLevel = "warning",
    *,
    config: LoopConfig,
) -> None:
    """Optimize one prompt: shoot, look, rewrite, shoot again. The same command resumes a run that was broken off."""
    from agent.run import begin_run

    if dry_run:
        _print_plan(begin_run(prompt, config, output_dir, run_id).config, as_json)
        return
    _execute(begin_run(prompt, config, output_dir, run_id), as_json, quiet, log_level)


@app.command("resume")
def resume_command(
    run_dir: Annotated[Path, typer.Argument(help="A run folder.")],
    as_json: Json = False,
    quiet: Quiet = False,
    log_level: LogLevel = "warning",
) -> None:
    """Go on with a run that was broken off, with the settings it was begun with."""
    from agent.run import reopen_run

    _execute(reopen_run(run_dir), as_json, quiet, log_level)


@app.command("batch")
@with_config_options
def batch_command(
    prompts: Annotated[Path, typer.Argument(help="Prompts: TXT (one a line), JSONL or CSV with a 'prompt' column.")],
    output_dir: OutputDir = Path("runs"),
    limit: Annotated[int | None, typer.Option(min=1, help="Only the first so many prompts.")] = None,
    dry_run: DryRun = False,
    log_level: LogLevel = "warning",
    *,
    config: LoopConfig,
) -> None:
    """Optimize every prompt of a file, models loaded once; ends with the mean verified gain and its interval."""
    from agent.batch import read_prompts, run_batch, summarize
    from agent.console import BatchDisplay, print_summary

    _set_up_log(log_level)
    console = Console()
    folder = output_dir / prompts.stem
    wanted = read_prompts(prompts)[:limit]
    if dry_run:
        _print_plan(config, as_json=False, prompts=len(wanted))
        return
    rows = run_batch(wanted, config, folder, BatchDisplay(len(wanted), console).show)
    print_summary(summarize(rows), folder, console)
    if any(row.error for row in rows):
        raise typer.Exit(3)


@app.command("report")
def report_command(run_dir: Annotated[Path, typer.Argument(help="A run folder.")]) -> None:
    """Write report.html anew from what a run folder holds."""
    from agent.run import reopen_run

    path = reopen_run(run_dir).write_report()
    Console().print(f"[bold]{escape(str(path))}[/]", soft_wrap=True)


@app.command("doctor")
@with_config_options
def doctor_command(*, config: LoopConfig) -> None:
    """Check this machine and the given settings before minutes of rendering: packages, GPU, renderer, endpoints."""
    from agent.console import print_findings
    from agent.doctor import examine

    findings = examine(config)
    print_findings(findings, Console())
    if any(finding.state == "broken" for finding in findings):
        raise typer.Exit(1)


@config_app.command("init")
@with_config_options
def config_init_command(
    path: Annotated[Path, typer.Argument(help="The file to write.")] = Path("retake.yaml"), *, config: LoopConfig
) -> None:
    """Write a config file with every setting, its default and what it means."""
    from agent.run_folder import write_text

    if path.exists():
        raise UsageError(f"{path} is there already; name another file or remove it")
    write_text(path, _commented(config))
    name = escape(str(path))
    Console().print(f'wrote [bold]{name}[/]; use it with: retake run --config {name} "your prompt"', soft_wrap=True)


@config_app.command("validate")
def config_validate_command(path: Annotated[Path, typer.Argument(help="A config file.")]) -> None:
    """Check a config file; exit 2 with what is wrong."""
    make_config(read_config(path))
    Console().print(f"[green]{escape(str(path))} is a valid config[/]", soft_wrap=True)


@config_app.command("schema")
def config_schema_command() -> None:
    """Print the JSON schema of the config."""
    typer.echo(json.dumps(LoopConfig.model_json_schema(), indent=2))


def _commented(config: LoopConfig) -> str:
    """The config as YAML, each setting under a comment that says what it is."""
    values = config.model_dump(mode="json")
    lines: list[str] = []
    section = ""
    for path, _, field in config_leaves():
        *sections, name = path.split(".")
        if sections and sections[0] != section:
            section = sections[0]
            lines += ["", f"{section}:"]
        indent = "  " * len(sections)
        branch: Any = values
        for part in sections:
            branch = branch[part]
        lines += [f"{indent}# {field.description}", f"{indent}{name}: {json.dumps(branch[name], ensure_ascii=False)}"]
    return "\n".join(lines).lstrip("\n") + "\n"


def _execute(run: Any, as_json: bool, quiet: bool, log_level: str) -> None:
    """Runs, showing progress; exits 130 with a resumable folder on Ctrl-C."""
    from agent.console import RunDisplay, ask_for_edits, print_result

    _set_up_log(log_level)
    console = Console(stderr=as_json, quiet=quiet)
    if run.folder.read_result() is not None:
        console.print("[dim]this run is finished; --run-id NAME makes another one[/]")
    try:
        with RunDisplay(run, console, [*run.notes, *_notes_on(run.config)]) as display:
            # The person is asked also in a quiet run, which would hang without a word otherwise.
            asked = Console(stderr=as_json)
            result = run.execute(listeners=[display], reviewer=lambda texts: ask_for_edits(texts, display, asked))
    except Interrupted:
        console.print(
            f"\n[yellow]stopped; nothing finished is lost.[/] Go on with: retake resume {escape(str(run.folder.path))}",
            soft_wrap=True,
        )
        raise typer.Exit(130) from None
    if as_json:
        typer.echo(result.model_dump_json(indent=2))
    else:
        print_result(result, run.folder, Console())
    if result.stop_reason == "all_candidates_failed":
        raise typer.Exit(1)


def _print_plan(config: LoopConfig, as_json: bool, prompts: int = 1) -> None:
    from agent.console import print_plan
    from agent.plan import plan_run

    plan = plan_run(config)
    if as_json:
        typer.echo(json.dumps(asdict(plan) | {"renders": plan.renders}, default=lambda value: value.model_dump()))
    else:
        print_plan(plan, config, prompts, Console())


def _notes_on(config: LoopConfig) -> list[str]:
    """What a person should know of the parts that were chosen."""
    what = {
        "pocket": "pocket, a small trained model of coloured shapes that ships with Retake",
        "painter": "the painter, which draws coloured shapes by rules and is no trained model",
    }.get(config.render.renderer)
    return [f"rendering with {what}; --renderer diffusers --model ID renders with a large one"] if what else []


def _set_up_log(level: str) -> None:
    numeric = logging.getLevelNamesMapping().get(level.upper())
    if numeric is None:
        raise UsageError(f"--log-level {level!r}; known: debug, info, warning, error")
    logging.basicConfig(level=numeric, format="%(levelname)s %(name)s: %(message)s", force=True)
