"""Captions in, a relation graph out."""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path

import numpy as np
from filelock import FileLock
from numpy.typing import NDArray

from graph_store.embedder import Embedder
from graph_store.errors import GraphStoreError
from graph_store.folder import read_graph, read_manifest, write_graph
from graph_store.merge import merge_scenes
from graph_store.records import KINDS, ModifierKind, TaggedCaption
from graph_store.scene_index import with_scene_index
from graph_store.table import RelationTable
from graph_store.tally import Tally

Progress = Callable[[int, int], None]
"""Called with how many phrases are embedded and how many there are in all."""

CHUNK = 2048
"""Phrases embedded between two reports of progress."""


@dataclass(frozen=True)
class BuildReport:
    """What became of the captions."""

    captions: int
    """Handed in."""
    without_scene: int
    """Left out, since modifiers are found by way of scenes."""
    nodes: dict[ModifierKind, int]
    """In the whole graph, by kind."""
    edges: int
    merged: int
    """Scenes that another one of the graph stands for."""
    encoded: int
    """Phrases that had to be embedded: the distinct ones that the graph did not hold before."""
    seconds: float

    @property
    def kept(self) -> int:
        """How many of the captions entered the graph."""
        return self.captions - self.without_scene


def build_table(
    captions: Iterable[TaggedCaption],
    embedder: Embedder,
    *,
    merge_at: float | None = None,
    old: RelationTable | None = None,
    on_progress: Progress | None = None,
) -> tuple[RelationTable, BuildReport]:
    """The relation graph of the captions, and what became of them.

    Args:
        captions: Tagged captions, gone through once.
        embedder: Embeds each distinct phrase once, whatever number of kinds it stands for.
        merge_at: The cosine from which two scenes are merged, see `merge_scenes`; None merges none.
        old: A graph that they are added to. What it holds is not embedded again, and its scenes stay as they are.
        on_progress: Told after every chunk of phrases.
    """
    started = time.monotonic()
    tally, handed_in, left_out = Tally(old), 0, 0
    for caption in captions:
        handed_in += 1
        left_out += not tally.add(caption)
    vectors, encoded = _embed(tally, embedder, old, on_progress)
    table = tally.tabulate(embedder.name, vectors)
    if old:
        table = replace(table, merged=old.merged, merged_into=old.merged_into, merged_at=old.merged_at)
    if merge_at is not None:
        table = merge_scenes(table, merge_at, settled=old.scenes if old else 0)
    table = with_scene_index(table)
    return table, BuildReport(
        captions=handed_in,
        without_scene=left_out,
        nodes={kind: len(texts) for kind, texts in table.texts.items()},
        edges=len(table.neighbours),
        merged=len(table.merged),
        encoded=encoded,
        seconds=time.monotonic() - started,
    )


def _embed(
    tally: Tally, embedder: Embedder, old: RelationTable | None, on_progress: Progress | None
) -> tuple[NDArray[np.float32], int]:
    """The vectors of all nodes, float32 [nodes, dimension], and how many phrases were embedded for them."""
    vectors = np.empty((sum(map(len, tally.texts.values())), embedder.dimension), np.float32)
    known: dict[str, NDArray[np.floating]] = {}
    if old:
        known = dict(zip(chain(*(old.texts[kind] for kind in KINDS)), old.vectors, strict=True))
    rows_without: dict[str, list[int]] = {}
    for row, text in enumerate(chain(*(tally.texts[kind] for kind in KINDS))):
        if text in known:
            vectors[row] = known[text]
        else:
            rows_without.setdefault(text, []).append(row)
    missing = sorted(rows_without, key=lambda text: (len(text), text))
    for start in range(0, len(missing), CHUNK):
        chunk = missing[start : start + CHUNK]
        for text, vector in zip(chunk, embedder.encode(chunk), strict=True):
            vectors[rows_without[text]] = vector
        if on_progress:
            on_progress(start + len(chunk), len(missing))
    return vectors, len(missing)


def build_folder(
    captions: Iterable[TaggedCaption],
    embedder: Embedder,
    folder: Path | str,
    *,
    merge_at: float | None = None,
    float16: bool = False,
    on_progress: Progress | None = None,
) -> BuildReport:
    """Builds a graph of the captions and writes it, whole or not at all, in place of one that stands there already.

    Args:
        captions: Tagged captions.
        embedder: Embeds the phrases; its name is written into the graph and must match when it is queried.
        folder: Where to; made if missing.
        merge_at: See `build_table`.
        float16: Halves the vectors on disk; one in some 3,000 nearest scenes then comes out differently.
        on_progress: Told while phrases are embedded.

    Raises:
        GraphStoreError: No caption has a scene, or the folder can't be written.
    """
    table, report = build_table(captions, embedder, merge_at=merge_at, on_progress=on_progress)
    if not report.kept:
        raise GraphStoreError(
            f"none of the {report.captions:,} captions has a scene, so there is no graph to build; "
            "tag them with scenes or use captions that say where they take place"
        )
    write_graph(folder, table, float16=float16)
    return report


def add_to_folder(
    folder: Path | str,
    captions: Iterable[TaggedCaption],
    embedder: Embedder,
    *,
    on_progress: Progress | None = None,
) -> BuildReport:
    """Adds captions to the graph in a folder. Phrases it holds already are not embedded again.

    New scenes are merged as those of the graph were. Until the new graph is written whole, the folder holds the old
    one, and who reads it is not disturbed. Of two that add at once, one waits for the other.

    Raises:
        GraphStoreError: The graph is damaged or was built with another embedder, or the folder can't be written.
    """
    read_manifest(folder)  # refuses a folder without a graph before a lock is put there
    with FileLock(Path(folder) / "add.lock"):
        old = read_graph(folder, embedder.name)
        table, report = build_table(captions, embedder, merge_at=old.merged_at, old=old, on_progress=on_progress)
        write_graph(folder, table, float16=old.vectors.dtype == np.float16)
    return report
