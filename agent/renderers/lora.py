"""LoRA adapters: small sets of weights that change what a pipeline draws, by id or folder, from safetensors only."""

import hashlib
import re
import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from math import isfinite
from pathlib import Path
from typing import Any

from agent.errors import UsageError
from agent.renderers.model_files import RENDER_HINT
from feedback.errors import first_line

try:
    from huggingface_hub import HfApi, hf_hub_download
except ImportError as error:
    raise UsageError(f"rendering with diffusers needs more packages ({error}): {RENDER_HINT}") from error

_HUB_ID = re.compile(r"([A-Za-z0-9][\w.-]*/[\w.-]+?)(?:/([\w./-]+\.safetensors))?")
_REVISION_DIGITS = 12


@dataclass(frozen=True)
class Lora:
    """One adapter, found but not loaded."""

    name: str
    """As the user calls it, without the weight."""
    path: Path
    """Its safetensors file on this machine."""
    revision: str
    """Its commit on the hub, or the first digits of its file's SHA-256."""
    weight: float
    """How strongly it works: 1 as trained, 0 not at all."""

    def __str__(self) -> str:
        return f"{self.name}@{self.revision}:{self.weight:g}"


def find_loras(asked: Iterable[str]) -> list[Lora]:
    """The adapters given as "FOLDER", "FILE.safetensors", "owner/name" or "owner/name/FILE.safetensors", ":weight".

    Raises:
        UsageError: One can't be found, is no safetensors file or not the only one there, or peft is missing.
    """
    found = [_find_lora(one) for one in asked]
    if found and find_spec("peft") is None:
        raise UsageError('a LoRA needs the package peft: pip install "retake[render]"')
    return found


def apply_loras(pipeline: Any, loras: Sequence[Lora]) -> None:
    """Loads the adapters into a pipeline that lies in the CPU's memory.

    Raises:
        UsageError: The pipeline takes none, or one was made for another model.
    """
    if not loras:
        return
    if not hasattr(pipeline, "load_lora_weights"):
        raise UsageError(f"{type(pipeline).__name__} takes no LoRA: leave out --lora {loras[0].name}")
    names = [f"lora_{number}" for number in range(len(loras))]
    for name, lora in zip(names, loras, strict=True):
        try:
            with warnings.catch_warnings():
                warnings.filterwarnings("ignore", "Already found a `peft_config`")  # More than one is meant here.
                pipeline.load_lora_weights(
                    str(lora.path.parent), weight_name=lora.path.name, adapter_name=name, use_safetensors=True
                )
        except Exception as problem:
            raise _is_for_another(pipeline, lora, first_line(problem)) from problem
        if name not in {adapter for part in pipeline.get_list_adapters().values() for adapter in part}:
            raise _is_for_another(pipeline, lora, "none of its weights has a place there")
    pipeline.set_adapters(names, [lora.weight for lora in loras])


def _is_for_another(pipeline: Any, lora: Lora, why: str) -> UsageError:
    return UsageError(f"the LoRA {lora.name} was made for another model than this {type(pipeline).__name__} ({why})")


def _find_lora(asked: str) -> Lora:
    name, weight = _split_weight(asked)
    path = Path(name).expanduser()
    if path.exists():
        file = path if path.is_file() else path / _only_one(name, [file.name for file in path.glob("*.safetensors")])
        if file.suffix != ".safetensors":
            raise UsageError(f"the LoRA {name} is no safetensors file")
        return Lora(name, file, hashlib.sha256(file.read_bytes()).hexdigest()[:_REVISION_DIGITS], weight)
    match = _HUB_ID.fullmatch(name)
    if match is None:
        raise UsageError(f"there is no LoRA folder {name}, and an id on the hub reads like owner/name")
    hub_id, file_name = match.groups()
    try:
        commit = HfApi().model_info(hub_id).sha
        files = HfApi().list_repo_files(hub_id, revision=commit) if file_name is None else []
        file_name = file_name or _only_one(name, [file for file in files if file.endswith(".safetensors")])
        path = Path(hf_hub_download(hub_id, file_name, revision=commit))
    except (OSError, ValueError, RuntimeError) as error:
        raise UsageError(
            f"the LoRA {name} is no folder here and did not come from the hub ({first_line(error)}): "
            "check its name, the network, and HF_TOKEN if it is gated"
        ) from error
    return Lora(name, path, commit or path.parent.name, weight)


def _split_weight(asked: str) -> tuple[str, float]:
    """Name and weight of "a/b:0.8"; the weight is 1 where none is given."""
    name, colon, weight = asked.rpartition(":")
    if not colon or Path(asked).exists():
        return asked, 1.0
    try:
        number = float(weight)
    except ValueError:
        number = float("nan")
    if not isfinite(number):
        raise UsageError(f"the weight of a LoRA is {weight!r} in {asked!r}, but must be a number, as in {name}:0.8")
    return name, number


def _only_one(name: str, files: Sequence[str]) -> str:
    if len(files) != 1:
        some = f": name one of them, as in {name}/{min(files)}" if files else ""
        raise UsageError(f"the LoRA {name} holds {len(files)} files of safetensors, but must hold one{some}")
    return files[0]
