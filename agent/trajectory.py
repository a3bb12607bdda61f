"""The trajectory: everything that happened for one prompt, one event a line, and the journal that writes it.

Line 1 is the header: schema version, prompt, config, models, versions; where there are any, "notes" on what will be
missing of the prompt, and "softening", what the principles found in the words that were typed. Every other line is
`{"event", "key", "at", "data"}`. A line is written whole, flushed to disk, and never changed. A torn last line is an
event that did not happen: the journal cuts it off.

The journal is also the run's memory: `once` returns what is already written under a key and computes only what is
not. That is what makes a killed run repeat nothing it has paid for.
"""

import json
import os
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, TypeVar, cast

from pydantic import TypeAdapter, ValidationError

from agent.errors import UsageError
from agent.principles.outcome import TextJudgement
from agent.records import Assessed, Candidate, Decision, Promotion, Record, Render, Result, Verification
from agent.rewriter import Draft
from agent.standings import Selection, Standing, rank_candidates
from feedback.records import Question
from graph_store.records import ModifierKind

SCHEMA_VERSION = 2
T = TypeVar("T")


class RetrievedModifier(Record):
    """A modifier as written to the trajectory; see `graph_store.records.Modifier`."""

    text: str
    kind: ModifierKind
    cosine: float
    via: str
    count: int


class Checklist(Record):
    """The prompt's questions and who made them."""

    questions: list[Question]
    made_by: Literal["rules", "model"]
    llm_calls: int = 0
    tokens_in: int | None = 0
    tokens_out: int | None = 0


class Drafts(Record):
    """What the rewriter wrote in one iteration, before the screen."""

    drafts: list[Draft]
    fallback: str | None = None
    """Why the rules wrote instead of the rewriter; None when they did not."""


class Failure(Record):
    """A part that failed, and in which stage; the run went on."""

    stage: str
    reason: str


EVENTS: dict[str, TypeAdapter[Any]] = {
    "checklist": TypeAdapter(Checklist),
    "modifiers": TypeAdapter(list[RetrievedModifier]),
    "drafts": TypeAdapter(Drafts),
    "candidates": TypeAdapter(list[Candidate]),
    "judgement": TypeAdapter(TextJudgement),
    "render": TypeAdapter(Render),
    "assessed": TypeAdapter(Assessed),
    "decision": TypeAdapter(Decision),
    "promotion": TypeAdapter(Promotion),
    "verification": TypeAdapter(Verification),
    "failure": TypeAdapter(Failure),
    "result": TypeAdapter(Result),
}


class Journal:
    """Appends events to a trajectory file and answers from it; safe for threads of one process."""

    def __init__(self, path: Path, events: Mapping[str, TypeAdapter[Any]] = EVENTS) -> None:
        """Opens the file, or starts it; a torn last line is cut off. `events` is what may be written, by name.

        Raises UsageError when the file is no trajectory that this version can read.
        """
        self.path = path
        self._events = events
        self._lock = threading.Lock()
        self._known: dict[tuple[str, str], Any] = {}
        self.header: dict[str, Any] | None = None
        if path.exists():
            lines, whole_bytes = _whole_lines(path)
            if whole_bytes < path.stat().st_size:
                os.truncate(path, whole_bytes)
            if lines:
                self.header = read_header(path, lines[0])
            for number, line in enumerate(lines[1:], start=2):
                row = _read_row(path, number, line)
                self._known[row["event"], row["key"]] = row["data"]

    def start(self, header: Mapping[str, Any]) -> None:
        """Writes the header of a new trajectory; does nothing when there is one."""
        if self.header is None:
            self.header = {"event": "header", "schema_version": SCHEMA_VERSION, **header}
            self._append(self.header)

    def once(self, event: str, key: str, compute: Callable[[], T]) -> T:
        """The value written under (event, key); computed and written when there is none."""
        known = self.read(event, key)
        if known is not None:
            return cast("T", known)
        value = compute()
        data = self._events[event].dump_python(value, mode="json")
        with self._lock:
            self._known[event, key] = data
            self._append({"event": event, "key": key, "at": datetime.now(UTC).isoformat(), "data": data})
        return value

    def read(self, event: str, key: str) -> Any | None:
        """The value written under (event, key), None when there is none."""
        with self._lock:
            known = self._known.get((event, key))
        return None if known is None else self._events[event].validate_python(known)

    def _append(self, row: Mapping[str, Any]) -> None:
        with self.path.open("ab") as file:
            file.write(json.dumps(row, ensure_ascii=False, allow_nan=False).encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())


