"""A LoRA adapter on disk, as peft writes it: found and checked before the model is loaded."""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

from agent.errors import UsageError

CONFIG_FILE = "adapter_config.json"
WEIGHTS_FILE = "adapter_model.safetensors"


@dataclass(frozen=True)
class LoraAdapter:
    """A folder with an adapter; `find_adapter` makes one."""

    folder: Path
    rank: int
    base: str | None
    """The model it was trained on, as its trainer called it."""

    @property
    def sha256(self) -> str:
        """Of its weights: which adapter it was, when the folder holds another one by now."""
        with (self.folder / WEIGHTS_FILE).open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()


def find_adapter(folder: str) -> LoraAdapter:
    """The adapter in this folder. Raises UsageError when it is no LoRA, or its weights are no safetensors."""
    path = Path(folder).expanduser()
    if not path.is_dir():
        raise UsageError(f"the adapter {folder} is no folder: name one that holds {CONFIG_FILE} and {WEIGHTS_FILE}")
    if missing := [name for name in (CONFIG_FILE, WEIGHTS_FILE) if not (path / name).is_file()]:
        raise UsageError(f"the adapter {folder} has no {missing[0]}: name a folder that peft saved, as safetensors")
    try:
        config = json.loads((path / CONFIG_FILE).read_text(encoding="utf-8"))
        kind, ranks = config["peft_type"], [config["r"], *(config.get("rank_pattern") or {}).values()]
        if kind != "LORA" or not all(isinstance(rank, int) and rank > 0 for rank in ranks):
            raise ValueError(f"it is a {kind} of rank {config['r']}")
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as problem:
        raise UsageError(f"{path / CONFIG_FILE} describes no LoRA adapter ({problem}): train or save it anew") from None
    return LoraAdapter(path, max(ranks), config.get("base_model_name_or_path"))
