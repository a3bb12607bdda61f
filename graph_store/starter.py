"""Graphs of packaged captions, built at first use and kept in a cache."""

import hashlib
import json
import re
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import astuple
from functools import cache
from pathlib import Path

from graph_store.build import build_folder
from graph_store.cache import find_cache_dir
from graph_store.captions import read_captions
from graph_store.embedder import Embedder
from graph_store.errors import GraphStoreError
from graph_store.folder import VERSION, read_graph
from graph_store.records import TaggedCaption
from graph_store.relation_graph import RelationGraph, memory_graph

STARTER_FILE = Path(__file__).parent / "data" / "starter.jsonl"


def open_starter(embedder: Embedder, cache_dir: Path | str | None = None) -> RelationGraph:
    """The graph of the captions that come with the package.

    Args:
        embedder: Embeds phrases and prompts.
        cache_dir: Where built graphs are kept; None is `$RETAKE_CACHE_DIR` or else `~/.cache/retake`.
    """
    return cached_graph("starter", read_starter(), embedder, cache_dir)


@cache
def read_starter() -> tuple[TaggedCaption, ...]:
    """The captions that come with the package."""
    return read_captions(STARTER_FILE).captions


def cached_graph(
    name: str, captions: Sequence[TaggedCaption], embedder: Embedder, cache_dir: Path | str | None = None
) -> RelationGraph:
    """The graph of these captions, taken from the cache or built into it.

    A graph is kept by the content of its captions and the embedder, so it is never out of date. Processes that build
    the same one at once do not disturb each other; a damaged one is built anew; where nothing can be written the graph
    is built in memory.

    Args:
        name: Begins the folder's name: small letters, digits and hyphens.
        captions: What the graph is built of; one at least has a scene.
        embedder: Embeds phrases and prompts.
        cache_dir: See `open_starter`.
    """
    if not re.fullmatch(r"[a-z0-9-]{1,40}", name):
        raise GraphStoreError(f"a cached graph is named by small letters, digits and hyphens, not '{name}'")
    root = find_cache_dir(cache_dir) / "graphs"
    folder = root / f"{name}-{_key(captions, embedder.name)}"
    if (folder / "graph.json").exists():
        try:
            return RelationGraph(read_graph(folder, embedder.name), embedder)
        except GraphStoreError:
            _discard(folder)
    try:
        _build_aside(captions, embedder, folder)
        return RelationGraph(read_graph(folder, embedder.name), embedder)
    except OSError:
        return memory_graph(captions, embedder)


def _key(captions: Sequence[TaggedCaption], embedder: str) -> str:
    content = json.dumps([VERSION, embedder, [astuple(caption) for caption in captions]])
    return hashlib.sha256(content.encode()).hexdigest()[:16]


def _build_aside(captions: Sequence[TaggedCaption], embedder: Embedder, folder: Path) -> None:
    """Builds the graph under another name and moves it into place, unless another process was faster."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    aside = Path(tempfile.mkdtemp(prefix=".new-", dir=folder.parent))
    try:
        build_folder(captions, embedder, aside)
        aside.chmod(0o755)
        try:
            aside.rename(folder)
        except OSError:
            if not (folder / "graph.json").exists():
                raise
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def _discard(folder: Path) -> None:
    """Moved away first, so that no other process sees half of it."""
    try:
        aside = Path(tempfile.mkdtemp(prefix=".old-", dir=folder.parent))
        folder.rename(aside / folder.name)
        shutil.rmtree(aside, ignore_errors=True)
    except OSError:
        pass
