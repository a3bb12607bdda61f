"""Finds the scenes near a query: exactly up to half a million of them, by a faiss index beyond."""

import importlib
import warnings
from dataclasses import replace
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from graph_store.errors import GraphStoreError
from graph_store.table import RelationTable

try:
    with warnings.catch_warnings(action="ignore", category=DeprecationWarning):  # faiss's SWIG types on import
        faiss: Any = importlib.import_module("faiss")
except ImportError:
    faiss = None

ROUNDING = 1e-5
"""More than two float32 inner products of the same unit vectors can differ by the order of their sums."""
EXACT_SCENES = 500_000
"""Up to so many, one matrix product per query is fast enough (23 ms, by proportion from 7.2 ms for 155,000)."""
LINKS, BUILD_EFFORT, SEARCH_EFFORT = 32, 80, 256
"""Of the HNSW index: M, efConstruction, efSearch."""
HNSW_TAKES = 4
"""So many times the scenes asked for are taken from HNSW, to be ranked exactly by who called."""
EXTRA = 16
"""And so many more than asked for from any faiss index, for those that tie."""
TRIED_QUERIES, TRIED_SCENES = 200, 30
"""By which the share found of the nearest scenes is measured."""


class SceneIndex(Protocol):
    """Coarse search.

    Who calls it computes the cosines of what it gives exactly, and so cuts off the same rows whatever the exact index.
    """

    def near(self, query: NDArray[np.float32], n: int) -> NDArray[np.int64]:
        """Row numbers that hold the n nearest rows and those that tie with the last of them, in no certain order.

        Args:
            query: [dimension], of unit length.
            n: At least 1 and at most the number of rows.
        """
        ...


class FlatIndex:
    """One matrix product per query, on the rows where they lie.

    Args:
        rows: [rows, dimension], of unit length; float16 is widened in memory once.
    """

    def __init__(self, rows: NDArray[np.floating]):
        self._rows = np.asarray(rows, np.float32)

    def near(self, query: NDArray[np.float32], n: int) -> NDArray[np.int64]:
        """See `SceneIndex.near`.

        Raises:
            GraphStoreError: A row or the query holds what is not a number.
        """
        cosines = self._rows @ query
        last = np.partition(cosines, -n)[-n:].min()
        if not np.isfinite(last):
            raise GraphStoreError("the graph holds vectors that are not numbers; rebuild it with `retake graph build`")
        return np.flatnonzero(cosines >= last - ROUNDING)


class FaissIndex:
    """An index of faiss over the rows, of whatever kind.

    Args:
        index: Of inner products, filled.
        takes: So many times the rows asked for are given; more than 1 makes up for an index that misses some.
    """

    def __init__(self, index: Any, takes: int = 1):
        self._index = index
        self._takes = takes

    def near(self, query: NDArray[np.float32], n: int) -> NDArray[np.int64]:
        """See `SceneIndex.near`."""
        _, rows = self._index.search(query[None], min(self._takes * n + EXTRA, self._index.ntotal))
        return rows[0][rows[0] >= 0]


def index_scenes(table: RelationTable) -> SceneIndex:
    """The index that came with the graph, or an exact one: on a GPU where faiss has one, else by numpy."""
    rows = table.vectors[: table.scenes]
    if len(table.scene_index) and faiss:
        return FaissIndex(faiss.deserialize_index(table.scene_index), HNSW_TAKES)
    if faiss and getattr(faiss, "get_num_gpus", int)():
        flat = faiss.IndexFlatIP(table.dimension)
        flat.add(np.ascontiguousarray(rows, np.float32))
        return FaissIndex(faiss.index_cpu_to_all_gpus(flat))
    return FlatIndex(rows)


def with_scene_index(table: RelationTable, exact_scenes: int = EXACT_SCENES) -> RelationTable:
    """The graph with an HNSW index and its measured recall, where it has more scenes than are searched exactly.

    Raises:
        GraphStoreError: It has, and faiss is not installed.
    """
    if table.scenes <= exact_scenes:
        return replace(table, scene_index=np.zeros(0, np.uint8), recall=None)
    if not faiss:
        raise GraphStoreError(f'{table.scenes:,} scenes are searched by faiss: pip install "retake[faiss]"')
    rows = np.ascontiguousarray(table.vectors[: table.scenes], np.float32)
    index = faiss.IndexHNSWSQ(table.dimension, faiss.ScalarQuantizer.QT_fp16, LINKS, faiss.METRIC_INNER_PRODUCT)
    index.hnsw.efConstruction, index.hnsw.efSearch = BUILD_EFFORT, SEARCH_EFFORT
    index.train(rows)
    index.add(rows)
    recall = _recall(FaissIndex(index, HNSW_TAKES), FlatIndex(rows), table)
    return replace(table, scene_index=faiss.serialize_index(index), recall=recall)


def _recall(index: SceneIndex, exact: SceneIndex, table: RelationTable) -> float:
    """The share of the scenes nearest to some modifiers that the index finds."""
    step = max(1, table.nodes // TRIED_QUERIES)
    shares = []
    for query in np.asarray(table.vectors[::step], np.float32):
        nearest = exact.near(query, TRIED_SCENES)
        shares.append(np.isin(nearest, index.near(query, TRIED_SCENES)).mean())
    return float(np.mean(shares))
