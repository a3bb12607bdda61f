"""Tagged captions in, a relation graph out."""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import networkx as nx
import numpy as np
from numpy.typing import NDArray

from graph_store.embedder import Embedder
from graph_store.errors import GraphStoreError
from graph_store.folder import read_graph, write_graph
from graph_store.records import KINDS, ModifierKind, TaggedCaption
from graph_store.table import RelationTable

Node = tuple[ModifierKind, str]
Progress = Callable[[int, int], None]
"""Called with how many phrases are embedded and how many there are in all."""

CHUNK = 1024
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
    encoded: int
    """Phrases that had to be embedded: the distinct ones that the graph did not hold before."""
    seconds: float

    @property
    def kept(self) -> int:
        """How many of the captions entered the graph."""
        return self.captions - self.without_scene


def relate(captions: Iterable[TaggedCaption], graph: nx.Graph | None = None) -> tuple[nx.Graph, int]:
    """The relation graph of the captions, and how many were left out for want of a scene.

    A node is `(kind, phrase)`, an edge joins a scene to a modifier, and the attribute `count` of either says in how
    many captions it stood; `graph.graph["captions"]` counts those that entered. Phrases that differ only in case are
    one node, spelt as first seen.

    Args:
        captions: Tagged captions.
        graph: A graph made by this function, to which the captions are added; None begins a new one.
    """
    graph = nx.Graph(captions=0) if graph is None else graph
    spelt: dict[Node, Node] = {(kind, text.casefold()): (kind, text) for kind, text in graph.nodes}
    left_out = 0
    for caption in captions:
        if not caption.scenes:
            left_out += 1
            continue
        graph.graph["captions"] += 1
        nodes = {spelt.setdefault((kind, text.casefold()), (kind, text)): None for kind, text in _list_phrases(caption)}
        for node in nodes:
            if node not in graph:
                graph.add_node(node, count=0)
            graph.nodes[node]["count"] += 1
        modifiers = [node for node in nodes if node[0] != "scene"]
        for scene in (node for node in nodes if node[0] == "scene"):
            for modifier in modifiers:
                if not graph.has_edge(scene, modifier):
                    graph.add_edge(scene, modifier, count=0)
                graph.edges[scene, modifier]["count"] += 1
    return graph, left_out


def _list_phrases(caption: TaggedCaption) -> list[Node]:
    by_kind = zip(KINDS, (caption.scenes, caption.subjects, caption.actions, caption.atmospheres), strict=True)
    return [(kind, text) for kind, texts in by_kind for text in texts]


def tabulate(
    graph: nx.Graph,
    embedder: Embedder,
    known: Mapping[str, NDArray[np.float32]] | None = None,
    on_progress: Progress | None = None,
) -> tuple[RelationTable, int]:
    """The graph as flat arrays with a vector for every phrase, and how many phrases were embedded for it.

    Args:
        graph: Made by `relate`.
        embedder: Embeds each distinct phrase once, whatever number of kinds it stands for.
        known: Vectors of phrases that need not be embedded again.
        on_progress: Told after every chunk.
    """
    texts: dict[ModifierKind, tuple[str, ...]] = {
        kind: tuple(text for node_kind, text in graph.nodes if node_kind == kind) for kind in KINDS
    }
    nodes: list[Node] = [(kind, text) for kind in KINDS for text in texts[kind]]
    number = {node: index for index, node in enumerate(nodes)}

    lists = [
        sorted((number[modifier], edge["count"]) for modifier, edge in graph.adj["scene", scene].items())
        for scene in texts["scene"]
    ]
    edges = np.array([edge for edges in lists for edge in edges], np.int32).reshape(-1, 2)

    vectors = dict(known or {})
    missing = sorted({text for _, text in nodes} - vectors.keys(), key=lambda text: (len(text), text))
    for start in range(0, len(missing), CHUNK):
        chunk = missing[start : start + CHUNK]
        vectors.update(zip(chunk, embedder.encode(chunk), strict=True))
        if on_progress:
            on_progress(start + len(chunk), len(missing))
    table = RelationTable(
        embedder=embedder.name,
        captions=graph.graph["captions"],
        texts=texts,
        counts=np.array([graph.nodes[node]["count"] for node in nodes], np.int32),
        offsets=np.cumsum([0, *map(len, lists)], dtype=np.int64),
        neighbours=np.ascontiguousarray(edges[:, 0]),
        together=np.ascontiguousarray(edges[:, 1]),
        vectors=np.array([vectors[text] for _, text in nodes], np.float32).reshape(len(nodes), embedder.dimension),
    )
    return table, len(missing)


