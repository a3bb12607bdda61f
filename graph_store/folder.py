"""The relation graph on disk: JSON and npy, nothing that could run.

    <folder>/graph.json          format, version, embedder, counts, and the SHA-256 of every file below
    <folder>/data-000001/        nodes.json, counts.npy, offsets.npy, neighbours.npy, together.npy, vectors.npy

`graph.json` names the data folder and is replaced in one step, last of all. A writer that dies leaves the old graph.
"""

import hashlib
import json
import os
import re
import shutil
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from graph_store.errors import GraphStoreError
from graph_store.records import KINDS
from graph_store.table import RelationTable

FORMAT = "retake-relation-graph"
VERSION = 1
ARRAYS = {"counts": np.int32, "offsets": np.int64, "neighbours": np.int32, "together": np.int32}
READ_WHOLE_BYTES = 1 << 26
"""Files up to this size are read whole when a graph is opened and their checksums compared; larger ones on demand."""
CURE = "rebuild it with `retake graph build`"

_DATA_NAME = re.compile(r"data-\d{6}")


def write_graph(folder: Path | str, table: RelationTable, *, float16: bool = False) -> None:
    """Puts the table into the folder, whole or not at all.

    Raises:
        GraphStoreError: The folder can't be written, or a vector is not a number.
    """
    folder = Path(folder)
    if not np.isfinite(table.vectors).all():
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
        nodes = json.dumps({kind: table.texts[kind] for kind in KINDS}, ensure_ascii=False, indent=0)
        (temporary / "nodes.json").write_text(nodes, encoding="utf-8")
        for name, kind in ARRAYS.items():
            np.save(temporary / f"{name}.npy", np.asarray(getattr(table, name), kind), allow_pickle=False)
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
    """The graph in a folder, its vectors mapped from disk.

    Args:
        folder: Written by `write_graph`.
        embedder: The name that the graph must have been built with; None takes any.
        verify: Also compare the checksums of files above 64 MiB and look for broken vectors in them.

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
    data = folder / manifest["data"]
    for name, expected in manifest["files"].items():
        _check_file(folder, data / name, expected, whole=verify)
    texts = _read_nodes(folder, data / "nodes.json")
    arrays = {name: _read_array(folder, data / f"{name}.npy", kind) for name, kind in ARRAYS.items()}
    vectors = _read_array(folder, data / "vectors.npy", np.dtype(manifest["dtype"]), mapped=True)
    table = RelationTable(
        embedder=manifest["embedder"], captions=manifest["captions"], texts=texts, vectors=vectors, **arrays
    )
    _check_table(folder, table, manifest, finite=verify or vectors.nbytes <= READ_WHOLE_BYTES)
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
        "data": str,
        "files": dict,
    }
    wrong = [key for key, kind in types.items() if not isinstance(manifest.get(key), kind)]
    names = {"nodes.json", "vectors.npy", *(f"{name}.npy" for name in ARRAYS)}
    if not wrong and manifest["files"].keys() != names:
        wrong = ["files"]
    if not wrong and not _DATA_NAME.fullmatch(manifest["data"]):
        wrong = ["data"]
    if not wrong and manifest["dtype"] not in ("float32", "float16"):
        wrong = ["dtype"]
    if wrong:
        raise _damaged(folder, f"graph.json has a wrong {', '.join(wrong)}")
    return manifest


def _check_file(folder: Path, file: Path, expected: Any, *, whole: bool) -> None:
    if not file.is_file():
        raise _damaged(folder, f"{file.name} is missing")
    size = file.stat().st_size
    if not isinstance(expected, dict) or size != expected.get("bytes"):
        raise _damaged(folder, f"{file.name} has another size than when it was written")
    if (whole or size <= READ_WHOLE_BYTES) and _hash(file) != expected.get("sha256"):
        raise _damaged(folder, f"{file.name} has changed since it was written")


def _read_nodes(folder: Path, file: Path) -> dict[Any, tuple[str, ...]]:
    try:
        nodes = json.loads(file.read_text(encoding="utf-8"))
        texts = {kind: tuple(nodes[kind]) for kind in KINDS}
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise _damaged(folder, "nodes.json does not list the phrases of every kind") from error
    if not all(isinstance(text, str) for kind in KINDS for text in texts[kind]):
        raise _damaged(folder, "nodes.json holds something that is not text")
    return texts


def _read_array(folder: Path, file: Path, dtype: Any, *, mapped: bool = False) -> NDArray[Any]:
    try:
        array = np.load(file, mmap_mode="r" if mapped else None, allow_pickle=False)
    except (ValueError, EOFError, OSError) as error:
        raise _damaged(folder, f"{file.name} is not a whole npy file") from error
    if array.dtype != dtype:
        raise _damaged(folder, f"{file.name} holds {array.dtype}, not {np.dtype(dtype)}")
    return array


def _check_table(folder: Path, table: RelationTable, manifest: dict[str, Any], *, finite: bool) -> None:
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
    ends = table.offsets
    if ends[0] != 0 or ends[-1] != len(table.neighbours) or (np.diff(ends) < 0).any():
        raise _damaged(folder, "offsets.npy does not divide the edges")
    if len(table.neighbours) and not table.scenes <= table.neighbours.min() <= table.neighbours.max() < table.nodes:
        raise _damaged(folder, "neighbours.npy points outside the modifiers")
    if finite and not np.isfinite(table.vectors).all():
        raise _damaged(folder, "vectors.npy holds values that are not numbers")


def _damaged(folder: Path, what: str) -> GraphStoreError:
    return GraphStoreError(f"the graph '{folder}' is damaged: {what}; {CURE}")


def _describe(file: Path) -> dict[str, int | str]:
    return {"bytes": file.stat().st_size, "sha256": _hash(file)}


def _hash(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _flush(file: Path) -> None:
    """Until the data is on the disk itself, so that a power cut can't leave a manifest without its files."""
    with file.open("rb") as stream:
        os.fsync(stream.fileno())
