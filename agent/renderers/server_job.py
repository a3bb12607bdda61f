"""A render as a job on a server: created, watched, fetched, and noted on disk until then.

The note is a small file in the user's cache, named by what was asked of which server. A process that is killed while a
job is in flight leaves it there, and the next one that asks for the same takes up the job instead of paying again.
"""

import hashlib
import json
import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol, TypeVar

from agent.errors import RenderError, UsageError
from agent.renderer import StepCallback
from agent.renderers.endpoint import BusyError, ConnectionLostError
from agent.run_folder import write_text
from graph_store.cache import find_cache_dir

log = logging.getLogger(__name__)

LONGEST_PAUSE = 2.0
"""Seconds between two looks at a job; a Ctrl-C is heard as late as that."""
PAUSE_GROWTH = 1.5
PERCENT = 100
"""Steps that are counted where the number of denoising steps is the server's own."""

Order = Mapping[str, Any]
"""What a server is asked for, as it is sent; JSON-plain."""
Answer = TypeVar("Answer")


class JobGoneError(RenderError):
    """The server no longer knows the job, or may never have got it."""


class JobFailedError(RenderError):
    """The server ended the job without a video."""


@dataclass(frozen=True)
class JobState:
    """How far a job is. `share` is the part that is done, 0..1; `said` is the server's word for it."""

    phase: Literal["waiting", "done", "failed"]
    said: str
    share: float = 0.0


class JobServer(Protocol):
    """A server that makes videos as jobs. Every method may raise what `Endpoint` does."""

    address: str

    def create(self, order: Order) -> str:
        """The id of a new job."""
        ...

    def look(self, job: str) -> JobState:
        """How far the job is. Raises JobGoneError."""
        ...

    def fetch(self, job: str) -> bytes:
        """The video file of a job that is done. Raises JobGoneError."""
        ...

    def cancel(self, job: str) -> bool:
        """Whether the job was ended; False where the server can't, and the job is better left to be taken up."""
        ...


def run_job(
    server: JobServer, order: Order, steps: int | None, on_step: StepCallback | None, seconds: float, pause: float
) -> bytes:
    """The video file that the server makes of the order.

    Whoever stops waiting (by what `on_step` raises, or out of time) cancels the job where the server can; a job that is
    done or can't be cancelled is left to be taken up. A job that the server lost is created anew, once. While nothing
    moves, `on_step` is called with the same count again.

    Args:
        server: Where.
        order: What is asked for.
        steps: How many `on_step` counts to; None is percent.
        on_step: Told how far the job is, at least every two seconds while the server answers at once.
        seconds: Longest wait, the server's queue and all tries included.
        pause: First wait between two looks, in seconds; they grow to two seconds.

    Raises:
        JobGoneError: Twice.
        JobFailedError: The server says why.
        RenderError: It took too long, or the server answered with an error.
        UsageError: The server wants another key.
    """
    note = _Note(server.address, order)
    count = _Count(steps or PERCENT, on_step)
    patience = _Patience(seconds, pause, count.repeat)
    try:
        return _try_job(server, order, note, count, patience)
    except JobGoneError as lost:
        log.warning("%s; asking anew", lost)
        return _try_job(server, order, note, count, patience)


def _try_job(server: JobServer, order: Order, note: "_Note", count: "_Count", patience: "_Patience") -> bytes:
    job = note.read()
    if job is None:
        job = patience.insist(lambda: _create(server, order))
        note.write(job)
    try:
        _watch(server, job, count, patience)
    except (JobGoneError, JobFailedError):
        note.remove()
        raise
    except BaseException:
        if _cancel(server, job):
            note.remove()
        raise
    count.finish()
    try:
        video = patience.insist(lambda: server.fetch(job))
    except RenderError:
        note.remove()
        raise
    note.remove()
    return video


def _create(server: JobServer, order: Order) -> str:
    try:
        return server.create(order)
    except ConnectionLostError as problem:
        raise JobGoneError(f"{problem}, before it named the job") from None


def _watch(server: JobServer, job: str, count: "_Count", patience: "_Patience") -> None:
    while True:
        state = patience.insist(lambda: server.look(job))
        if state.phase == "failed":
            raise JobFailedError(f"{server.address}: {state.said}")
        if state.phase == "done":
            return
        count.reach(state.share)
        patience.wait(f"{server.address}: job {job} is still {state.said}")


def _cancel(server: JobServer, job: str) -> bool:
    try:
        return server.cancel(job)
    except (RenderError, UsageError) as problem:
        log.warning("job %s could not be cancelled: %s", job, problem)
        return False


class _Count:
    """Tells `on_step` how far the job is, every step once and in order."""

    def __init__(self, total: int, on_step: StepCallback | None) -> None:
        self._total, self._done, self._on_step = total, 0, on_step

    def reach(self, share: float) -> None:
        """Up to this share; the last step is left to `finish`."""
        self._count_to(min(int(share * self._total), self._total - 1))

    def finish(self) -> None:
        self._count_to(self._total)

    def repeat(self) -> None:
        """The same count again, so that whoever listens may stop the render."""
        if self._on_step:
            self._on_step(self._done, self._total)

    def _count_to(self, step: int) -> None:
        while self._done < step:
            self._done += 1
            self.repeat()


class _Patience:
    """Waits between two questions, a little longer each time, until the time is up."""

    def __init__(self, seconds: float, pause: float, between: Callable[[], None]) -> None:
        self._seconds, self._pause, self._between = seconds, pause, between
        self._end = time.monotonic() + seconds
        self._warned = False

    def wait(self, reason: str) -> None:
        """Raises RenderError with the reason when the time is up, and what `between` raises."""
        self._between()
        left = self._end - time.monotonic()
        if left <= 0:
            raise RenderError(f"gave up after {self._seconds:g} s: {reason}; allow more with --render-timeout")
        time.sleep(min(self._pause, left))
        self._pause = min(self._pause * PAUSE_GROWTH, LONGEST_PAUSE)

    def insist(self, ask: Callable[[], Answer]) -> Answer:
        """The answer, asked for again as long as the server is busy or out of reach."""
        while True:
            try:
                return ask()
            except BusyError as problem:
                if not self._warned:
                    log.warning("%s; trying again", problem)
                    self._warned = True
                reason = str(problem)
            self.wait(reason)


class _Note:
    """Which job makes this order. A cache that can't be written costs only the taking up."""

    def __init__(self, address: str, order: Order) -> None:
        identity = json.dumps([address, order], sort_keys=True, ensure_ascii=False)
        self._path: Path = find_cache_dir() / "jobs" / f"{hashlib.sha256(identity.encode()).hexdigest()}.json"

    def read(self) -> str | None:
        """The job's id; None when there is none in flight."""
        try:
            job = json.loads(self._path.read_text(encoding="utf-8"))["job"]
        except (OSError, ValueError, KeyError, TypeError):
            return None
        return job if isinstance(job, str) else None

    def write(self, job: str) -> None:
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            write_text(self._path, json.dumps({"job": job}) + "\n")
        except OSError as problem:
            log.warning("job %s can't be taken up if this run is killed: %s", job, problem)

    def remove(self) -> None:
        try:
            self._path.unlink(missing_ok=True)
        except OSError as problem:
            log.warning("%s stays behind: %s", self._path, problem)
