"""bench.jsonl: what a bench has paid for, one event a line, so that a killed one repeats none of it."""

from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from agent.bench.records import Answer, BenchSettings, Entrant, Look
from agent.config import LoopConfig
from agent.config_file import differing_keys, make_config
from agent.errors import UsageError
from agent.records import Render
from agent.run_folder import provenance
from agent.trajectory import Journal

EVENTS: dict[str, TypeAdapter[Any]] = {
    "render": TypeAdapter(Render),
    "own": TypeAdapter(Look),
    "held_out": TypeAdapter(Look),
    "answer": TypeAdapter(Answer),
    "entrant": TypeAdapter(Entrant),
}
"""What there is, and by which key: render and own by the video, held_out by judge and video, answer by method and
prompt, entrant by its name.

What was measured of the answers is no event: it is made of these anew each time."""


class BenchJournal(Journal):
    """A trajectory's journal with the events of a bench."""

    def __init__(self, path: Path) -> None:
        """Opens the file, or starts it. Raises UsageError when it is the journal of no bench."""
        super().__init__(path, EVENTS)

    @property
    def size(self) -> int:
        """How many events there are."""
        with self._lock:
            return len(self._known)

    def begin(self, settings: BenchSettings) -> None:
        """Writes the header, or checks that the answers in the file are of the same settings. Raises UsageError.

        Only what decides an answer must be the same: judge, verification seeds, margin and methods may change, and
        rewriters of other names may enter.
        """
        asked = {"renders": settings.renders}
        self.start({**asked, "config": settings.config.model_dump(mode="json"), **provenance()})
        header = self.header or {}
        differing = [
            f"{key} ({header.get(key)!r} there, {value!r} now)" for key, value in asked.items() if header[key] != value
        ]
        differing += differing_keys(_saved_config(header), settings.config)
        for name, entrant in settings.entrants.items():
            differing += _differences(name, self.once("entrant", name, lambda entrant=entrant: entrant), entrant)
        if differing:
            raise UsageError(
                f"{self.path} was begun with other settings: {', '.join(differing)}; choose another --output-dir"
            )


def _differences(name: str, there: Entrant, now: Entrant) -> list[str]:
    changed = [key for key in Entrant.model_fields if getattr(there, key) != getattr(now, key)]
    return [f"another rewriter {name!r} (by its {', '.join(changed)})"] if changed else []


def _saved_config(header: dict[str, Any]) -> LoopConfig:
    return make_config(header["config"])
