"""One run, from prompt and config to result: makes the parts, streams the graph, resumes what was begun."""

import signal
import sqlite3
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from types import FrameType
from typing import Any, cast

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.types import Command

from agent.config import LoopConfig
from agent.errors import Interrupted, UsageError
from agent.graph import Loop, build_graph, recursion_limit
from agent.hold_prompt import hold_prompt, note_softening
from agent.parts import Parts, open_parts
from agent.ports import Listener, Ports, connect_ports
from agent.prompt_flags import PromptRequest, read_prompt
from agent.records import Result
from agent.renderer import RenderRequest
from agent.renderers.registry import note_limits, open_renderer
from agent.report import write_report
from agent.run_folder import RunFolder, find_run_folder
from agent.state import LoopState
from agent.trajectory import read_trajectory

Reviewer = Callable[[Sequence[Mapping[str, str]]], dict[str, str]]
"""Shown this iteration's candidates as {"id", "text"}; gives back the texts to use by id. May raise Interrupted."""


@dataclass(frozen=True)
class Run:
    """A run that can be started or resumed; made by `begin_run` or `reopen_run`."""

    folder: RunFolder
    prompt: str
    """As it was asked for; the trajectory has it as it was softened."""
    config: LoopConfig
    typed: str | None = None
    """The prompt with its flags, of a run that is not on disk yet."""
    notes: Sequence[str] = ()
    """What a person should know of how the prompt was read and what will be missing of it, a line each."""

    def execute(
        self, parts: Parts | None = None, listeners: Sequence[Listener] = (), reviewer: Reviewer | None = None
    ) -> Result:
        """Runs to the end, from wherever an earlier process left off, and writes the report.

        `parts` may come from another run whose config differs only in seeds, sizes, budgets and the like, and their
        memory is closed by whoever opened them.
        Raises Interrupted on Ctrl-C, with everything finished on disk; UsageError for what only now turns out unusable.
        """
        finished = self.folder.read_result()
        if finished is not None:
            self.write_report()
            return finished
        if parts is not None:
            return self._run(replace(parts, config=self.config), listeners, reviewer)
        parts = open_parts(self.config)
        try:
            return self._run(parts, listeners, reviewer)
        finally:
            parts.memory.close()

    def _run(self, parts: Parts, listeners: Sequence[Listener], reviewer: Reviewer | None) -> Result:
        self.folder.create(self.prompt, self.config, self.typed)
        with self.folder.lock(), self._checkpoints() as checkpoints:
            ports = connect_ports(parts, self.prompt, self.folder, listeners, self.notes)
            try:
                with _ctrl_c_sets(ports):
                    state = self._stream(build_graph(lambda _: ports, checkpoints), reviewer)
            finally:
                self.write_report()
        result = Result.model_validate(state.get("result"))
        if not self.folder.result_file.exists():
            self.folder.write_result(result)
        return result

    def write_report(self) -> Path:
        """Writes report.html from what is on disk."""
        return write_report(read_trajectory(self.folder.path), self.folder.path)

    @contextmanager
    def _checkpoints(self) -> Iterator[SqliteSaver]:
        file = self.folder.checkpoint_file
        try:
            with closing(sqlite3.connect(file, check_same_thread=False)) as database:
                yield SqliteSaver(database)
        except sqlite3.DatabaseError as problem:
            raise UsageError(f"{file}: {problem}; remove it, the run resumes from its trajectory") from problem

    def _stream(self, graph: Loop, reviewer: Reviewer | None) -> LoopState:
        """Streams the graph to its end, through every interrupt for a review; the last state."""
        thread: RunnableConfig = {
            "configurable": {"thread_id": "run"},
            "recursion_limit": recursion_limit(self.config.stop),
            "max_concurrency": self.config.render.concurrency,
        }
        given: Any = None if graph.get_state(thread).values else {"prompt": self.prompt}
        while True:
            waiting = [task.interrupts[0].value for task in graph.get_state(thread).tasks if task.interrupts]
            if waiting:
                given = Command(resume=self._ask(reviewer, waiting[0]["candidates"]))
            for _ in graph.stream(given, thread, stream_mode="updates", durability="sync"):
                pass
            state = graph.get_state(thread)
            if not state.next:
                return cast("LoopState", state.values)
            given = None

    def _ask(self, reviewer: Reviewer | None, candidates: Sequence[Mapping[str, str]]) -> dict[str, str]:
        """The reviewer's texts; Ctrl-C and the end of input leave the run as it is."""
        if reviewer is None:
            raise UsageError(f"the run waits for a review; continue it with: retake resume {self.folder.path}")
        ours = signal.getsignal(signal.SIGINT)
        try:
            if threading.current_thread() is threading.main_thread():
                signal.signal(signal.SIGINT, signal.default_int_handler)
            return reviewer(candidates)
        except (KeyboardInterrupt, EOFError):
            raise Interrupted("stopped in the review") from None
        finally:
            if threading.current_thread() is threading.main_thread():
                signal.signal(signal.SIGINT, ours)


