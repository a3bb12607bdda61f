"""From a query vector to the modifiers of a relation graph, in numpy alone."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from graph_store.errors import GraphStoreError
from graph_store.records import Modifier, ModifierKind
from graph_store.scene_index import FlatIndex, SceneIndex
from graph_store.table import RelationTable

Mode = Literal["pooled", "reference", "knn"]
MODES: tuple[Mode, ...] = get_args(Mode)
REFERENCE_SCENES = 3
REFERENCE_NEIGHBOURS = 5
"""`place_num` and `topk_num` of the code released with RAPO."""
SHARPNESS = 10.0
"""By how much a nearer scene says more of what is likely: e to this times its cosine."""
POOL = 100
"""The candidates worth most, among which variety is looked for; others could hardly win a place."""


@dataclass(frozen=True)
class Rule:
    """How modifiers are chosen.

    - "pooled": of all modifiers of the nearest `scenes` scenes those near to the query and likely in such scenes,
      near-duplicates held back. What is likely is the log of the share of a scene's captions that hold the modifier,
      summed over the scenes by their nearness.
    - "reference": RAPO's rule as its paper means it and without its code's sampling: the 3 nearest scenes, of each the
      5 modifiers nearest to the query, in order of cosine.
    - "knn": all modifiers of the graph whatever their scene, near-duplicates held back.
    """

    mode: Mode = "pooled"
    scenes: int = 30
    likelihood: float = 0.25
    """Weight of what is likely against nearness to the query, in "pooled"; 0 is nearness alone. docs/retrieval.md has
    the comparison that chose these numbers."""
    mmr: float = 0.8
    """Weight of that against likeness to modifiers chosen already, 0..1; 1 looks for no variety."""

    def __post_init__(self) -> None:
        if self.mode not in MODES:
            raise GraphStoreError(f"there is no retrieval mode '{self.mode}'; known: {', '.join(MODES)}")
        if self.scenes < 1:
            raise GraphStoreError(f"scenes must be 1 or more, not {self.scenes}")
        if self.likelihood < 0:
            raise GraphStoreError(f"likelihood must be 0 or more, not {self.likelihood}")
        if not 0 <= self.mmr <= 1:
            raise GraphStoreError(f"mmr must lie between 0 and 1, not {self.mmr}")


@dataclass(frozen=True)
class _Candidates:
    """Modifiers that may be chosen, and the edge each is reached by."""

    nodes: NDArray[np.int64]
    via: NDArray[np.int64]
    """Scene numbers."""
    together: NDArray[np.int64]


def choose(
    table: RelationTable,
    index: SceneIndex,
    query: NDArray[np.float32],
    wanted: Mapping[ModifierKind, int],
    rule: Rule,
) -> tuple[list[Modifier], int]:
    """The best modifiers of each kind, best first, and how many scenes were searched for them.

    Ties go by alphabet, so that the same graph gives the same answer on any machine.

    Args:
        table: The graph; it must hold a scene.
        index: Over the vectors of its scenes.
        query: [dimension], of unit length.
        wanted: How many of each kind at most.
        rule: How they are chosen.
    """
    n = min(REFERENCE_SCENES if rule.mode == "reference" else rule.scenes, table.scenes)
    scenes = _order(table, index.near(query, n), query)[:n]
    reached = _follow(table, scenes)
    chosen: list[Modifier] = []
    for kind, k in wanted.items():
        if k == 0:
            continue
        if kind == "scene":
            candidates = _Candidates(scenes, scenes, table.counts[scenes].astype(np.int64))
        elif rule.mode == "knn":
            candidates = _reach(table, _nearest_of_kind(table, kind, query, k), query)
        else:
            candidates = _limit_to_kind(table, reached, kind)
            if rule.mode == "reference":
                candidates = _keep_best_per_scene(table, candidates, query)
        distinct = _first_of_each(candidates)
        worths = _cosines(table, distinct.nodes, query)
        if rule.mode == "pooled" and kind != "scene":
            worths += rule.likelihood * _likelihood(table, candidates, query)
        mmr = 1.0 if rule.mode == "reference" else rule.mmr
        nodes = _pick(table, distinct.nodes, worths, k, mmr)
        chosen += _describe(table, _take(distinct, np.searchsorted(distinct.nodes, _order(table, nodes, query))), query)
    return chosen, len(scenes)


def _cosines(table: RelationTable, nodes: NDArray[np.int64], query: NDArray[np.float32]) -> NDArray[np.float64]:
    """Summed row by row in double precision: a node's cosine does not depend on which others are asked for."""
    return (table.vectors[nodes].astype(np.float64) * query.astype(np.float64)).sum(axis=1)


def _order(table: RelationTable, nodes: NDArray[np.int64], query: NDArray[np.float32]) -> NDArray[np.int64]:
    """The nodes by falling cosine, then by text."""
    return nodes[_rank(table, nodes, _cosines(table, nodes, query))]