@dataclass(frozen=True)
class Trajectory:
    """A trajectory as read back: of a finished run or of one under way."""

    header: dict[str, Any]
    checklist: list[Question] = field(default_factory=list)
    modifiers: list[RetrievedModifier] = field(default_factory=list)
    candidates: list[Candidate] = field(default_factory=list)
    """As they were offered to the renderer: after a review, as reviewed."""
    renders: list[Render] = field(default_factory=list)
    assessed: list[Assessed] = field(default_factory=list)
    decisions: list[Decision] = field(default_factory=list)
    drafts: list[Drafts] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)
    promotion: Promotion | None = None
    verification: Verification | None = None
    result: Result | None = None

    @property
    def prompt(self) -> str:
        """What the user typed, without its flags, and softened where it had to be."""
        return str(self.header["prompt"])

    def standings(self) -> list[Standing]:
        """Who led, the leader first, by the run's own rule."""
        selection = Selection.from_config(self.header.get("config", {}))
        return rank_candidates(self.candidates, self.renders, self.assessed, selection)

    def candidate(self, candidate_id: str) -> Candidate:
        """The candidate of that id; KeyError when there is none."""
        return {candidate.id: candidate for candidate in self.candidates}[candidate_id]


def read_trajectory(path: Path) -> Trajectory:
    """The trajectory in a run folder or file; events unknown to this version are passed over.

    Raises UsageError, one line, when there is none or it is damaged before its last line.
    """
    if path.is_dir():
        path = path / "trajectory.jsonl"
    if not path.is_file():
        raise UsageError(f"no trajectory at {path}; a run folder holds trajectory.jsonl")
    lines, _ = _whole_lines(path)
    if not lines:
        raise UsageError(f"{path} is empty: that run never began")
    header = read_header(path, lines[0])
    found: dict[str, list[Any]] = {event: [] for event in EVENTS}
    for number, line in enumerate(lines[1:], start=2):
        row = _read_row(path, number, line)
        if row["event"] in EVENTS:
            try:
                found[row["event"]].append(EVENTS[row["event"]].validate_python(row["data"]))
            except ValidationError as problem:
                where = problem.errors()[0]
                raise UsageError(f"{path}, line {number}: {'.'.join(map(str, where['loc']))}: {where['msg']}") from None
    last_checklist = found["checklist"][-1:]
    return Trajectory(
        header=header,
        checklist=last_checklist[0].questions if last_checklist else [],
        modifiers=[modifier for rows in found["modifiers"] for modifier in rows],
        candidates=list({candidate.id: candidate for rows in found["candidates"] for candidate in rows}.values()),
        renders=found["render"],
        assessed=found["assessed"],
        decisions=found["decision"],
        drafts=found["drafts"],
        failures=found["failure"],
        promotion=(found["promotion"] or [None])[-1],
        verification=(found["verification"] or [None])[-1],
        result=(found["result"] or [None])[-1],
    )


def read_header(path: Path, line: bytes) -> dict[str, Any]:
    """Line 1 of a trajectory; UsageError when it is none or of a later schema."""
    try:
        header = json.loads(line)
        version = header["schema_version"]
    except (ValueError, KeyError, TypeError):
        raise UsageError(f"{path} does not begin with a trajectory header") from None
    if not isinstance(version, int) or version > SCHEMA_VERSION:
        raise UsageError(
            f"{path} has schema version {version!r}, this Retake reads up to {SCHEMA_VERSION}: update Retake"
        )
    return cast("dict[str, Any]", header)


def _whole_lines(path: Path) -> tuple[list[bytes], int]:
    """The lines that end in a newline, and how many bytes they take."""
    content = path.read_bytes()
    whole = content[: content.rfind(b"\n") + 1]
    return whole.splitlines(), len(whole)


def _read_row(path: Path, number: int, line: bytes) -> dict[str, Any]:
    try:
        row = json.loads(line)
        return {"event": row["event"], "key": row["key"], "data": row["data"]}
    except (ValueError, KeyError, TypeError):
        raise UsageError(f"{path}, line {number} is damaged; restore the file or start a new run") from None
