"""The live parts of a run: everything a node may call that is not state."""

import logging
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from agent.config import LoopConfig
from agent.errors import Interrupted
from agent.renderers.renderer import Renderer
from agent.rewriters.rewriter import Rewriter
from agent.run_folder import RunFolder
from agent.trajectory import Journal
from feedback.source import FeedbackSource
from graph_store.store import ModifierStore

_log = logging.getLogger(__name__)


class Listener(Protocol):
    """Is told what happens in a run. What it raises is logged and changes nothing."""

    def on_event(self, event: str, data: dict[str, Any]) -> None:
        """Takes note of one event, with the records it brings.

        Events: retrieved, drafted, screened, render_started, render_step, rendered, assessed, decided, verified,
        finished, failed.
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
class Ports:
    """What the nodes work with; made by `agent.run`."""

    prompt: str
    config: LoopConfig
    folder: RunFolder
    journal: Journal
    store: ModifierStore | None
    """None: no retrieval."""
    rewriter: Rewriter
    fallback: Rewriter
    """Writes when `rewriter` fails; needs no model."""
    renderer: Renderer
    sources: Sequence[FeedbackSource]
    negative: str | None
    """What the prompt's flags and the config exclude."""
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
