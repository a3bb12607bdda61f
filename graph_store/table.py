"""A relation graph as flat arrays: what is stored, and what retrieval reads."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from graph_store.records import KINDS, ModifierKind


@dataclass(frozen=True)
class RelationTable:
    """Nodes numbered kind by kind, scenes first, and for every scene the modifiers that stood with it in a caption.

    Row `node` of `vectors` belongs to `texts[node]`. The modifiers of a scene are
    `neighbours[offsets[scene]:offsets[scene + 1]]`, ascending, and `together` counts in how many captions the two met.
    """

    embedder: str
    captions: int
    """How many captions the graph was made of."""
    texts: dict[ModifierKind, Sequence[str]]
    counts: NDArray[np.int32]
    """[nodes] In how many captions each phrase stood."""
    offsets: NDArray[np.int64]
    """[scenes + 1]"""
    neighbours: NDArray[np.int32]
    """[edges] Node numbers."""
    together: NDArray[np.int32]
    """[edges]"""
    vectors: NDArray[np.float32] | NDArray[np.float16]
    """[nodes, dimension], rows of unit length; may be mapped from disk."""
    merged: Sequence[str] = ()
    """Scenes that another one stands for, being nearly the same; retrieval sees only that one."""
    merged_into: NDArray[np.int32] = field(default_factory=lambda: np.zeros(0, np.int32))
    """[merged] Node numbers of the scenes that stand for them."""
    merged_at: float | None = None
    """The cosine from which two scenes were merged; None when none were."""
    scene_index: NDArray[np.uint8] = field(default_factory=lambda: np.zeros(0, np.uint8))
    """A faiss index over the scenes' vectors as faiss writes it; empty where they are searched exactly."""
    recall: float | None = None
    """The share of the nearest scenes that the index was measured to find, 0..1; None where they are searched exactly.
    """
    spans: dict[ModifierKind, range] = field(init=False)
    """The node numbers of each kind."""

    def __post_init__(self) -> None:
        spans: dict[ModifierKind, range] = {}
        start = 0
        for kind in KINDS:
            spans[kind] = range(start, start + len(self.texts[kind]))
            start = spans[kind].stop
        object.__setattr__(self, "spans", spans)

    @property
    def nodes(self) -> int:
        """How many phrases, over all kinds."""
        return sum(len(texts) for texts in self.texts.values())

    @property
    def scenes(self) -> int:
        """How many scenes; their node numbers are 0 to this, exclusive."""
        return len(self.texts["scene"])

    @property
    def dimension(self) -> int:
        """Length of a vector."""
        return self.vectors.shape[1]

    def kind_of(self, node: int) -> ModifierKind:
        """The kind of the node of this number."""
        return next(kind for kind, span in self.spans.items() if node in span)

    def text_of(self, node: int) -> str:
        """The phrase of the node of this number."""
        kind = self.kind_of(node)
        return self.texts[kind][node - self.spans[kind].start]
