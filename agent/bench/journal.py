"""bench.jsonl: what a bench has paid for, one event a line, so that a killed one repeats none of it."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, TypeVar, cast

from pydantic import TypeAdapter

from agent.bench.records import Answer, BenchSettings, Look
from agent.config import LoopConfig, differing_keys, make_config
from agent.errors import UsageError
from agent.records import Record, Render
from agent.run_folder import provenance
from agent.trajectory import Journal

T = TypeVar("T")

EVENTS: dict[str, TypeAdapter[Any]] = {
    "render": TypeAdapter(Render),
    "own": TypeAdapter(Look),
    "held_out": TypeAdapter(Look),
    "answer": TypeAdapter(Answer),
}
"""What there is, and by which key: render and own by the video, held_out by judge and video, answer by method and
prompt.

What was measured of the answers is no event: it is made of these anew each time."""


class BenchJournal(Journal):
    """A trajectory's journal with the events of a bench."""

    def once(self, event: str, key: str, compute: Callable[[], T]) -> T:
        """The record written under (event, key); computed and written when there is none."""
        known = self.read(event, key)
        if known is not None:
            return cast("T", known)
        value = compute()
        data = cast("Record", value).model_dump(mode="json")
        with self._lock:
            self._known[event, key] = data
            self._append({"event": event, "key": key, "at": datetime.now(UTC).isoformat(), "data": data})
        return value

    def read(self, event: str, key: str) -> Any | None:
        """The record written under (event, key), None when there is none."""
        with self._lock:
            known = self._known.get((event, key))
        return None if known is None else EVENTS[event].validate_python(known)

    @property
    def size(self) -> int:
        """How many events there are."""
        with self._lock:
            return len(self._known)

    def begin(self, settings: BenchSettings) -> None:
        """Writes the header, or checks that the answers in the file are of the same settings. Raises UsageError.

        Only what decides an answer must be the same: judge, verification seeds, margin and methods may change.
        """
        asked = {"renders": settings.renders, "distilled": settings.distilled}
        self.start({**asked, "config": settings.config.model_dump(mode="json"), **provenance()})
        header = self.header or {}
        differing = [
            f"{key} ({header.get(key)!r} there, {value!r} now)" for key, value in asked.items() if header[key] != value
        ]
        if differing := differing + differing_keys(_saved_config(header), settings.config):
            raise UsageError(
                f"{self.path} was begun with other settings: {', '.join(differing)}; choose another --output-dir"
            )


def _saved_config(header: dict[str, Any]) -> LoopConfig:
    return make_config(header["config"])
