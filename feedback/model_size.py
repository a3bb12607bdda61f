"""How large a model is, by the headers of its safetensors files: no weights are read, none come over the network."""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

FILE_STEMS = ("model", "diffusion_pytorch_model")
"""What transformers and diffusers call the files with weights."""
_HEADER_LENGTH_BYTES = 8
_LARGEST_HEADER_BYTES = 100_000_000


class UnknownSizeError(Exception):
    """The size can't be told; the message says why."""


def count_parameters(location: str, commit: str | None = None, part: str = "") -> int:
    """Parameters of one model, or of one `part` of a pipeline, in a folder or (with a commit) on the hub.

    Counted are the files that loading would read, and floating-point weights only. Raises UnknownSizeError.
    """
    headers = _headers_on_hub(location, commit, part) if commit else _headers_in(Path(location, part))
    return sum(_elements(tensor["shape"]) for header in headers for tensor in _tensors(header))


def _tensors(header: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [
        tensor
        for name, tensor in header.items()
        if name != "__metadata__" and re.match(r"B?F\d", str(tensor.get("dtype")))
    ]


def _elements(shape: list[int]) -> int:
    count = 1
    for side in shape:
        count *= side
    return count


def _headers_in(folder: Path) -> list[dict[str, Any]]:
    for stem in FILE_STEMS:
        index, single = folder / f"{stem}.safetensors.index.json", folder / f"{stem}.safetensors"
        try:
            if index.is_file():
                names = sorted(set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values()))
                return [_read_header(folder / name) for name in names]
            if single.is_file():
                return [_read_header(single)]
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as problem:
            raise UnknownSizeError(f"the headers in {folder} can't be read: {problem}") from None
    raise UnknownSizeError(f"{folder} holds no safetensors")


def _read_header(path: Path) -> dict[str, Any]:
    with path.open("rb") as file:
        length = int.from_bytes(file.read(_HEADER_LENGTH_BYTES), "little")
        if length > _LARGEST_HEADER_BYTES:
            raise ValueError(f"{path.name} is no safetensors file")
        header: dict[str, Any] = json.loads(file.read(length))
        return header


def _headers_on_hub(location: str, commit: str | None, part: str) -> list[dict[str, Any]]:
    try:
        from huggingface_hub import HfApi
    except ImportError as problem:
        raise UnknownSizeError(str(problem)) from None
    hub, prefix = HfApi(), f"{part}/" if part else ""
    try:
        files = set(hub.list_repo_files(location, revision=commit))
        for stem in FILE_STEMS:
            single = f"{prefix}{stem}.safetensors"
            shards = re.compile(rf"{re.escape(prefix + stem)}-\d+-of-\d+\.safetensors")
            names = [single] if single in files else sorted(name for name in files if shards.fullmatch(name))
            if names:
                found = [hub.parse_safetensors_file_metadata(location, name, revision=commit) for name in names]
                return [
                    {name: {"dtype": tensor.dtype, "shape": tensor.shape} for name, tensor in one.tensors.items()}
                    for one in found
                ]
    except Exception as problem:
        raise UnknownSizeError(f"the hub does not say: {(str(problem).splitlines() or [''])[0]}") from None
    raise UnknownSizeError(f"{location} has no safetensors in {part or 'its root'}")
