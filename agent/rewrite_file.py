"""Many prompts rewritten into one JSONL file, a line each as it is done; the same command goes on where one ended."""

import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from agent.errors import ModelError, UsageError
from agent.rewrite_prompts import RewriteParts, Rewritten
from agent.run_folder import write_text


class RewrittenRow(Rewritten):
    """A line of the file."""

    error: str | None = None
    """Why the prompt could not be rewritten; it is tried again the next time."""
    by: dict[str, Any]
    """Who wrote, and for which renderer."""


def rewrite_file(
    prompts: Sequence[str], parts: RewriteParts, out: Path, on_row: Callable[[RewrittenRow], None]
) -> list[RewrittenRow]:
    """The rows of these prompts, in the order of the prompts; those that are in the file are not made again.

    Raises UsageError when the file can't be written, or holds something else or rewrites by others.
    """
    by = parts.record
    done = {row.prompt: row for row in _read_rows(out, by)}
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        write_text(out, "".join(_line(row) for row in done.values()))
        with out.open("a", encoding="utf-8") as file:
            for prompt in prompts:
                if prompt in done:
                    on_row(done[prompt])
                    continue
                done[prompt] = row = _make_row(prompt, parts, by)
                file.write(_line(row))
                file.flush()
                os.fsync(file.fileno())
                on_row(row)
    except OSError as problem:
        raise UsageError(f"can't write to {out}: {problem.strerror or problem}; choose another --out") from None
    return [done[prompt] for prompt in prompts]


def _make_row(prompt: str, parts: RewriteParts, by: dict[str, Any]) -> RewrittenRow:
    try:
        return RewrittenRow(**vars(parts.rewrite(prompt)), by=by)
    except (UsageError, ModelError) as problem:
        why = str(problem)
    return RewrittenRow(
        prompt=prompt, text=prompt, texts=[], dropped=[], negative=None, notes=[], llm_calls=0, tokens_in=None,
        tokens_out=None, seconds=0.0, error=why, by=by,
    )  # fmt: skip


def _read_rows(out: Path, by: dict[str, Any]) -> list[RewrittenRow]:
    """The rows that are there and need not be made again; a torn last line was never written."""
    if not out.exists():
        return []
    try:
        *lines, _ = out.read_text(encoding="utf-8").split("\n")
        rows = [RewrittenRow.model_validate(json.loads(line)) for line in lines]
    except (OSError, ValueError, ValidationError):
        raise UsageError(f"{out} is there and holds no rewrites: choose another --out") from None
    for row in rows:
        if differing := [
            f"{key} ({row.by.get(key)!r} there, {by[key]!r} now)" for key in by if row.by.get(key) != by[key]
        ]:
            raise UsageError(f"{out} holds rewrites by others: {', '.join(differing)}; choose another --out")
    return [row for row in rows if row.error is None]


def _line(row: RewrittenRow) -> str:
    return row.model_dump_json() + "\n"
