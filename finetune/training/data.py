"""What `retake distill pairs` wrote, read and checked row by row. No torch."""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, cast

from pydantic import ValidationError

from agent.rewriter_card import RewriterBrief
from finetune.data.names import BRIEF_FILE, TEST
from finetune.errors import DistillError

Row = dict[str, Any]
Method = Literal["sft", "dpo"]
ANSWERS: dict[Method, tuple[str, ...]] = {"sft": ("completion",), "dpo": ("chosen", "rejected")}
"""The columns of a method's rows besides `prompt`; each holds one assistant message."""


@dataclass(frozen=True)
class TrainingData:
    """Rows to train on and rows to measure on, of one method; `read_data` makes it."""

    folder: Path
    method: Method
    train: list[Row]
    held_out: list[Row]
    brief: RewriterBrief
    same: int = 0
    """Pairs left out because both texts are the same."""
    card: str = ""
    """The data card's text."""

    @property
    def sha256(self) -> str:
        """Of all rows and the brief: which data it was."""
        content = [self.brief.model_dump(mode="json"), self.train, self.held_out]
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()

    def provenance(self, column: str) -> list[str]:
        """The different values of a provenance column, those of a list each for itself."""
        found: set[str] = set()
        for row in self.train:
            value = row.get(column)
            found.update(map(str, value if isinstance(value, list) else [] if value is None else [value]))
        return sorted(found)


def read_data(folder: Path, method: Method) -> TrainingData:
    """The rows of this method. Raises DistillError when they can't be trained on, one line."""
    if not folder.is_dir():
        raise DistillError(f"no folder {folder}: name one that `retake distill pairs` wrote")
    brief = _read_brief(folder / BRIEF_FILE)
    file = folder / f"{method}.jsonl"
    if not file.is_file():
        raise DistillError(f"{folder} holds no {file.name}: name a folder that `retake distill pairs` wrote")
    train, same = _tell_apart(list(_read_rows(file, method)), method, file)
    test_file = folder / f"{method}{TEST}.jsonl"
    held_out = list(_read_rows(test_file, method)) if test_file.is_file() and test_file.stat().st_size else []
    _check_split(train, held_out, folder)
    card = folder / "README.md"
    told = card.read_text(encoding="utf-8") if card.is_file() else ""
    return TrainingData(folder, method, train, held_out, brief, same, told)


def _read_brief(file: Path) -> RewriterBrief:
    try:
        return RewriterBrief.model_validate_json(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise DistillError(
            f"{file.parent} holds no {file.name}, which says what the rewriter is told: "
            "write the folder anew with `retake distill pairs`"
        ) from None
    except (UnicodeDecodeError, ValidationError) as problem:
        said = problem.errors()[0]["msg"] if isinstance(problem, ValidationError) else str(problem)
        raise DistillError(f"{file} is no brief ({said}): write the folder anew with `retake distill pairs`") from None


def _read_rows(file: Path, method: Method) -> Iterator[Row]:
    try:
        lines = file.read_text(encoding="utf-8").split("\n")
    except UnicodeDecodeError as problem:
        raise DistillError(f"{file} is no UTF-8 text ({problem.reason}); rows are JSON, one a line") from None
    if not any(line.strip() for line in lines):
        raise DistillError(f"{file} is empty: there is nothing to train on; add runs to `retake distill pairs`")
    for number, line in enumerate(lines, start=1):
        if line.strip():
            yield _read_row(line, f"{file}, line {number}", method)


def _read_row(line: str, where: str, method: Method) -> Row:
    try:
        row = json.loads(line)
    except ValueError as problem:
        raise DistillError(f"{where} is no JSON ({problem}); rows are JSON objects, one a line") from None
    if not isinstance(row, dict):
        raise DistillError(f"{where} holds a {type(row).__name__}; rows are JSON objects, one a line")
    wanted = ("prompt", *ANSWERS[method])
    if missing := [column for column in wanted if column not in row]:
        columns = f"{method} rows have {', '.join(wanted)}"
        raise DistillError(f"{where} has no column {missing[0]!r}: {columns}, found {', '.join(row) or 'none'}")
    for column in wanted:
        if not (_is_prompt(row[column]) if column == "prompt" else _is_answer(row[column])):
            roles = "messages of system and user" if column == "prompt" else "one message of the assistant"
            raise DistillError(f"{where}: {column!r} must be a list of {roles}, found {str(row[column])[:80]!r}")
    return row


def _is_prompt(value: Any) -> bool:
    """Whether it is what the rewriter is asked: by the person, or by system and person."""
    return _roles(value) in (["user"], ["system", "user"])


def _is_answer(value: Any) -> bool:
    """Whether it is one message of the model, with words in it."""
    return _roles(value) == ["assistant"] and bool(value[0]["content"].strip())


def _roles(value: Any) -> list[str] | None:
    """Who speaks, in order; None when it is no list of messages."""
    if not isinstance(value, list):
        return None
    messages = cast("list[Any]", value)
    if not all(isinstance(message, dict) and isinstance(message.get("content"), str) for message in messages):
        return None
    return [str(message.get("role")) for message in messages]


def _tell_apart(rows: list[Row], method: Method, file: Path) -> tuple[list[Row], int]:
    """The rows that have a better and a worse text, and how many do not."""
    if method != "dpo":
        return rows, 0
    kept = [row for row in rows if row["chosen"] != row["rejected"]]
    if not kept:
        raise DistillError(
            f"all {len(rows)} pairs of {file} have the same text as chosen and rejected: there is nothing to prefer"
        )
    return kept, len(rows) - len(kept)


def _check_split(train: list[Row], held_out: list[Row], folder: Path) -> None:
    trained_on = {_asked(row) for row in train}
    if shared := [row["prompt"][-1]["content"] for row in held_out if _asked(row) in trained_on]:
        raise DistillError(
            f"{len(shared)} held-out rows of {folder} have prompts that are trained on, such as {shared[0][:60]!r}: "
            "split by prompt, as `retake distill pairs` does"
        )


def _asked(row: Row) -> tuple[str, ...]:
    return tuple(message["content"] for message in row["prompt"])
