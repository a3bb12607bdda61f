"""The relation graph as a ModifierStore, from disk or in memory."""

from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from graph_store.build import build_table
from graph_store.embedder import Embedder
from graph_store.errors import GraphStoreError
from graph_store.folder import CURE, read_graph
from graph_store.phrases import CAPTION_LIMIT, has_words
from graph_store.records import KINDS, ModifierKind, Retrieved, TaggedCaption
from graph_store.retrieve import Rule, choose
from graph_store.scene_index import SceneIndex, index_scenes
from graph_store.table import RelationTable


class RelationGraph:
    """A ModifierStore over a relation table.

    Opening reads the phrases and maps the vectors; the search index is made by the first query.

    Args:
        table: The graph.
        embedder: The one that the graph was built with.
        rule: How modifiers are chosen.
    """

    def __init__(self, table: RelationTable, embedder: Embedder, rule: Rule | None = None):
        if embedder.dimension != table.dimension:
            raise GraphStoreError(
                f"the embedder '{embedder.name}' gives vectors of {embedder.dimension} numbers and the graph holds "
                f"vectors of {table.dimension}; {CURE}"
            )
        self.table = table
        self.embedder = embedder
        self.rule = rule or Rule()

    @classmethod
    def open(cls, folder: Path | str, embedder: Embedder, rule: Rule | None = None) -> "RelationGraph":
        """The graph in a folder.

        Raises:
            GraphStoreError: There is no graph, it is damaged, or another embedder built it.
        """
        return cls(read_graph(folder, embedder.name), embedder, rule)

    @cached_property
    def _index(self) -> SceneIndex:
        return index_scenes(self.table)

    def retrieve(self, prompt: str, k: Mapping[ModifierKind, int] | int = 5) -> Retrieved:
        """The best modifiers of each kind for a prompt or a phrase, best first.

        Args:
            prompt: Any text. Of more than 4,000 characters only the first 4,000 count, and the answer notes it.
            k: How many of each kind at most, in all or by kind; a kind left out is not retrieved.

        Raises:
            GraphStoreError: A number below 0 or an unknown kind in `k`.
        """
        wanted = _read_wanted(k)
        if not has_words(prompt):
            return Retrieved(prompt, notes=("the prompt has no words",))
        if not self.table.scenes:
            return Retrieved(prompt, notes=("the graph holds no scenes",))
        notes = ()
        if len(prompt) > CAPTION_LIMIT:
            notes = (f"only the first {CAPTION_LIMIT:,} of {len(prompt):,} characters were used",)
        query = self.embedder.encode([prompt[:CAPTION_LIMIT]])[0]
        modifiers, scenes = choose(self.table, self._index, query, wanted, self.rule)
        return Retrieved(prompt, tuple(modifiers), scenes, notes)

    def similarity(self, a: Sequence[str], b: Sequence[str]) -> NDArray[np.float32]:
        """float32 [len(a), len(b)]: the cosine of each text of `a` to each of `b`, -1..1."""
        return self.embedder.encode(a) @ self.embedder.encode(b).T


def memory_graph(captions: Iterable[TaggedCaption], embedder: Embedder, rule: Rule | None = None) -> RelationGraph:
    """A graph of these captions that is on no disk. Captions without a scene are left out."""
    table, _ = build_table(captions, embedder)
    return RelationGraph(table, embedder, rule)


def _read_wanted(k: Mapping[ModifierKind, int] | int) -> dict[ModifierKind, int]:
    wanted = dict.fromkeys(KINDS, k) if isinstance(k, int) else dict(k)
    unknown = wanted.keys() - set(KINDS)
    if unknown:
        raise GraphStoreError(f"there is no modifier kind '{min(unknown)}'; known: {', '.join(KINDS)}")
    if any(number < 0 for number in wanted.values()):
        raise GraphStoreError(f"k must be 0 or more, not {min(wanted.values())}")
    return wanted
