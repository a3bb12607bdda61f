"""The command of TRL that trains the same way."""

import shlex
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any, cast

from finetune.errors import DistillError
from finetune.training.prepare import Prepared
from finetune.training.settings import S
from finetune.training.start import new_adapter

try:
    from peft import LoraConfig
except ImportError as error:
    raise DistillError(f'training needs more packages ({error}): pip install "retake[train]"') from error


def trl_line(prepared: Prepared[S], arguments: Mapping[str, Any], config: type) -> str:
    """`trl sft …` or `trl dpo …`, without the arguments that are TRL's defaults in `config`.

    TRL's command can't go on from an adapter: there it begins with the adapter laid into its base, and lays a new one
    over that. Nor does it end a run early.
    """
    settings, start = prepared.settings, prepared.start
    is_merged = start.adapter is not None
    given: dict[str, Any] = {
        "model_name_or_path": f"{settings.model.rstrip('/')}-merged" if is_merged else start.files.location,
        "dataset_name": prepared.data.folder,
        "dataset_config": prepared.method,
        "output_dir": prepared.folder.path,
        "dtype": str(prepared.dtype).removeprefix("torch."),
    }
    if start.files.commit and not is_merged:
        given["model_revision"] = start.files.commit
    if not settings.full:
        lora = _read_adapter(start.adapter.folder) if start.adapter else new_adapter(settings)
        given |= {
            "use_peft": True,
            "lora_r": lora.r,
            "lora_alpha": round(lora.lora_alpha),
            "lora_dropout": lora.lora_dropout,
            "lora_target_modules": "all-linear",
        }
    usual = {field.name: field.default for field in fields(config)}
    given |= {name: value for name, value in arguments.items() if name not in usual or usual[name] != value}
    words = ["trl", prepared.method]
    for name, value in given.items():
        words += [f"--{name}", *(map(str, value) if isinstance(value, list) else [str(value)])]
    merging = ["retake", "distill", "merge", settings.model, given["model_name_or_path"]]
    return f"{shlex.join(merging)} && {shlex.join(words)}" if is_merged else shlex.join(words)


def _read_adapter(folder: Path) -> LoraConfig:
    return cast("LoraConfig", LoraConfig.from_pretrained(str(folder)))
