"""What a person sees in the terminal: progress while a run goes on, the outcome, the summary of a batch."""

import sys
from collections.abc import Mapping, Sequence
from typing import Any, Self

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from rich.prompt import Prompt
from rich.table import Column, Table
from rich.text import Text

from agent.batch import BatchRow, Summary
from agent.budget import loop_budget, reserved_renders
from agent.config import LoopConfig
from agent.doctor import Finding
from agent.errors import UsageError
from agent.item_memory import describe_unreachable
from agent.memory.arbiter import PhaseChange
from agent.plan import RunPlan
from agent.records import Candidate, Decision, Promotion, Render, Result, Verification
from agent.run import Run
from agent.run_folder import RunFolder
from feedback.records import Assessment


def show_score(value: float | None) -> str:
    """A score for people: three digits, or a dash for unknown."""
    return "—" if value is None else f"{value:.3f}"


class RunDisplay:
    """Shows a run as it goes: one line an event that matters, and a bar with renders and time left on a terminal."""

    def __init__(self, run: Run, console: Console, notes: Sequence[str] = ()) -> None:
        self._console = console
        self._config = run.config
        self._notes = notes
        self._best: float | None = None
        self._done: set[str] = set()
        self._given_up: set[str] = set()
        self._progress = Progress(
            TextColumn("{task.description}"), BarColumn(bar_width=24),
            TextColumn("{task.completed} of at most {task.total} renders,"), TimeRemainingColumn(),
            TextColumn("left at most"), console=console, transient=True,
            disable=not console.is_terminal or console.quiet,
        )  # fmt: skip
        most = loop_budget(run.config) + reserved_renders(run.config)
        self._task = self._progress.add_task("starting", total=most)

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def pause(self) -> None:
        """Takes the bar away, so that a person can be asked something."""
        self._progress.stop()

    def proceed(self) -> None:
        """Brings the bar back."""
        self._progress.start()

    def on_event(self, event: str, data: dict[str, Any]) -> None:
        """A `Listener`; events it does not show are passed over."""
        show = getattr(self, f"_show_{event}", None)
        if show is not None:
            show(**data)

    def _say(self, text: str) -> None:
        self._console.print(text, highlight=False, soft_wrap=True)

    def _show_retrieved(self, prompt: str, checklist: Any, modifiers: Sequence[Any]) -> None:
        for note in self._notes:
            self._say(f"[yellow]note[/] {escape(note)}")
        self._say(f"[bold]{escape(prompt)}[/]")
        asked = "; ".join(question.text for question in checklist.questions) or "nothing that the rules can read"
        self._say(f"[dim]checklist[/]  {escape(asked)}")
        self._say(f"[dim]retrieved[/]  {len(modifiers)} modifiers")

    def _show_drafted(self, drafts: Any, **_: Any) -> None:
        if drafts.fallback:
            self._say(f"[yellow]rewriter failed, the rules write instead:[/] {escape(drafts.fallback)}")

    def _show_screened(self, iteration: int, candidates: Sequence[Candidate]) -> None:
        self._say(f"[bold]iteration {iteration}[/]")
        for candidate in candidates:
            mark = f"[red]dropped: {escape(candidate.dropped)}[/] " if candidate.dropped else ""
            self._say(f"  candidate {candidate.id}  {mark}{escape(candidate.text)}")
            if candidate.origin == "prompt":
                for finding in candidate.findings:
                    self._say(f"  [yellow]note[/] your prompt as it is: {escape(finding.detail)}")
        self._progress.update(self._task, description=self._describe(iteration))

    def _show_render_step(self, render: Render, done: int, total: int) -> None:
        description = f"{self._describe(render.iteration)}, render {render.id} step {done}/{total}"
        self._progress.update(self._task, description=description)

    def _show_rendered(self, render: Render) -> None:
        self._done.add(render.id)
        self._progress.update(self._task, completed=len(self._done))
        if render.failure:
            self._say(f"  [red]render {render.id} failed:[/] {escape(render.failure)}")

    def _show_assessed(self, render: Render, assessment: Assessment) -> None:
        dimensions = "  ".join(f"{name} {show_score(value)}" for name, value in assessment.dimensions.items())
        self._say(f"  render {render.id:<8} {show_score(assessment.overall)}   [dim]{dimensions}[/]")

    def _show_decided(self, decision: Decision) -> None:
        self._best = decision.score
        self._progress.update(self._task, description=self._describe(decision.iteration))
        verb = "stop" if decision.stop else "go on"
        self._say(f"  [cyan]{verb}[/]{f' ({decision.stop})' if decision.stop else ''}: {escape(decision.why)}")

        for question in decision.unreachable:
            if question.question not in self._given_up:
                self._given_up.add(question.question)
                self._say(f"  [yellow]unreachable:[/] {escape(describe_unreachable(question))}")

    def _show_promoted(self, promotion: Promotion) -> None:
        leader = (
            f"candidate {promotion.champion} leads with {show_score(promotion.score)}" if promotion.champion else ""
        )
        self._say(f"[bold]in full[/] {leader or 'nothing could be scored'}; {describe_drafts(promotion)}")

    def _show_verified(self, verification: Verification) -> None:
        self._say(f"[bold]verified[/] on {len(verification.seeds)} unseen seeds: gain {_signed(verification.gain)}")

    def _show_memory(self, change: PhaseChange) -> None:
        moved = [
            f"{verb} {', '.join(names)}"
            for verb, names in (("released", change.released), ("brought back", change.acquired))
            if names
        ]
        seconds = change.release_seconds + change.acquire_seconds
        if moved:
            self._say(f"  [dim]memory for {change.phase}: {escape('; '.join(moved))} ({seconds:.1f} s)[/]")
        for line in change.failed:
            self._say(f"  [yellow]memory:[/] {escape(line)}")

    def _show_stopping(self) -> None:
        self._say("[yellow]stopping after this step; Ctrl-C again ends at once[/]")

    def _show_failed(self, stage: str, reason: str) -> None:
        self._say(f"  [red]{stage} failed:[/] {escape(reason)}")

    def _describe(self, iteration: int) -> str:
        return f"iteration {iteration}/{self._config.stop.max_iterations}, best {show_score(self._best)}"


