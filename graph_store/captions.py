"""Caption files: JSONL, CSV and plain text."""

import ast
import codecs
import csv
import json
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from graph_store.errors import GraphStoreError
from graph_store.phrases import CAPTION_LIMIT, clean_phrases, clean_text, has_words
from graph_store.records import TaggedCaption

CAPTION_KEYS = ("caption", "text", "prompt", "Input")
PHRASE_KEYS = {
    "scenes": ("scenes", "place"),
    "subjects": ("subjects",),
    "actions": ("actions", "verb_obj_word"),
    "atmospheres": ("atmospheres", "scenario_word"),
}
"""Our own key first, then the one of RAPO's tables."""
EXCERPT_LENGTH = 60
READ_BYTES = 1 << 20


@dataclass(frozen=True)
class RejectedRow:
    """A row that was passed over: its line number from 1, why, and how it begins."""

    line: int
    reason: str
    excerpt: str


@dataclass(frozen=True)
class CaptionFile:
    """The captions of one file in its order, and the rows that could not be used."""

    captions: tuple[TaggedCaption, ...]
    rejected: tuple[RejectedRow, ...] = ()


def read_captions(path: Path | str) -> CaptionFile:
    """The captions of a file, told apart by its ending.

    - `.jsonl`: an object a line: `caption` and, if tagged, `scenes`, `subjects`, `actions`, `atmospheres` (lists of
      strings).
    - `.csv`: a header with a caption column (`caption`, `text`, `prompt` or `Input`) and, if tagged, the columns above
      or RAPO's `place`, `verb_obj_word`, `scenario_word`, each a Python list of strings or one bare phrase.
    - `.txt`: a caption a line.

    A row that is empty, too long or damaged is listed as rejected and never stops the reading.

    Raises:
        GraphStoreError: The file is missing, not UTF-8 text, of an unknown ending, or a table without a caption column.
    """
    rejected: list[RejectedRow] = []
    captions = tuple(iter_captions(path, rejected))
    return CaptionFile(captions, tuple(rejected))


def iter_captions(path: Path | str, rejected: list[RejectedRow]) -> Iterator[TaggedCaption]:
    """The captions of a file one by one, see `read_captions`; rows that can't be used are added to `rejected`.

    The whole file is looked through once before the first caption, so that one which is not text yields none.
    """
    path = Path(path)
    readers = {".jsonl": _read_jsonl, ".csv": _read_csv, ".txt": _read_txt}
    reader = readers.get(path.suffix.lower())
    if reader is None:
        raise GraphStoreError(f"can't tell what '{path}' is; a caption file ends in {', '.join(readers)}")
    _check_text(path)
    for line, raw, row in reader(path):
        try:
            if isinstance(row, str):
                raise ValueError(row)
            yield _make_caption(row)
        except ValueError as error:
            rejected.append(RejectedRow(line, str(error), ascii(raw[:EXCERPT_LENGTH])[1:-1]))


Row = tuple[int, str, Mapping[str, Any] | str]
"""Line number, raw text, and the cells by name or else the reason why there are none."""


def _check_text(path: Path) -> None:
    decoder = codecs.getincrementaldecoder("utf-8")()
    size = zeros = 0
    try:
        with path.open("rb") as stream:
            while chunk := stream.read(READ_BYTES):
                decoder.decode(chunk)
                size += len(chunk)
                zeros += chunk.count(0)
            decoder.decode(b"", final=True)
    except OSError as error:
        raise GraphStoreError(f"can't read the captions in '{path}': {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise GraphStoreError(
            f"'{path}' is not UTF-8 text (about byte {size + error.start:,}); save it as UTF-8 and try again"
        ) from error
    if zeros > size // 10:
        raise GraphStoreError(f"'{path}' is a binary file; captions are UTF-8 text")


def _lines(path: Path) -> Iterator[str]:
    with path.open(encoding="utf-8-sig", newline="\n") as stream:
        for line in stream:
            yield line.removesuffix("\n")


def _read_jsonl(path: Path) -> Iterator[Row]:
    for number, line in enumerate(_lines(path), 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except (ValueError, RecursionError) as error:
            yield number, line, f"not JSON: {error}"
            continue
        yield number, line, row if isinstance(row, dict) else "not a JSON object"


def _read_txt(path: Path) -> Iterator[Row]:
    for number, line in enumerate(_lines(path), 1):
        if line.strip():
            yield number, line, {"caption": line}


def _read_csv(path: Path) -> Iterator[Row]:
    with path.open(encoding="utf-8-sig", newline="") as stream:
        yield from _read_table(path, csv.reader(stream))


def _read_table(path: Path, table: Any) -> Iterator[Row]:
    header: list[str] | None = None
    start = 1
    while True:
        try:
            cells = next(table)
        except StopIteration:
            return
        except csv.Error as error:
            yield start, "", f"not CSV: {error}"
            start = table.line_num + 1
            continue
        if header is None:
            header = [cell.strip() for cell in cells]
            if not set(header) & set(CAPTION_KEYS):
                raise GraphStoreError(
                    f"'{path}' has no caption column; found {', '.join(header)[:120] or 'nothing'}, "
                    f"expected one of {', '.join(CAPTION_KEYS)}"
                )
        elif cells:
            row = {name: cell for name, cell in zip(header, cells, strict=False) if name}
            yield start, ",".join(cells), row
        start = table.line_num + 1


def _make_caption(row: Mapping[str, Any]) -> TaggedCaption:
    """The caption of a row.

    Raises:
        ValueError: The row can't be used; the message is the reason.
    """
    text = next((row[key] for key in CAPTION_KEYS if key in row), None)
    if text is None:
        raise ValueError("no caption")
    if not isinstance(text, str):
        raise ValueError(f"the caption is not text but {type(text).__name__}")
    if len(text) > CAPTION_LIMIT:
        raise ValueError(f"{len(text):,} characters (at most {CAPTION_LIMIT:,})")
    text = clean_text(text)
    if not has_words(text):
        raise ValueError("empty")
    return TaggedCaption(text, **{field: clean_phrases(_take_list(row, keys)) for field, keys in PHRASE_KEYS.items()})


def _take_list(row: Mapping[str, Any], keys: tuple[str, ...]) -> list[str]:
    """The phrases under the first of these keys that the row has."""
    key = next((key for key in keys if row.get(key)), None)
    if key is None:
        return []
    value = row[key]
    if isinstance(value, str):
        value = _parse_list(key, value)
    if not isinstance(value, list | tuple) or not all(isinstance(phrase, str) for phrase in value):
        raise ValueError(f"{key} is not a list of strings")
    return list(value)


def _parse_list(key: str, cell: str) -> Any:
    """A Python list as written in a table's cell; anything that does not begin like a list is one phrase."""
    if not cell.lstrip().startswith("["):
        return [cell]
    if len(cell) > CAPTION_LIMIT:
        raise ValueError(f"{key} has {len(cell):,} characters (at most {CAPTION_LIMIT:,})")
    try:
        with warnings.catch_warnings(action="ignore"):  # an odd backslash in somebody's phrase
            return ast.literal_eval(cell.strip())
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError) as error:
        raise ValueError(f"{key} is not a list of strings") from error
