"""The relation graph on disk: JSON and npy, nothing that could run.

    <folder>/graph.json          format, version, embedder, counts, and the SHA-256 of every file below
    <folder>/data-000001/        texts.npy, bounds.npy, counts.npy, offsets.npy, neighbours.npy, together.npy,
                                 merged_into.npy, scene_index.npy, vectors.npy

Everything but the manifest is mapped from disk, not read. `graph.json` names the data folder and is replaced in one
step, last of all: a writer that dies leaves the old graph, and a reader keeps the one that it opened.
"""

import hashlib
import json
import os
import re
import shutil
import tempfile
from itertools import chain, pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from graph_store.errors import GraphStoreError
from graph_store.records import KINDS
from graph_store.table import RelationTable
from graph_store.text_list import TextList, pack_texts

FORMAT = "retake-relation-graph"
VERSION = 2
ARRAYS = {
    "texts": np.uint8,
    "bounds": np.int64,
    "counts": np.int32,
    "offsets": np.int64,
    "neighbours": np.int32,
    "together": np.int32,
    "merged_into": np.int32,
    "scene_index": np.uint8,
}
"""`texts` and `bounds` are a TextList of the nodes' phrases, kind by kind, and the merged scenes' after them."""
VERIFIED_BYTES = 1 << 24
"""A graph up to this size is compared with its checksums when it is opened; a larger one by `retake graph info`."""
CURE = "rebuild it with `retake graph build`"

_DATA_NAME = re.compile(r"data-\d{6}")