def ask_for_edits(texts: Sequence[Mapping[str, str]], display: RunDisplay, console: Console) -> dict[str, str]:
    """Lets the person at the terminal keep, edit or drop each candidate before it is rendered."""
    if not sys.stdin.isatty():
        raise UsageError("--review needs a terminal; run without it, or answer the interrupt through LangGraph")
    display.pause()
    console.print("[bold]review[/]: Enter keeps a text, '-' drops it, anything else replaces it")
    edits = {}
    for row in texts:
        console.print(f"[bold]{row['id']}[/] {escape(row['text'])}")
        answer = Prompt.ask(">", console=console, default="", show_default=False)
        edits[row["id"]] = {"": row["text"], "-": ""}.get(answer, answer)
    display.proceed()
    return edits


def describe_drafts(promotion: Promotion) -> str:
    """How well the drafts foretold the full renders, in one line."""
    order, correlation = promotion.order, promotion.rank_correlation
    told = f"rank correlation {_signed(correlation)}" if correlation is not None else promotion.why
    line = f"drafts against full renders: {told} ({order.pairs} pairs, {order.opposing} the other way round)"
    if promotion.draft_seconds is not None and promotion.full_seconds is not None:
        line += f"; {promotion.draft_seconds:.2f} s a draft, {promotion.full_seconds:.2f} s in full"
    return line


def print_result(result: Result, folder: RunFolder, console: Console) -> None:
    """The outcome: best text, both scores, the verified gain, why it stopped, where to look."""
    totals = result.totals
    original = show_score(result.original_score)
    seeds = "in full, on the loop's seeds" if result.promotion else "on the loop's seeds"
    lines = {
        "best prompt": escape(result.best.text),
        "score": f"{show_score(result.best_score)}  (original {original}, {seeds})",
        **({"drafts": describe_drafts(result.promotion)} if result.promotion else {}),
        "verified gain": _describe_gain(result),
        "stop_reason": f"{result.stop_reason}: {escape(result.why)}",
        **(
            {"unreachable": escape("; ".join(map(describe_unreachable, result.unreachable)))}
            if result.unreachable
            else {}
        ),
        "cost": f"{totals.renders} renders ({totals.failed_renders} failed), {totals.llm_calls} LLM calls, "
        f"{_tokens(result)}, {totals.seconds:.1f} s",
        "best video": escape(str(folder.path / result.best_video)) if result.best_video else "none",
        "report": escape(str(folder.report_file)),
    }
    console.print()
    for label, text in lines.items():
        console.print(f"[dim]{label:<14}[/] {text}", highlight=False, soft_wrap=True)


def _describe_gain(result: Result) -> str:
    if result.verified_gain is None:
        return "not verified"
    if result.verification is None:
        return "0 (nothing beat the prompt as it was typed)"
    lost = f"candidate {result.verification.champion} came to {_signed(result.verification.gain)}"
    seeds = len(result.verification.seeds)
    if result.best.id == "0":
        return f"0 (the prompt as typed is returned: {lost} on {seeds} unseen seeds)"
    return f"{_signed(result.verified_gain)} on {seeds} unseen seeds"


def _tokens(result: Result) -> str:
    totals = result.totals
    if totals.tokens_in is None or totals.tokens_out is None:
        return "tokens unknown"
    return f"{totals.tokens_in} tokens in, {totals.tokens_out} out"


def _signed(value: float | None) -> str:
    return "—" if value is None else f"{value:+.3f}"