def restore(table: RelationTable) -> nx.Graph:
    """The graph that `tabulate` made this table of."""
    graph = nx.Graph(captions=table.captions)
    nodes: list[Node] = [(kind, text) for kind in KINDS for text in table.texts[kind]]
    for node, count in zip(nodes, table.counts.tolist(), strict=True):
        graph.add_node(node, count=count)
    for scene in range(table.scenes):
        edges = slice(table.offsets[scene], table.offsets[scene + 1])
        for modifier, count in zip(table.neighbours[edges].tolist(), table.together[edges].tolist(), strict=True):
            graph.add_edge(nodes[scene], nodes[modifier], count=count)
    return graph


def build_folder(
    captions: Sequence[TaggedCaption],
    embedder: Embedder,
    folder: Path | str,
    *,
    float16: bool = False,
    on_progress: Progress | None = None,
) -> BuildReport:
    """Builds a graph of the captions and writes it, whole or not at all, in place of one that stands there already.

    Args:
        captions: Tagged captions.
        embedder: Embeds the phrases; its name is written into the graph and must match when it is queried.
        folder: Where to; made if missing.
        float16: Halves the vectors on disk; one in some 3,000 nearest scenes then comes out differently.
        on_progress: Told while phrases are embedded.

    Raises:
        GraphStoreError: No caption has a scene, or the folder can't be written.
    """
    started = time.monotonic()
    graph, left_out = relate(captions)
    if not graph.graph["captions"]:
        raise GraphStoreError(
            f"none of the {len(captions):,} captions has a scene, so there is no graph to build; "
            "tag them with scenes or use captions that say where they take place"
        )
    table, encoded = tabulate(graph, embedder, on_progress=on_progress)
    write_graph(folder, table, float16=float16)
    return _report(captions, left_out, table, encoded, started)


def add_to_folder(
    folder: Path | str,
    captions: Sequence[TaggedCaption],
    embedder: Embedder,
    *,
    on_progress: Progress | None = None,
) -> BuildReport:
    """Adds captions to the graph in a folder. Phrases it holds already are not embedded again.

    Until the new graph is written whole, the folder holds the old one. One writer at a time: of two that add at once,
    the later keeps nothing of the earlier.

    Raises:
        GraphStoreError: The graph is damaged or was built with another embedder, or the folder can't be written.
    """
    started = time.monotonic()
    old = read_graph(folder, embedder.name)
    graph, left_out = relate(captions, restore(old))
    texts = [text for kind in KINDS for text in old.texts[kind]]
    known = dict(zip(texts, np.asarray(old.vectors, np.float32), strict=True))
    table, encoded = tabulate(graph, embedder, known, on_progress)
    write_graph(folder, table, float16=old.vectors.dtype == np.float16)
    return _report(captions, left_out, table, encoded, started)


def _report(
    captions: Sequence[TaggedCaption], left_out: int, table: RelationTable, encoded: int, started: float
) -> BuildReport:
    return BuildReport(
        captions=len(captions),
        without_scene=left_out,
        nodes={kind: len(texts) for kind, texts in table.texts.items()},
        edges=len(table.neighbours),
        encoded=encoded,
        seconds=time.monotonic() - started,
    )
