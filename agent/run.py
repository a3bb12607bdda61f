"""One run, from prompt and config to result: makes the parts, streams the graph, resumes what was begun."""

import signal
import sqlite3
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import FrameType
from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.types import Command

from agent.config import LoopConfig
from agent.errors import UsageError
from agent.graph import Loop, build_graph, recursion_limit
from agent.parts import Parts, open_parts
from agent.ports import Listener, StopSignal, connect_ports
from agent.prompt_flags import PromptRequest, read_prompt
from agent.records import Result
from agent.renderer import RenderRequest
from agent.renderers.registry import open_renderer
from agent.report import write_report
from agent.run_folder import RunFolder, check_same_run, find_run_folder
from agent.trajectory import read_trajectory

Reviewer = Callable[[Sequence[Mapping[str, str]]], dict[str, str]]
"""Shown this iteration's candidates as {"id", "text"}; gives back the texts to use by id. May raise Interrupted."""


@dataclass(frozen=True)
class Run:
    """A run that can be started or resumed; made by `begin_run` or `reopen_run`."""

    folder: RunFolder
    prompt: str
    config: LoopConfig
    notes: Sequence[str] = field(default=())
    """What a person should know of how the prompt was read."""

    def execute(
        self, parts: Parts | None = None, listeners: Sequence[Listener] = (), reviewer: Reviewer | None = None
    ) -> Result:
        """Runs to the end, from wherever an earlier process left off, and writes the report.

        `parts` may come from another run whose config differs only in seeds, sizes, budgets and the like.
        Raises Interrupted on Ctrl-C, with everything finished on disk; UsageError for what only now turns out unusable.
        """
        finished = self.folder.read_result()
        if finished is not None:
            self.write_report()
            return finished
        parts = replace(parts or open_parts(self.config), config=self.config)
        self.folder.create(self.prompt, self.config)
        with (
            self.folder.lock(),
            closing(sqlite3.connect(self.folder.checkpoint_file, check_same_thread=False)) as database,
        ):
            ports = connect_ports(parts, self.prompt, self.folder, listeners)
            graph = build_graph(ports, SqliteSaver(database))
            try:
                with _ctrl_c_sets(ports.stop):
                    self._stream(graph, reviewer)
            finally:
                self.write_report()
        result = self.folder.read_result()
        assert result is not None  # noqa: S101 - the graph ends in finish, which writes it
        return result

    def write_report(self) -> Path:
        """Writes report.html from what is on disk."""
        return write_report(read_trajectory(self.folder.path), self.folder.path)

    def _stream(self, graph: Loop, reviewer: Reviewer | None) -> None:
        """Streams the graph to its end, through every interrupt for a review."""
        thread: RunnableConfig = {
            "configurable": {"thread_id": "run"},
            "recursion_limit": recursion_limit(self.config.stop.max_iterations),
            "max_concurrency": self.config.render.concurrency,
        }
        given: Any = None if graph.get_state(thread).values else {"prompt": self.prompt}
        while True:
            waiting = [task.interrupts[0].value for task in graph.get_state(thread).tasks if task.interrupts]
            if waiting:
                if reviewer is None:
                    raise UsageError(f"the run waits for a review; continue it with: retake resume {self.folder.path}")
                given = Command(resume=reviewer(waiting[0]["candidates"]))
            for _ in graph.stream(given, thread, stream_mode="updates", durability="sync"):
                pass
            if not graph.get_state(thread).next:
                return
            given = None


def begin_run(raw_prompt: str, config: LoopConfig, output_dir: Path, run_id: str | None = None) -> Run:
    """The run of this prompt and config: a new one, or the one begun before by the same command. Raises UsageError."""
    request = read_prompt(raw_prompt)
    config = apply_flags(request, config)
    folder = find_run_folder(output_dir, request.text, config, run_id)
    return Run(folder, request.text, config, request.notes)


def reopen_run(path: Path, config: LoopConfig | None = None) -> Run:
    """The run in this folder; refused when `config` is given and differs from the one it was begun with."""
    folder = RunFolder(path)
    prompt, saved = folder.saved_config()
    if config is not None:
        check_same_run(folder, prompt, config)
    return Run(folder, prompt, saved)


def apply_flags(request: PromptRequest, config: LoopConfig) -> LoopConfig:
    """The config with what the prompt's own flags ask for, where the config leaves it open."""
    render = config.render
    changes: dict[str, Any] = {}
    if request.negative:
        changes["negative_prompt"] = ", ".join(filter(None, (render.negative_prompt, request.negative)))
    if request.fps and render.fps is None and request.fps <= 240:
        changes["fps"] = request.fps
    if request.guidance_scale is not None and render.guidance_scale is None and request.guidance_scale <= 100:
        changes["guidance_scale"] = request.guidance_scale
    if request.aspect_ratio and render.width is None and render.height is None:
        changes |= _size_of_ratio(request.aspect_ratio, config)
    if not changes:
        return config
    return LoopConfig.model_validate({**config.model_dump(), "render": {**render.model_dump(), **changes}})


def _size_of_ratio(ratio: tuple[int, int], config: LoopConfig) -> dict[str, int]:
    """Width and height of about the renderer's default area in this ratio, in steps of 16 px."""
    default = open_renderer(config.render).resolve(RenderRequest(text="", seed=0))
    area = (default.width or 512) * (default.height or 512)
    width = (area * ratio[0] / ratio[1]) ** 0.5
    return {"width": max(64, round(width / 16) * 16), "height": max(64, round(area / width / 16) * 16)}


@contextmanager
def _ctrl_c_sets(stop: StopSignal) -> Iterator[None]:
    """The first Ctrl-C asks the run to end at its next step; a second one ends it at once."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def on_interrupt(_number: int, _frame: FrameType | None) -> None:
        stop.set()
        signal.signal(signal.SIGINT, previous)

    previous = signal.signal(signal.SIGINT, on_interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, previous)