class BatchDisplay:
    """Shows a batch as it goes, a line a prompt."""

    def __init__(self, total: int, console: Console) -> None:
        self._total = total
        self._console = console
        self._done = 0

    def show(self, row: BatchRow) -> None:
        """The line of one prompt when it is done, and a dim one for each note on it."""
        self._done += 1
        outcome = f"[red]{escape(row.error)}[/]"
        if not row.error:
            scores = f"{show_score(row.original_score)} -> {show_score(row.best_score)}"
            outcome = f"{scores}  gain {_signed(row.verified_gain)}  [dim]{row.stop_reason}[/]"
        line = f"{self._done:>4}/{self._total}  {escape(row.prompt[:60]):<60}  {outcome}"
        for text in (line, *(f"[dim]note  {escape(note)}[/]" for note in row.notes)):
            self._console.print(text, highlight=False, soft_wrap=True)


def print_summary(summary: Summary, folder: Any, console: Console) -> None:
    """What a batch came to."""
    console.print()
    if summary.mean_gain is None:
        console.print("no verified gain to report")
    else:
        low, high = summary.interval
        console.print(
            f"mean verified gain [bold]{_signed(summary.mean_gain)}[/] "
            f"(95 % bootstrap interval {_signed(low)} to {_signed(high)}, {summary.verified} prompts)",
            highlight=False,
            soft_wrap=True,
        )
    if summary.draft_order is not None:
        correlation, order = summary.draft_order.rank_correlation, summary.draft_order
        console.print(
            f"drafts against full renders: rank correlation {_signed(correlation)} "
            f"({order.pairs} pairs of {summary.drafted} prompts, {order.opposing} the other way round)",
            highlight=False,
            soft_wrap=True,
        )
    champions = f"champions: {summary.improved} better, {summary.worse} worse than the prompt as typed"
    others = f"{summary.kept_original} prompts that nothing beat; {summary.failed} failed; {summary.renders} renders"
    console.print(f"{champions}; {others}", highlight=False, soft_wrap=True)
    console.print(f"[bold]{escape(str(folder / 'summary.csv'))}[/]", soft_wrap=True)


def print_plan(plan: RunPlan, config: LoopConfig, prompts: int, console: Console) -> None:
    """What a run would take, by phase."""
    table = Table("phase", Column("model", overflow="fold"), "where", "weights")
    for phase in plan.phases:
        for holding in phase.holdings:
            size = _gigabytes(holding.weight_bytes) or f"unknown: {holding.why_unknown}"
            table.add_row(phase.phase, Text(holding.model), Text(holding.place), Text(size))
        if not phase.holdings:
            table.add_row(phase.phase, Text("no model"), "", "")
    console.print(table)
    for phase in plan.phases:
        if phase.holdings:
            console.print(f"{phase.phase}: {_describe_peak(phase.peak_bytes)}", highlight=False, soft_wrap=True)
    settings = "a full render"
    for request in filter(None, (plan.full, plan.draft)):
        steps = f", {request.num_inference_steps} steps" if request.num_inference_steps else ""
        size = f"{request.width}x{request.height}, {request.num_frames} frames at {request.fps:g} fps{steps}"
        console.print(f"{settings}: {size}", highlight=False, soft_wrap=True)
        settings = "a draft"
    loop = f"{plan.loop_renders} in the loop, {plan.verify_renders} on unseen seeds"
    loop += f", {plan.full_renders} of leaders in full" if plan.full_renders else ""
    each = " a prompt" if prompts > 1 else ""
    console.print(
        f"at most {plan.renders} renders{each} ({loop}) and {plan.llm_calls} LLM calls; memory mode {config.memory}",
        highlight=False,
        soft_wrap=True,
    )
    if prompts > 1:
        total = f"{prompts} prompts: at most {prompts * plan.renders} renders, {prompts * plan.llm_calls} LLM calls"
        console.print(total, highlight=False, soft_wrap=True)
    console.print("[dim]nothing was loaded, nothing was written[/]")


def _describe_peak(peak_bytes: int | None) -> str:
    if peak_bytes is None:
        return "memory unknown: a size is not told, or parts of models are offloaded"
    return f"weights take {_gigabytes(peak_bytes)} at a time; what is computed comes on top and is not estimated"


def _gigabytes(size_bytes: int | None) -> str:
    if size_bytes is None:
        return ""
    return f"{size_bytes / 1e9:.2f} GB" if size_bytes >= 1e7 else f"{size_bytes / 1e6:.2f} MB"


def print_findings(findings: Sequence[Finding], console: Console) -> None:
    """What the doctor found, one line each."""
    marks = {"good": "[green]ok[/]", "note": "[yellow]--[/]", "broken": "[red]!![/]"}
    for finding in findings:
        console.print(
            f"{marks[finding.state]}  [bold]{escape(finding.what)}[/]  {escape(finding.said)}",
            highlight=False,
            soft_wrap=True,
        )
