"""A dataset on disk: JSONL by set and split, the brief, the card, and the same rows for LLaMA-Factory."""

import json
from collections.abc import Iterable
from pathlib import Path

from agent.run_folder import write_text
from finetune.data.card import write_card_text
from finetune.data.dataset import Dataset
from finetune.data.llama_factory import FOLDER, dataset_info, sharegpt
from finetune.data.names import BRIEF_FILE
from finetune.data.rows import Columns
from finetune.errors import DistillError


def check_folder(out: Path) -> None:
    """Raises DistillError for a folder with files of somebody else's: none of them is to be overwritten."""
    if out.is_dir() and any(out.iterdir()) and not (out / BRIEF_FILE).is_file():
        raise DistillError(f"{out} holds other files; name a new folder, or one that this command has made")


def write_dataset(dataset: Dataset, out: Path) -> None:
    """Writes all files, each whole or not at all; a set or split without rows has no file."""
    (out / FOLDER).mkdir(parents=True, exist_ok=True)
    write_text(out / BRIEF_FILE, dataset.brief.model_dump_json(indent=2) + "\n")
    for name, rows in dataset.rows.items():
        columns = [row.columns(dataset.brief) for row in rows]
        _write_rows(out / f"{name}.jsonl", columns)
        _write_rows(out / FOLDER / f"{name}.jsonl", [sharegpt(row) for row in columns])
    files = [name for name, rows in dataset.rows.items() if rows]
    write_text(out / "dataset_info.json", json.dumps(dataset_info(files), indent=2) + "\n")
    write_text(out / "README.md", write_card_text(dataset))


def _write_rows(path: Path, rows: Iterable[Columns]) -> None:
    lines = [json.dumps(row, ensure_ascii=False, allow_nan=False) + "\n" for row in rows]
    if lines:
        write_text(path, "".join(lines))
    else:
        path.unlink(missing_ok=True)
