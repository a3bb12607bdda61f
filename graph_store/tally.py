"""Counts phrases, and which of them stand together, caption by caption."""

from array import array

import numpy as np
from numpy.typing import NDArray

from graph_store.records import KINDS, ModifierKind, TaggedCaption
from graph_store.table import RelationTable

EDGES_HELD = 1 << 22
"""Edges noted one by one before they are summed up."""
_SCENE_SHIFT, _KIND_SHIFT = 34, 32


class Tally:
    """The relation graph while it is counted: nodes are phrases by kind, edges join a scene to a modifier.

    Phrases that differ only in case are one node, spelt as first seen. Both count the captions that they stood in.

    Args:
        table: A graph that is counted on from; None begins a new one.
    """

    def __init__(self, table: RelationTable | None = None):
        self.captions = 0
        self.texts: dict[ModifierKind, list[str]] = {kind: [] for kind in KINDS}
        self._counts: dict[ModifierKind, array[int]] = {kind: array("i") for kind in KINDS}
        self._numbers: dict[ModifierKind, dict[str, int]] = {kind: {} for kind in KINDS}
        self._noted = array("q")
        self._edges = np.zeros(0, np.int64)
        self._together = np.zeros(0, np.int64)
        if table:
            self._go_on_from(table)

    def add(self, caption: TaggedCaption) -> bool:
        """Counts the caption; one without a scene is left out, and False the answer."""
        if not caption.scenes:
            return False
        self.captions += 1
        numbers = [
            dict.fromkeys(self._number(kind, text) for text in texts)
            for kind, texts in zip(
                KINDS, (caption.scenes, caption.subjects, caption.actions, caption.atmospheres), strict=True
            )
        ]
        for kind, found in zip(KINDS, numbers, strict=True):
            for number in found:
                self._counts[kind][number] += 1
        for scene in numbers[0]:
            for which, found in enumerate(numbers[1:], 1):
                self._noted.extend(scene << _SCENE_SHIFT | which << _KIND_SHIFT | number for number in found)
        if len(self._noted) >= EDGES_HELD:
            self._sum_up()
        return True

    def tabulate(self, embedder: str, vectors: NDArray[np.floating]) -> RelationTable:
        """The graph as flat arrays.

        Args:
            embedder: The name of what made the vectors.
            vectors: [nodes, dimension], of the texts kind by kind.
        """
        self._sum_up()
        starts = np.cumsum([0, *(len(self.texts[kind]) for kind in KINDS)])
        scenes = self._edges >> _SCENE_SHIFT
        kinds = (self._edges >> _KIND_SHIFT) & 3
        neighbours = starts[kinds] + (self._edges & 0xFFFFFFFF)
        return RelationTable(
            embedder=embedder,
            captions=self.captions,
            texts={kind: tuple(texts) for kind, texts in self.texts.items()},
            counts=np.concatenate([np.frombuffer(self._counts[kind], np.int32) for kind in KINDS]),
            offsets=np.searchsorted(scenes, np.arange(len(self.texts["scene"]) + 1)).astype(np.int64),
            neighbours=neighbours.astype(np.int32),
            together=self._together.astype(np.int32),
            vectors=vectors,
        )

    def _number(self, kind: ModifierKind, text: str) -> int:
        numbers = self._numbers[kind]
        number = numbers.setdefault(text.casefold(), len(self.texts[kind]))
        if number == len(self.texts[kind]):
            self.texts[kind].append(text)
            self._counts[kind].append(0)
        return number

    def _sum_up(self) -> None:
        edges, counts = np.unique(np.frombuffer(self._noted, np.int64), return_counts=True)
        self._noted = array("q")
        both = np.concatenate([self._edges, edges])
        self._edges, at = np.unique(both, return_inverse=True)
        self._together = np.bincount(at, np.concatenate([self._together, counts]), len(self._edges)).astype(np.int64)

    def _go_on_from(self, table: RelationTable) -> None:
        self.captions = table.captions
        for kind in KINDS:
            self.texts[kind] = list(table.texts[kind])
            self._numbers[kind] = {text.casefold(): number for number, text in enumerate(self.texts[kind])}
            self._counts[kind] = array("i", table.counts[table.spans[kind]].astype(np.int32).tobytes())
        for text, scene in zip(table.merged, table.merged_into.tolist(), strict=True):
            self._numbers["scene"][text.casefold()] = scene
        starts = np.array([table.spans[kind].start for kind in KINDS])
        kinds = np.searchsorted(starts, table.neighbours, side="right") - 1
        scenes = np.repeat(np.arange(table.scenes), np.diff(table.offsets))
        self._edges = scenes << _SCENE_SHIFT | kinds << _KIND_SHIFT | (table.neighbours - starts[kinds])
        self._together = table.together.astype(np.int64)
