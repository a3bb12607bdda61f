"""The live side of one run: its parts, its folder and journal, its clock, and who listens."""

import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Protocol

from agent.errors import Interrupted, UsageError
from agent.hold_prompt import hold_prompt
from agent.language_model import Recorded
from agent.memory.arbiter import Phase
from agent.parts import Parts
from agent.renderer import RendererInfo
from agent.run_folder import RunFolder, provenance
from agent.trajectory import Failure, Journal

_log = logging.getLogger(__name__)


class Listener(Protocol):
    """Is told what happens in a run. What it raises is logged and changes nothing."""

    def on_event(self, event: str, data: dict[str, Any]) -> None:
        """Takes note of one event, with the records it brings.

        Events: retrieved, drafted, screened, render_started, render_step, rendered, assessed, decided, promoted,
        verified, finished, failed, stopping, memory.
        """
        ...


class StopSignal:
    """Set when the person pressed Ctrl-C; checked before and within every long step."""

    def __init__(self) -> None:
        self._event = threading.Event()

    def set(self) -> None:
        """Asks all work to end at the next step."""
        self._event.set()

    def check(self) -> None:
        """Raises Interrupted when the signal is set."""
        if self._event.is_set():
            raise Interrupted("stopped by Ctrl-C")


@dataclass(frozen=True)
class Ports(Parts):
    """What the nodes work with; made by `connect_ports`."""

    prompt: str
    folder: RunFolder
    journal: Journal
    clock: Callable[[], float]
    """Seconds since this process began the run."""
    listeners: Sequence[Listener] = ()
    stop: StopSignal = field(default_factory=StopSignal)

    def notify(self, event: str, **data: Any) -> None:
        """Tells all listeners; none of them can disturb the run."""
        for listener in self.listeners:
            try:
                listener.on_event(event, data)
            except Exception:
                _log.exception("a listener failed on %s", event)

    def enter(self, phase: Phase) -> None:
        """Makes room in memory for what this phase needs."""
        if change := self.memory.enter(phase):
            self.notify("memory", change=change)

    def is_out_of_time(self) -> bool:
        """Whether the time limit is over."""
        limit = self.config.stop.time_limit
        return limit is not None and self.clock() >= limit

    def must_stop(self) -> bool:
        """Whether no more renders are to be made: the time is over, or a file asks the run to end."""
        return self.folder.stop_file.exists() or self.is_out_of_time()

    def record_failure(self, stage: str, problem: Exception) -> str:
        """Writes a part's failure into the trajectory, once, and tells the listeners; the reason in one line."""
        reason = f"{type(problem).__name__}: {' '.join(str(problem).split())}"
        self.journal.once("failure", f"{stage}-{reason}", lambda: Failure(stage=stage, reason=reason))
        self.notify("failed", stage=stage, reason=reason)
        return reason


def connect_ports(
    parts: Parts, prompt: str, folder: RunFolder, listeners: Sequence[Listener] = (), notes: Sequence[str] = ()
) -> Ports:
    """The parts at work in a run folder, whose trajectory is begun if it is not there.

    It begins with the prompt held to the principles, which from then on is the run's. Raises UsageError when it was
    begun with another revision of the renderer's model, or the prompt is refused.
    """
    journal = Journal(folder.trajectory_file)
    _check_same_model(journal.header, parts.renderer.info, folder)
    if journal.header is None:
        _begin(journal, parts, prompt, notes)
    assert journal.header  # noqa: S101 - just written
    started = time.monotonic()
    return Ports(
        **vars(parts),
        prompt=journal.header["prompt"],
        folder=folder,
        journal=journal,
        clock=lambda: time.monotonic() - started,
        listeners=listeners,
    )


def _begin(journal: Journal, parts: Parts, prompt: str, notes: Sequence[str]) -> None:
    config = parts.config
    if config.principles.by == "model":
        parts.memory.enter("rewrite")
    held = hold_prompt(prompt, config.principles, parts.language_model, config.seed)
    header = {"prompt": held.text, "config": config.model_dump(mode="json"), "models": _models(parts), **provenance()}
    softening = held.model_dump(mode="json") if held.softened else None
    more = {"notes": list(notes), "softening": softening, "templates": dict(parts.templates.own)}
    journal.start(header | {name: value for name, value in more.items() if value})


def _models(parts: Parts) -> dict[str, Any]:
    """What the run is made with, so that it can be made again and a rewriter trained on the very same texts."""
    judge, writer = parts.config.assess, parts.writer
    rewriter = writer.record if isinstance(writer, Recorded) else {"model": parts.config.rewrite.model}
    return {
        "renderer": {name: value for name, value in asdict(parts.renderer.info).items() if name != "captions"},
        "rewriter": {"name": parts.rewriter.name, **rewriter},
        "judge": {"name": judge.judge, "model": judge.judge_model, "revision": judge.judge_revision},
        "detector": {"name": judge.detector, "model": judge.detector_model},
    }


def _check_same_model(header: Mapping[str, Any] | None, info: RendererInfo, folder: RunFolder) -> None:
    """Raises UsageError when clips of two revisions of one model would be mixed; what is unknown is no difference."""
    began_with = (header or {}).get("models", {}).get("renderer", {})
    before = began_with.get("revision")
    if before and info.revision and before != info.revision:
        raise UsageError(
            f"{folder.path} was begun with {info.model} at revision {before}, which is at {info.revision} now: "
            "start a new run with --run-id"
        )
