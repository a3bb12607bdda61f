"""The same rows for LLaMA-Factory, which can't read TRL's columns.

Its sharegpt converter (hiyouga/LLaMA-Factory ff6d4d1, src/llamafactory/data/converter.py) reads one list of messages:
an optional system message, then user and assistant in turns. For SFT and KTO the answer must be the last message of
that list; for pairs the list ends with the user, and chosen and rejected are one message each, not lists of one. Rows
of another form are skipped with a warning, or cut without one.
"""

from typing import Any

from finetune.data.rows import Columns

FOLDER = "llama_factory"
TAGS = {
    "role_tag": "role",
    "content_tag": "content",
    "user_tag": "user",
    "assistant_tag": "assistant",
    "system_tag": "system",
}


def sharegpt(columns: Columns) -> Columns:
    """A row of ours as a row of its sharegpt format."""
    if "chosen" in columns:
        return {"messages": columns["prompt"], **{side: columns[side][0] for side in ("chosen", "rejected")}}
    label = {"label": columns["label"]} if "label" in columns else {}
    return {"messages": [*columns["prompt"], *columns["completion"]], **label}


def dataset_info(files: list[str]) -> dict[str, Any]:
    """What stands in dataset_info.json: an entry for each file ("sft", "dpo_test", …), by the same name."""
    return {name: _entry(name) for name in files}


def _entry(name: str) -> dict[str, Any]:
    entry: dict[str, Any] = {"file_name": f"{FOLDER}/{name}.jsonl", "formatting": "sharegpt"}
    columns = {"messages": "messages"}
    if name.startswith("dpo"):
        entry["ranking"] = True
        columns |= {"chosen": "chosen", "rejected": "rejected"}
    if name.startswith("kto"):
        columns["kto_tag"] = "label"
    return entry | {"columns": columns, "tags": TAGS}
