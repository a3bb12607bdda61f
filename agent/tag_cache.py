"""What language models said of captions, kept from run to run, so that no caption is paid for twice.

One SQLite file in the user's cache rather than a list beside the output: what is in it is there whatever ends the
process, a million captions take no memory, two runs may use it at once, and another output file, a grown or a reordered
caption file find in it what they need.
"""

import hashlib
import json
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Lock

from agent.errors import UsageError
from graph_store.extract import INSTRUCTION
from graph_store.records import TaggedCaption

BUSY_SECONDS = 60.0
"""How long another process may keep the file to itself."""


class TagCache:
    """The tags that one model found by today's instruction. Safe to use from several threads.

    Args:
        file: Made, with its folder, where it is missing.
        model: The model's name.

    Raises:
        UsageError: The file can't be made, read or written; later calls raise it, too.
    """

    def __init__(self, file: Path, model: str) -> None:
        self._file = file
        self._model = model
        self._lock = Lock()
        with self._explained():
            file.parent.mkdir(parents=True, exist_ok=True)
            self._database = sqlite3.connect(file, timeout=BUSY_SECONDS, check_same_thread=False)
            try:
                self._database.execute(
                    "CREATE TABLE IF NOT EXISTS tags (question BLOB PRIMARY KEY, found TEXT NOT NULL) WITHOUT ROWID"
                )
            except sqlite3.Error:
                self._database.close()
                raise

    def find(self, text: str) -> TaggedCaption | None:
        """The caption with the tags that the model gave it; None when it was not asked or had no good answer."""
        with self._lock, self._explained():
            row = self._database.execute("SELECT found FROM tags WHERE question = ?", [self._key(text)]).fetchone()
            return TaggedCaption(text, *map(tuple, json.loads(row[0]))) if row else None

    def keep(self, captions: Iterable[TaggedCaption]) -> None:
        """Adds what the model found; it is on disk when this returns."""
        rows = [
            (
                self._key(caption.text),
                json.dumps([caption.scenes, caption.subjects, caption.actions, caption.atmospheres]),
            )
            for caption in captions
        ]
        with self._lock, self._explained(), self._database:
            self._database.executemany("INSERT OR REPLACE INTO tags VALUES (?, ?)", rows)

    def close(self) -> None:
        """Nothing may be asked of it afterwards."""
        with self._lock:
            self._database.close()

    def _key(self, text: str) -> bytes:
        return hashlib.sha256(json.dumps([self._model, INSTRUCTION, text]).encode()).digest()[:16]

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, OSError, ValueError, TypeError) as problem:
            raise UsageError(
                f"can't keep the model's replies in {self._file}: {problem}; remove the file if it is damaged, or set "
                "RETAKE_CACHE_DIR to a folder that can be written"
            ) from None
