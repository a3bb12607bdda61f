"""Finds the scenes near a query: by numpy, or by faiss where it is installed, with the same answer."""

import importlib
import warnings
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

try:
    with warnings.catch_warnings(action="ignore", category=DeprecationWarning):  # faiss's SWIG types on import
        faiss: Any = importlib.import_module("faiss")
except ImportError:
    faiss = None

ROUNDING = 1e-5
"""More than two float32 inner products of the same unit vectors can differ by the order of their sums."""


class SceneIndex(Protocol):
    """Coarse search.

    Who calls it computes the cosines of what it gives exactly, and so cuts off the same rows whatever the index.
    """

    def near(self, query: NDArray[np.float32], n: int) -> NDArray[np.int64]:
        """Row numbers that hold the n nearest rows and all that tie with the last of them, in no certain order.

        Args:
            query: [dimension], of unit length.
            n: At least 1 and at most the number of rows.
        """
        ...


class NumpyIndex:
    """One matrix product per query, on the rows where they lie.

    Args:
        rows: [rows, dimension], of unit length; float16 is widened in memory once.
    """

    def __init__(self, rows: NDArray[np.floating]):
        self._rows = np.asarray(rows, np.float32)

    def near(self, query: NDArray[np.float32], n: int) -> NDArray[np.int64]:
        """See `SceneIndex.near`."""
        cosines = self._rows @ query
        last = np.partition(cosines, -n)[-n]
        return np.flatnonzero(cosines >= last - ROUNDING)


class FaissIndex:
    """Exact search by faiss's IndexFlatIP, which keeps its own copy of the rows in memory.

    Args:
        rows: [rows, dimension], of unit length.
    """

    def __init__(self, rows: NDArray[np.floating]):
        self._index = faiss.IndexFlatIP(rows.shape[1])
        self._index.add(np.ascontiguousarray(rows, np.float32))

    def near(self, query: NDArray[np.float32], n: int) -> NDArray[np.int64]:
        """See `SceneIndex.near`."""
        cosines, _ = self._index.search(query[None], n)
        _, _, rows = self._index.range_search(query[None], float(cosines[0, -1]) - ROUNDING)
        return rows


def index_scenes(rows: NDArray[np.floating]) -> SceneIndex:
    """The fastest index that this installation has."""
    return FaissIndex(rows) if faiss else NumpyIndex(rows)
