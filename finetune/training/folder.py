"""The folder of a training run: begun once, gone on with after a kill, finished when rewriter.json stands in it.

train.json   checkpoints/ (while it trains)   log.jsonl   loss.svg   margin.svg   README.md   data.md   rewriter.json
and the weights and tokenizer
"""

import json
import os
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from agent.rewriter_card import is_rewriter_folder
from agent.run_folder import write_text
from finetune.errors import DistillError


def is_main_process() -> bool:
    """Whether this process writes files and speaks; under `accelerate launch` one of several does."""
    return os.environ.get("RANK", "0") == "0"


class TrainingFolder:
    """One run's folder; all names in it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.settings_file = path / "train.json"
        self.checkpoints = path / "checkpoints"
        self.log_file = path / "log.jsonl"
        self.card_file = path / "README.md"

    @property
    def is_finished(self) -> bool:
        """Whether a trained rewriter stands in it: its card is written last."""
        return is_rewriter_folder(self.path)

    def begin(self, record: dict[str, Any]) -> None:
        """Makes the folder for this run, or finds it begun before.

        `record` is all that decides what the run does. Raises DistillError when the folder holds something else, was
        begun with another record (the first key that differs is named), or can't be written.
        """
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            if not self.settings_file.exists():
                if any(self.path.iterdir()):
                    raise DistillError(f"{self.path} holds other files: choose another --output-dir")
                write_text(self.settings_file, json.dumps(record, indent=2) + "\n")
        except OSError as problem:
            reason = problem.strerror or problem
            raise DistillError(f"can't write to {self.path}: {reason}; choose another --output-dir") from None
        self.check_same(record)

    def check_same(self, record: dict[str, Any]) -> None:
        """Raises DistillError when the folder was begun with another record; the first key that differs is named."""
        try:
            saved = json.loads(self.settings_file.read_text(encoding="utf-8"))
        except ValueError:
            raise DistillError(f"{self.settings_file} can't be read: choose another --output-dir") from None
        for key in dict.fromkeys((*record, *saved)):
            there, now = saved.get(key), record.get(key)
            if there != now:
                raise DistillError(
                    f"{self.path} was begun with {key} {there!r}, now it is {now!r}: go on with the "
                    "same settings, or choose another --output-dir"
                )

    def lock(self) -> AbstractContextManager[object]:
        """A context in which no other run works in the folder. Raises DistillError when one does."""
        if not is_main_process():
            return nullcontext()
        try:
            return FileLock(str(self.path / ".lock")).acquire(timeout=0)
        except Timeout:
            raise DistillError(
                f"another process is training in {self.path}: wait for it, or choose another --output-dir"
            ) from None

    def last_checkpoint(self) -> Path | None:
        """The newest checkpoint that was written to its end."""
        found = [file.parent for file in self.checkpoints.glob("checkpoint-*/trainer_state.json") if _is_whole(file)]
        return max(found, key=lambda folder: int(folder.name.split("-")[1]), default=None)


def _is_whole(file: Path) -> bool:
    """Whether the state, which the trainer writes last, can be read."""
    try:
        json.loads(file.read_text(encoding="utf-8"))
    except ValueError:
        return False
    return True
