"""The memory arbiter: when the phase changes, what is not needed makes room for what is."""

import logging
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from threading import Lock
from typing import Literal

from agent.memory.places import contend, find_total_memory, is_accelerator, is_server
from feedback.resident import Holding, Resident

Phase = Literal["rewrite", "render", "judge", "held_out"]
"""What is under way; in the last one a bench asks the judge that its loop never asks."""
Mode = Literal["auto", "keep", "share"]

WEIGHT_SHARE = 0.6
"""Of an accelerator's memory, what weights may take together; the rest is for what is computed and cached."""
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class PhaseChange:
    """What one change of phase moved, by the models' names, and how long that took."""

    phase: Phase | None
    """None: the end, where servers are woken."""
    released: tuple[str, ...]
    acquired: tuple[str, ...]
    failed: tuple[str, ...]
    """What did not do as it was told, a line each."""
    release_seconds: float
    acquire_seconds: float


class MemoryArbiter:
    """Knows what is resident where, and makes room where phases share memory. Safe to use from threads.

    auto    parts stay while the weights at a place fit together; others than the needed make room, largest first. A
            part of unknown size, and an accelerator of unknown memory, may not fit
    share   whatever is not needed makes room wherever it shares memory with what is
    keep    nothing makes room

    Parts on the CPU are left alone, and so are parts of the server that a needed part is on. What a part raises becomes
    one warning and changes nothing: whoever uses that part meets the trouble where it is handled.

    Args:
        parts: What each phase works with; a part may belong to several.
        mode: When parts make room.
        find_memory: Bytes in all of the accelerator at a place, None where unknown.
        weight_share: What weights may take of it, 0..1.
        clock: Seconds.
    """

    def __init__(
        self,
        parts: Mapping[Phase, Sequence[Resident]],
        mode: Mode = "auto",
        *,
        find_memory: Callable[[str], int | None] = find_total_memory,
        weight_share: float = WEIGHT_SHARE,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.changes: list[PhaseChange] = []
        """All changes that moved something, in order."""
        self._mode = mode
        self._find_memory = find_memory
        self._weight_share = weight_share
        self._clock = clock
        self._phase: Phase | None = None
        self._lock = Lock()
        known = {id(one): _Part(one) for residents in parts.values() for one in residents}
        self._parts = [part for part in known.values() if part.holdings]
        self._needed = {
            phase: [part for part in self._parts if any(part.resident is one for one in residents)]
            for phase, residents in parts.items()
        }

    def enter(self, phase: Phase) -> PhaseChange | None:
        """Makes room for what this phase needs, and brings it back; None when that moved nothing.

        Others who enter meanwhile wait until that is done.
        """
        with self._lock:
            if phase == self._phase:
                return None
            needed = self._needed.get(phase, [])
            change = self._move(phase, self._leaving(needed), [part for part in needed if part.state != "here"])
            self._phase = phase
            return change

    def close(self) -> PhaseChange | None:
        """Wakes the servers that made room, after models of this process that may be in their way."""
        with self._lock:
            sleepers = [part for part in self._parts if part.is_on_server and part.state in ("away", "unsure")]
            asleep = [part for part in sleepers if part.state == "away"]
            in_the_way = [
                part for part in self._parts if not part.is_on_server and part.is_loaded and _meet(part, asleep)
            ]
            self._phase = None
            return self._move(None, in_the_way, sleepers)

    def _leaving(self, needed: Sequence["_Part"]) -> list["_Part"]:
        """Who has to make room for these. The smallest are let stay first, so that few have to move."""
        staying, leaving = list(needed), list["_Part"]()
        busy = {own.place for part in needed for own in part.holdings if is_server(own.place)}
        others = [
            part
            for part in self._parts
            if part not in needed and part.state != "away" and not any(own.place in busy for own in part.holdings)
        ]
        for part in sorted(others, key=lambda part: part.weight):
            if not _meet(part, needed) or self._may_stay(part, staying):
                staying.append(part)
            else:
                leaving.append(part)
        return leaving

    def _may_stay(self, part: "_Part", staying: Sequence["_Part"]) -> bool:
        if self._mode != "auto":
            return self._mode == "keep"
        return all(self._fit(own.place, [part, *staying]) for own in part.holdings)

    def _fit(self, place: str, parts: Iterable["_Part"]) -> bool:
        """Whether the weights of these at this place fit in its memory."""
        memory = self._find_memory(place)
        weights = [
            own.weight_bytes
            for part in parts
            for own in part.holdings
            if own.place == place or contend(own.place, place)
        ]
        if memory is None or None in weights:
            return False
        return sum(weight or 0 for weight in weights) <= self._weight_share * memory

    def _move(self, phase: Phase | None, leaving: list["_Part"], returning: list["_Part"]) -> PhaseChange | None:
        # What was never released is told to come back, too: a run that was killed leaves servers asleep.
        were_gone = [part for part in returning if part.state != "untouched"]
        failed: list[str] = []
        began = self._clock()
        released = [part for part in leaving if part.do("release", failed)]
        between = self._clock()
        acquired = [part for part in returning if part.do("acquire", failed) and part in were_gone]
        ended = self._clock()
        if not (released or acquired or failed):
            return None
        change = PhaseChange(phase, _names(released), _names(acquired), tuple(failed), between - began, ended - between)
        self.changes.append(change)
        _log.info("memory: %s", change)
        return change


@dataclass(eq=False)
class _Part:
    """A resident and where it stands, as far as it was told and did not fail."""

    resident: Resident
    state: Literal["untouched", "here", "away", "unsure"] = "untouched"
    holdings: list[Holding] = field(init=False)
    """Those in memory that is scarce."""
    _has_warned: bool = False

    def __post_init__(self) -> None:
        self.holdings = [own for own in self.resident.holdings if is_accelerator(own.place)]

    @property
    def name(self) -> str:
        return " + ".join(own.model for own in self.holdings)

    @property
    def weight(self) -> float:
        """Bytes; infinite when unknown."""
        return sum(float("inf") if own.weight_bytes is None else own.weight_bytes for own in self.holdings)

    @property
    def is_on_server(self) -> bool:
        return any(is_server(own.place) for own in self.holdings)

    @property
    def is_loaded(self) -> bool:
        return self.state in ("here", "unsure")

    def do(self, act: Literal["release", "acquire"], failed: list[str]) -> bool:
        """Whether the resident did it; if not, `failed` is told why."""
        try:
            if act == "release":
                self.resident.release()
            else:
                self.resident.acquire()
        except Exception as problem:
            line = f"{self.name} was not {act}d: {' '.join(str(problem).split()) or type(problem).__name__}"
            failed.append(line)
            if not self._has_warned:
                _log.warning("%s", line)
                self._has_warned = True
            self.state = "unsure"
            return False
        self.state = "away" if act == "release" else "here"
        return True


def _meet(part: _Part, others: Iterable[_Part]) -> bool:
    """Whether the part shares memory with one of the others."""
    return any(contend(own.place, its.place) for own in part.holdings for other in others for its in other.holdings)


def _names(parts: Iterable[_Part]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(part.name for part in parts))
