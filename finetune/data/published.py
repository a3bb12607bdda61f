"""Rows that others have published, as ours: the files of VPO and of Prompt-A-Video.

VPO (thu-coai/VPO, src/process_data.py): `{"messages": [user], "chosen": message, "rejected": message}`, the user's
query between "User Query:" and "Video Prompt:". Prompt-A-Video (jiyt17/Prompt-A-Video, README 4.1 and
custom_dataset.py): `[original, refined]`, and `{"prompt", "chosen", "rejected"}` whose prompt is a Llama 3 chat with
the original between "Original prompt:" and "New prompt:". Their instructions are cut off, ours take their place.
"""

import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

from agent.errors import UsageError
from agent.prompt_flags import read_prompt
from finetune.data.near import similarity
from finetune.data.pairs import SAME_TEXTS
from finetune.data.rows import DpoRow, Row, SftRow
from finetune.data.rules import Rules
from finetune.errors import DistillError

_SPECIAL = re.compile(r"<\|[^|<>]*\|>|</?s>|\[/?INST\]")
"""Tokens of a chat template."""
_SHAPES = (
    "known are [original, refined] lists, objects with prompt, chosen and rejected, and VPO's objects with messages, "
    "chosen and rejected"
)


def read_published(path: Path, rules: Rules, dropped: Counter[str]) -> list[Row]:
    """The rows of a JSON or JSONL file; `dropped` counts what makes none, by reason.

    Raises DistillError when it can't be read, holds prompts only, or a row is of no known shape.
    """
    entries = _read_entries(path)
    if all(isinstance(entry, str) for entry in entries):
        raise DistillError(
            f"{path} holds {len(entries):,} prompts and no rewrites: write them one a line into a .txt file, and "
            "`retake batch` makes runs of them"
        )
    rows: list[Row] = []
    pairs_of: Counter[str] = Counter()
    for number, entry in enumerate(entries, start=1):
        try:
            row = _read_row(entry, path.name)
        except ValueError as problem:
            raise DistillError(f"{path}, entry {number}: {problem}") from None
        reason = _objection(row, pairs_of, rules)
        if reason is None:
            rows.append(row)
            pairs_of[row.item_id] += isinstance(row, DpoRow)
        else:
            dropped[reason] += 1
    return rows


def _objection(row: Row, pairs_of: Mapping[str, int], rules: Rules) -> str | None:
    if not all(any(char.isalnum() for char in text) for text in (row.prompt, *row.texts)):
        return "imported: a prompt that is empty or too long, or a text without words"
    if not isinstance(row, DpoRow):
        return None
    if similarity(row.chosen, row.rejected) >= rules.near:
        return SAME_TEXTS
    if pairs_of.get(row.item_id, 0) >= rules.per_prompt:
        return f"pair: more than {rules.per_prompt} of one prompt"
    return None


def _read_entries(path: Path) -> list[Any]:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as problem:
        raise DistillError(f"{path} is no UTF-8 text: {problem.reason}") from None
    try:
        found = json.loads(text)
        entries = cast("list[Any]", found) if isinstance(found, list) else [found]
    except ValueError:
        entries = _read_lines(path, text)
    if not entries:
        raise DistillError(f"{path} is empty")
    return entries


def _read_lines(path: Path, text: str) -> list[Any]:
    entries: list[Any] = []
    for number, line in enumerate(text.split("\n"), start=1):
        if line.strip():
            try:
                entries.append(json.loads(line))
            except ValueError:
                raise DistillError(f"{path}, line {number} is neither JSON nor part of a JSON list") from None
    return entries


def _read_row(entry: Any, source: str) -> Row:
    """The row in this entry. Raises ValueError when its shape is not known."""
    match entry:
        case [str(original), str(refined)]:
            prompt = _typed(original)
            return SftRow(
                prompt=prompt, text=_text(refined), kind="imported", run_id=source, why=_why("rewrite", source)
            )
        case {"prompt": str(templated), "chosen": str(chosen), "rejected": str(rejected)}:
            is_chat = _SPECIAL.search(templated)
            prompt = _typed(_between(templated, "Original prompt:", "New prompt:") if is_chat else templated)
        case {
            "messages": [{"role": "user", "content": str(asked)}],
            "chosen": {"role": "assistant", "content": str(chosen)},
            "rejected": {"role": "assistant", "content": str(rejected)},
        }:
            prompt = _typed(_between(asked, "User Query:", "Video Prompt:"))
        case _:
            raise ValueError(f"{_describe(entry)} is no row that can be read; {_SHAPES}")
    return DpoRow(
        prompt=prompt,
        chosen=_text(chosen),
        rejected=_text(rejected),
        kind="imported",
        run_id=source,
        why=_why("preference", source),
    )


def _why(what: str, source: str) -> str:
    return f"published as a {what} in {source}; nothing of it was measured here"


def _between(text: str, start: str, end: str) -> str:
    """What stands after the first `start` and before the last `end`. Raises ValueError when one of them is missing."""
    _, found, rest = text.partition(start)
    inner, ended, _ = rest.rpartition(end)
    if not found or not ended:
        raise ValueError(f"what was typed should stand between {start!r} and {end!r}, and one of them is missing")
    return inner


def _typed(prompt: str) -> str:
    """The prompt as the rewriter will be told it, read like any that is typed; empty when nothing is left of it."""
    try:
        return read_prompt(_SPECIAL.sub(" ", prompt)).text
    except UsageError:
        return ""


def _text(answer: str) -> str:
    return _SPECIAL.sub(" ", answer).strip()


def _describe(entry: Any) -> str:
    if isinstance(entry, Mapping):
        keys = ", ".join(str(key) for key in cast("Mapping[Any, Any]", entry))
        return f"an object with {keys or 'nothing in it'}"
    if isinstance(entry, Sequence) and not isinstance(entry, str):
        return f"a list of {len(cast('Sequence[Any]', entry))}"
    return f"a {type(entry).__name__}"