def begin_run(raw_prompt: str, config: LoopConfig, output_dir: Path, run_id: str | None = None) -> Run:
    """The run of this prompt and config: a new one, or the one begun before by the same command.

    Nothing is written yet. Raises UsageError, for a prompt that no principle lets through, too.
    """
    request = read_prompt(raw_prompt)
    held = hold_prompt(request.text, config.principles)
    limits = [*note_softening(held), *note_limits(held.text, config.render)]
    config, unused = apply_flags(request, config)
    folder = find_run_folder(output_dir, request.text, config, run_id)
    return Run(folder, request.text, config, raw_prompt, (*request.notes, *unused, *limits))


def reopen_run(path: Path) -> Run:
    """The run in this folder, with the prompt and config it was begun with. Raises UsageError when there is none."""
    folder = RunFolder(path)
    return Run(folder, *folder.saved_config())


def apply_flags(request: PromptRequest, config: LoopConfig) -> tuple[LoopConfig, list[str]]:
    """The config with what the prompt's own flags ask for where it leaves that open, and a note on each unused flag."""
    render = config.render
    render_changes: dict[str, Any] = {}
    unused: list[str] = []

    def use(flag: str, wanted: Any, is_open: bool, **changes: Any) -> None:
        if wanted is not None and is_open:
            render_changes.update(changes)
        elif wanted is not None:
            unused.append(f"{flag} in the prompt is not used: the config says otherwise, or the renderer can't")

    if request.negative:
        render_changes["negative_prompt"] = request.with_negative(render.negative_prompt)
    fps, scale, ratio = request.fps, request.guidance_scale, request.aspect_ratio
    use("-fps", fps, render.fps is None and 0 < (fps or 0) <= 240, fps=fps)
    use("-gs", scale, render.guidance_scale is None and (scale or 0) <= 100, guidance_scale=scale)
    size = _size_of_ratio(ratio, config) if ratio and render.width is None and render.height is None else {}
    use("-ar", ratio, bool(size), **size)
    if request.motion is not None:
        unused.append("-motion in the prompt is not used: no renderer takes a strength of motion")
    seed = config.seed if request.seed is None or config.seed else request.seed % 2**31
    changes = {"seed": seed, "render": {**render.model_dump(), **render_changes}}
    return LoopConfig.model_validate({**config.model_dump(), **changes}), unused


def _size_of_ratio(ratio: tuple[int, int], config: LoopConfig) -> dict[str, int]:
    """Width and height of about the renderer's default area in this ratio, in steps of 16 px; none if it can't be."""
    renderer = open_renderer(config.render)
    default = renderer.resolve(RenderRequest(text="", seed=0))
    area = (default.width or 512) * (default.height or 512)
    width = (area * ratio[0] / ratio[1]) ** 0.5
    size = {"width": max(64, round(width / 16) * 16), "height": max(64, round(area / width / 16) * 16)}
    legal = renderer.resolve(RenderRequest(text="", seed=0, width=size["width"], height=size["height"]))
    is_near = abs((legal.width or 1) / (legal.height or 1) - ratio[0] / ratio[1]) < ratio[0] / ratio[1] / 4
    return size if is_near else {}


@contextmanager
def _ctrl_c_sets(ports: Ports) -> Iterator[None]:
    """The first Ctrl-C asks the run to end at its next step; a second one ends it at once."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def on_interrupt(_number: int, _frame: FrameType | None) -> None:
        ports.stop.set()
        ports.notify("stopping")
        signal.signal(signal.SIGINT, previous)

    previous = signal.signal(signal.SIGINT, on_interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, previous)
