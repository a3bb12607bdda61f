"""Merges scenes that say nearly the same: "in a city park", "in the park of a city"."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from graph_store.table import RelationTable

NEARLY_THE_SAME = 0.8
"""A cosine."""
BLOCK = 256


def merge_scenes(table: RelationTable, at_least: float = NEARLY_THE_SAME, settled: int = 0) -> RelationTable:
    """The graph with every scene joined to one that is nearly the same and stands in more captions.

    The scenes are gone through from the most frequent to the rarest; each joins the nearest of those that stand for
    themselves if their cosine is high enough, and stands for itself otherwise. Edges and counts are added up.

    Args:
        table: The graph.
        at_least: The cosine from which two scenes are merged, above 0.
        settled: So many of its scenes, the first ones, stand for themselves whatever they are like.
    """
    texts = table.texts["scene"]
    newcomers = sorted(range(settled, table.scenes), key=lambda scene: (-int(table.counts[scene]), texts[scene]))
    stands_in = _find_stand_ins(table.vectors, np.array(newcomers, np.int64), settled, at_least)
    return replace(_join(table, stands_in), merged_at=at_least)


def _find_stand_ins(
    vectors: NDArray[np.floating], newcomers: NDArray[np.int64], settled: int, at_least: float
) -> NDArray[np.int64]:
    """[scenes] The number of the scene that stands for each."""
    stands_in = np.arange(settled + len(newcomers))
    leaders = np.empty((len(stands_in), vectors.shape[1]), np.float32)
    leaders[:settled] = vectors[:settled]
    numbers = np.arange(len(stands_in))
    """Of the leaders' scenes."""
    known = settled
    for start in range(0, len(newcomers), BLOCK):
        block = newcomers[start : start + BLOCK]
        rows = np.asarray(vectors[block], np.float32)
        likeness, among = rows @ leaders[:known].T, rows @ rows.T
        led: list[int] = []
        for row, scene in enumerate(block.tolist()):
            candidates = np.concatenate([likeness[row], among[row, led]])
            nearest = int(candidates.argmax()) if candidates.size else 0
            if candidates.size and candidates[nearest] >= at_least:
                stands_in[scene] = numbers[nearest]
            else:
                numbers[known + len(led)] = scene
                led.append(row)
        leaders[known : known + len(led)] = rows[led]
        known += len(led)
    return stands_in


def _join(table: RelationTable, stands_in: NDArray[np.int64]) -> RelationTable:
    """The table with only those scenes that stand for themselves."""
    kept = np.flatnonzero(stands_in == np.arange(table.scenes))
    dropped = np.flatnonzero(stands_in != np.arange(table.scenes))
    number = np.searchsorted(kept, stands_in)
    counts = np.bincount(number, table.counts[: table.scenes], len(kept)).astype(np.int32)
    scenes = np.repeat(number, np.diff(table.offsets))
    edges, at = np.unique(scenes * table.nodes + table.neighbours, return_inverse=True)
    texts = table.texts["scene"]
    return replace(
        table,
        texts={**table.texts, "scene": tuple(texts[scene] for scene in kept.tolist())},
        counts=np.concatenate([counts, table.counts[table.scenes :]]),
        offsets=np.searchsorted(edges // table.nodes, np.arange(len(kept) + 1)).astype(np.int64),
        neighbours=(edges % table.nodes - len(dropped)).astype(np.int32),
        together=np.bincount(at, table.together, len(edges)).astype(np.int32),
        vectors=np.delete(table.vectors, dropped, axis=0),
        merged=(*table.merged, *(texts[scene] for scene in dropped.tolist())),
        merged_into=number[np.concatenate([table.merged_into, dropped])].astype(np.int32),
    )