def write_graph(folder: Path | str, table: RelationTable, *, float16: bool = False) -> None:
    """Puts the table into the folder, whole or not at all.

    Raises:
        GraphStoreError: The folder can't be written, or a vector is not a number.
    """
    folder = Path(folder)
    if not all_finite(table.vectors):
        raise GraphStoreError(f"the embedder '{table.embedder}' gave vectors that are not numbers; choose another one")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        data = _write_data(folder, table, np.float16 if float16 else np.float32)
        manifest = {
            "format": FORMAT,
            "version": VERSION,
            "embedder": table.embedder,
            "dimension": table.dimension,
            "dtype": "float16" if float16 else "float32",
            "captions": table.captions,
            "nodes": {kind: len(table.texts[kind]) for kind in KINDS},
            "edges": len(table.neighbours),
            "merged": len(table.merged),
            "merged_at": table.merged_at,
            "recall": table.recall,
            "data": data.name,
            "files": {file.name: _describe(file) for file in sorted(data.iterdir())},
        }
        new = folder / f"graph.json.{os.getpid()}"
        new.write_text(json.dumps(manifest, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
        _flush(new)
        new.replace(folder / "graph.json")
        for old in folder.glob("data-*"):
            if old != data and _DATA_NAME.fullmatch(old.name):
                shutil.rmtree(old, ignore_errors=True)
    except OSError as error:
        raise GraphStoreError(f"can't write the graph to '{folder}': {error.strerror or error}") from error


def _write_data(folder: Path, table: RelationTable, dtype: type[np.floating]) -> Path:
    """The new data folder, its files written and flushed under a temporary name first."""
    temporary = Path(tempfile.mkdtemp(prefix="new-", dir=folder))
    try:
        temporary.chmod(0o755)
        texts, bounds = pack_texts(chain(*(table.texts[kind] for kind in KINDS), table.merged))
        arrays = {"texts": texts, "bounds": bounds}
        for name, kind in ARRAYS.items():
            array = arrays[name] if name in arrays else getattr(table, name)
            np.save(temporary / f"{name}.npy", np.asarray(array, kind), allow_pickle=False)
        np.save(temporary / "vectors.npy", np.asarray(table.vectors, dtype), allow_pickle=False)
        for file in temporary.iterdir():
            _flush(file)
        taken = [int(old.name[5:]) for old in folder.glob("data-*") if _DATA_NAME.fullmatch(old.name)]
        data = folder / f"data-{max(taken, default=0) + 1:06d}"
        temporary.rename(data)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise
    return data


def read_graph(folder: Path | str, embedder: str | None = None, *, verify: bool = False) -> RelationTable:
    """The graph in a folder, mapped from disk.

    Args:
        folder: Written by `write_graph`.
        embedder: The name that the graph must have been built with; None takes any.
        verify: Compare the checksums and look for broken values, whatever the size; up to 16 MiB that is always done.

    Raises:
        GraphStoreError: There is no graph, it is damaged or of another version, or another embedder built it.
    """
    folder = Path(folder)
    manifest = read_manifest(folder)
    if embedder is not None and manifest["embedder"] != embedder:
        raise GraphStoreError(
            f"the graph '{folder}' was built with the embedder '{manifest['embedder']}' and can't be queried with "
            f"'{embedder}'; use the former or {CURE}"
        )
    try:
        return _read_table(folder, manifest, verify=verify)
    except (GraphStoreError, FileNotFoundError):
        if read_manifest(folder)["data"] == manifest["data"]:
            raise
    return read_graph(folder, embedder, verify=verify)  # a writer has put another graph in its place meanwhile


def _read_table(folder: Path, manifest: dict[str, Any], *, verify: bool) -> RelationTable:
    data = folder / manifest["data"]
    sizes = [_check_size(folder, data / name, expected) for name, expected in manifest["files"].items()]
    verify = verify or sum(sizes) <= VERIFIED_BYTES
    if verify:
        for name, expected in manifest["files"].items():
            if _hash(data / name) != expected.get("sha256"):
                raise _damaged(folder, f"{name} has changed since it was written")
    arrays = {name: _map_array(folder, data / f"{name}.npy", kind) for name, kind in ARRAYS.items()}
    texts = TextList(arrays.pop("texts"), bounds := arrays.pop("bounds"))
    ends = np.cumsum([0, *(manifest["nodes"][kind] for kind in KINDS), len(arrays["merged_into"])]).tolist()
    if bounds.shape != (ends[-1] + 1,):
        raise _damaged(folder, f"bounds.npy has the shape {bounds.shape}, not {(ends[-1] + 1,)}")
    *of_kinds, merged = (texts[start:stop] for start, stop in pairwise(ends))
    table = RelationTable(
        embedder=manifest["embedder"],
        captions=manifest["captions"],
        texts=dict(zip(KINDS, of_kinds, strict=True)),
        merged=merged,
        merged_at=manifest.get("merged_at"),
        recall=manifest.get("recall"),
        vectors=_map_array(folder, data / "vectors.npy", np.dtype(manifest["dtype"])),
        **arrays,
    )
    _check_shapes(folder, table, manifest)
    if verify:
        _check_values(folder, table)
    return table


def read_manifest(folder: Path | str) -> dict[str, Any]:
    """What `graph.json` says, its keys and types checked.

    Raises:
        GraphStoreError: There is no graph in the folder, or the file is damaged or of another version.
    """
    folder = Path(folder)
    try:
        manifest = json.loads((folder / "graph.json").read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise GraphStoreError(f"there is no graph in '{folder}'; build one with `retake graph build`") from error
    except OSError as error:
        raise GraphStoreError(f"can't read the graph in '{folder}': {error.strerror or error}") from error
    except (ValueError, RecursionError) as error:
        raise _damaged(folder, "graph.json is not whole JSON") from error
    if not isinstance(manifest, dict) or manifest.get("format") != FORMAT:
        raise _damaged(folder, f"graph.json is not of the format {FORMAT}")
    if manifest.get("version") != VERSION:
        raise GraphStoreError(
            f"the graph '{folder}' is of version {manifest.get('version')!r} and this program reads {VERSION}; {CURE}"
        )
    types = {
        "embedder": str,
        "dimension": int,
        "dtype": str,
        "captions": int,
        "nodes": dict,
        "data": str,
        "files": dict,
    }
    wrong = [key for key, kind in types.items() if not isinstance(manifest.get(key), kind)]
    names = {"vectors.npy", *(f"{name}.npy" for name in ARRAYS)}
    if not wrong and manifest["files"].keys() != names:
        wrong = ["files"]
    if not wrong and not all(isinstance(manifest["nodes"].get(kind), int) for kind in KINDS):
        wrong = ["nodes"]
    if not wrong and not _DATA_NAME.fullmatch(manifest["data"]):
        wrong = ["data"]
    if not wrong and manifest["dtype"] not in ("float32", "float16"):
        wrong = ["dtype"]
    if wrong:
        raise _damaged(folder, f"graph.json has a wrong {', '.join(wrong)}")
    return manifest


def _check_size(folder: Path, file: Path, expected: Any) -> int:
    if not file.is_file():
        raise _damaged(folder, f"{file.name} is missing")
    size = file.stat().st_size
    if not isinstance(expected, dict) or size != expected.get("bytes"):
        raise _damaged(folder, f"{file.name} has another size than when it was written")
    return size


def _map_array(folder: Path, file: Path, dtype: Any) -> NDArray[Any]:
    try:
        array = np.load(file, mmap_mode="r", allow_pickle=False)
    except (ValueError, EOFError, OSError) as error:
        raise _damaged(folder, f"{file.name} is not a whole npy file") from error
    if array.dtype != dtype:
        raise _damaged(folder, f"{file.name} holds {array.dtype}, not {np.dtype(dtype)}")
    return array.view(np.ndarray)  # a memmap's bookkeeping makes every slice of it slower


def _check_shapes(folder: Path, table: RelationTable, manifest: dict[str, Any]) -> None:
    shapes = {
        "counts": (table.nodes,),
        "offsets": (table.scenes + 1,),
        "neighbours": (manifest.get("edges"),),
        "together": (manifest.get("edges"),),
        "vectors": (table.nodes, manifest["dimension"]),
    }
    for name, shape in shapes.items():
        found = getattr(table, name).shape
        if found != shape:
            raise _damaged(folder, f"{name}.npy has the shape {found}, not {shape}")


def _check_values(folder: Path, table: RelationTable) -> None:
    ends, merged_into = table.offsets, table.merged_into
    if ends[0] != 0 or ends[-1] != len(table.neighbours) or (np.diff(ends) < 0).any():
        raise _damaged(folder, "offsets.npy does not divide the edges")
    if len(table.neighbours) and not table.scenes <= table.neighbours.min() <= table.neighbours.max() < table.nodes:
        raise _damaged(folder, "neighbours.npy points outside the modifiers")
    if len(merged_into) and not 0 <= merged_into.min() <= merged_into.max() < table.scenes:
        raise _damaged(folder, "merged_into.npy points outside the scenes")
    if not all_finite(table.vectors):
        raise _damaged(folder, "vectors.npy holds values that are not numbers")


def _damaged(folder: Path, what: str) -> GraphStoreError:
    return GraphStoreError(f"the graph '{folder}' is damaged: {what}; {CURE}")


def all_finite(vectors: NDArray[np.floating]) -> bool:
    """Whether every value is a number; looked through in parts, so that it takes no memory."""
    return all(np.isfinite(vectors[start : start + 4096]).all() for start in range(0, len(vectors), 4096))


def _describe(file: Path) -> dict[str, int | str]:
    return {"bytes": file.stat().st_size, "sha256": _hash(file)}


def _hash(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _flush(file: Path) -> None:
    """Until the data is on the disk itself, so that a power cut can't leave a manifest without its files."""
    with file.open("rb") as stream:
        os.fsync(stream.fileno())