def _rank(table: RelationTable, nodes: NDArray[np.int64], worths: NDArray[np.float64]) -> NDArray[np.int64]:
    """Positions by falling worth, then by the nodes' text, which is only read where worths are equal."""
    ranked = np.argsort(-worths, kind="stable")
    if (np.diff(worths[ranked]) != 0).all():
        return ranked
    texts = [table.text_of(node) for node in nodes.tolist()]
    return np.array(sorted(range(len(nodes)), key=lambda at: (-worths[at], texts[at])), np.int64)


def _follow(table: RelationTable, scenes: NDArray[np.int64]) -> _Candidates:
    """All edges out of these scenes, in the order of the scenes."""
    degrees = table.offsets[scenes + 1] - table.offsets[scenes]
    starts = np.repeat(table.offsets[scenes] - np.cumsum(degrees) + degrees, degrees)
    edges = starts + np.arange(degrees.sum())
    return _Candidates(
        table.neighbours[edges].astype(np.int64), np.repeat(scenes, degrees), table.together[edges].astype(np.int64)
    )


def _limit_to_kind(table: RelationTable, candidates: _Candidates, kind: ModifierKind) -> _Candidates:
    span = table.spans[kind]
    return _take(candidates, (candidates.nodes >= span.start) & (candidates.nodes < span.stop))


def _keep_best_per_scene(table: RelationTable, candidates: _Candidates, query: NDArray[np.float32]) -> _Candidates:
    """Of every scene the reference's number of modifiers nearest to the query."""
    kept: list[int] = []
    for scene in dict.fromkeys(candidates.via.tolist()):
        of_scene = np.flatnonzero(candidates.via == scene)
        best = _order(table, candidates.nodes[of_scene], query)[:REFERENCE_NEIGHBOURS]
        kept += of_scene[np.isin(candidates.nodes[of_scene], best)].tolist()
    return _take(candidates, np.array(kept, np.int64))


def _nearest_of_kind(table: RelationTable, kind: ModifierKind, query: NDArray[np.float32], k: int) -> NDArray[np.int64]:
    span = table.spans[kind]
    if not span:
        return np.zeros(0, np.int64)
    rows = FlatIndex(table.vectors[span.start : span.stop]).near(query, min(max(POOL, k), len(span)))
    return rows + span.start


def _reach(table: RelationTable, nodes: NDArray[np.int64], query: NDArray[np.float32]) -> _Candidates:
    """Every edge into these modifiers, the scenes nearest to the query first."""
    edges = np.flatnonzero(np.isin(table.neighbours, nodes))
    scenes = np.searchsorted(table.offsets, edges, side="right") - 1
    rank = {scene: place for place, scene in enumerate(_order(table, np.unique(scenes), query).tolist())}
    by_rank = np.argsort([rank[scene] for scene in scenes.tolist()], kind="stable") if rank else edges
    return _Candidates(
        table.neighbours[edges[by_rank]].astype(np.int64),
        scenes[by_rank],
        table.together[edges[by_rank]].astype(np.int64),
    )


def _first_of_each(candidates: _Candidates) -> _Candidates:
    """Each node once, by the edge that stands first."""
    _, first = np.unique(candidates.nodes, return_index=True)
    return _take(candidates, first)


def _take(candidates: _Candidates, where: NDArray[np.bool_] | NDArray[np.int64]) -> _Candidates:
    return _Candidates(candidates.nodes[where], candidates.via[where], candidates.together[where])


def _likelihood(table: RelationTable, candidates: _Candidates, query: NDArray[np.float32]) -> NDArray[np.float64]:
    """[distinct nodes, ascending] How likely each stands in scenes like these, as the log of what `Rule` describes."""
    _, node = np.unique(candidates.nodes, return_inverse=True)
    share = candidates.together / table.counts[candidates.via]
    return np.log(np.bincount(node, share * np.exp(SHARPNESS * _cosines(table, candidates.via, query))))


def _pick(
    table: RelationTable, nodes: NDArray[np.int64], worths: NDArray[np.float64], k: int, mmr: float
) -> NDArray[np.int64]:
    """At most k of the nodes by maximal marginal relevance: for their worth less their likeness to those chosen before.

    Ties go by alphabet.
    """
    pool = _rank(table, nodes, worths)[: max(POOL, k)]
    nodes, worths = nodes[pool], worths[pool]
    if len(nodes) <= k:
        return nodes
    rows = table.vectors[nodes].astype(np.float64)
    likeness = np.full(len(nodes), -np.inf)
    chosen = [0]
    while len(chosen) < k:
        likeness = np.maximum(likeness, rows @ rows[chosen[-1]])
        gain = mmr * worths - (1 - mmr) * likeness
        gain[chosen] = -np.inf
        chosen.append(int(np.argmax(gain)))
    return nodes[chosen]


def _describe(table: RelationTable, chosen: _Candidates, query: NDArray[np.float32]) -> list[Modifier]:
    return [
        Modifier(table.text_of(node), table.kind_of(node), cosine, table.text_of(scene), together)
        for node, cosine, scene, together in zip(
            chosen.nodes.tolist(),
            _cosines(table, chosen.nodes, query).tolist(),
            chosen.via.tolist(),
            chosen.together.tolist(),
            strict=True,
        )
    ]
