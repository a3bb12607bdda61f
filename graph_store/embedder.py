"""The Embedder port: texts in, unit vectors out."""

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

DEFAULT_MODEL = "sentence-transformers/all-MiniLM-L6-v2"
"""The sentence encoder that RAPO's graph was built with, and ours by default."""


class Embedder(Protocol):
    """Turns texts into vectors whose inner product is their cosine.

    Deterministic. Order and batch do not matter: a text has one vector. An empty sequence gives shape (0, dimension).
    """

    @property
    def name(self) -> str:
        """Written into a graph, and must match when it is queried; "sentence-transformers/all-MiniLM-L6-v2"."""
        ...

    @property
    def dimension(self) -> int:
        """Length of a vector."""
        ...

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """float32 [len(texts), dimension], each row of unit length."""
        ...
