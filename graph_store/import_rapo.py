"""RAPO's relation graph becomes one of ours: place is scene, verb is action, scenario is atmosphere.

A phrase is of the kinds whose `*_to_idx.json` hold it; GraphML nodes have no kind. What does not fit together is
reported and the rest is used.
"""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from graph_store.embedder import DEFAULT_MODEL
from graph_store.errors import GraphStoreError
from graph_store.phrases import clean_phrases
from graph_store.rapo_files import INFO, KIND_FILES, Progress, RapoFiles
from graph_store.records import KINDS, ModifierKind
from graph_store.table import RelationTable

DEFAULT_DIMENSION = 384
"""Of DEFAULT_MODEL's vectors."""
UNIT = 1e-4
"""How far a vector's length may be from 1 by rounding alone."""
EXAMPLES = 3
SHOWN = 60
"""Characters of a phrase in an example."""


@dataclass(frozen=True)
class Mismatch:
    """One way in which the files do not fit together."""

    what: str
    """And what became of it."""
    count: int
    examples: tuple[str, ...]
    """The first few."""


@dataclass(frozen=True)
class ImportReport:
    """What was found in a directory of RAPO's."""

    folder: Path
    """The one that holds the files."""
    captions: int
    """How many sentences the graph was made of."""
    nodes: dict[ModifierKind, int]
    edges: int
    mismatches: tuple[Mismatch, ...]


class _Mismatches:
    """Counts mismatches and keeps the first examples of each."""

    def __init__(self) -> None:
        self._counts: dict[str, int] = {}
        self._examples: dict[str, list[str]] = {}

    def note(self, what: str, example: str) -> None:
        self._counts[what] = self._counts.get(what, 0) + 1
        examples = self._examples.setdefault(what, [])
        if len(examples) < EXAMPLES:
            examples.append(example)

    def listed(self) -> tuple[Mismatch, ...]:
        return tuple(Mismatch(what, count, tuple(self._examples[what])) for what, count in self._counts.items())


@dataclass
class _Phrases:
    """The phrases of one kind."""

    first: int
    """The node number of the first one; the others follow in the order of the file."""
    texts: list[str]
    nodes: dict[str, int]
    """Node numbers by phrase, without regard to case and white space."""
    by_row: dict[int, int | None]
    """Node numbers by row among the vectors; None for a row whose phrase was left out."""
    entries: int = 0
    """How many the file holds, usable or not."""

    def find(self, phrase: str) -> int | None:
        return self.nodes.get(_key(phrase))

    @property
    def span(self) -> range:
        return range(self.first, self.first + len(self.texts))


def import_rapo(
    folder: Path | str, embedder: str = DEFAULT_MODEL, on_progress: Progress | None = None
) -> tuple[RelationTable, ImportReport]:
    """The graph in a directory of RAPO's, its vectors as they are, and what did not fit together.

    A phrase counts the sentences that it stood in, an edge those that both its ends stood in.

    Args:
        folder: Holds the files, itself or one or two levels down.
        embedder: The name of what made the vectors.
        on_progress: Told how many bytes are read.

    Raises:
        GraphStoreError: It is no such directory, files are missing or broken off, or the vectors are of several
            dimensions, not finite or not of the embedder's dimension.
    """
    files, found = RapoFiles(folder, on_progress), _Mismatches()
    phrases: dict[ModifierKind, _Phrases] = {}
    for kind in KIND_FILES:
        phrases[kind] = _read_phrases(files, kind, sum(len(of_kind.texts) for of_kind in phrases.values()), found)
    sentences = _read_sentences(files, phrases, found)
    captions = len(set[int]().union(*sentences))
    _compare_info(files, phrases, captions, found)
    edges, together = _read_edges(files, phrases, sentences, found)
    counts = np.array([max(1, len(of_phrase)) for of_phrase in sentences], np.int32)
    del sentences  # before the vectors come, which take as much again
    vectors = _read_vectors(files, phrases, embedder, found)
    table = RelationTable(
        embedder=embedder,
        captions=captions,
        texts={kind: tuple(phrases[kind].texts) if kind in phrases else () for kind in KINDS},
        counts=counts,
        offsets=np.searchsorted(edges[:, 0], np.arange(len(phrases["scene"].texts) + 1)).astype(np.int64),
        neighbours=edges[:, 1].astype(np.int32),
        together=together.astype(np.int32),
        vectors=vectors,
    )
    table = _leave_out(table, np.asarray(~vectors.any(axis=1)), found)
    if not table.scenes:
        raise GraphStoreError(f"none of the places in '{files.folder}' has a vector, so there is nothing to import")
    nodes: dict[ModifierKind, int] = {kind: len(table.texts[kind]) for kind in KINDS}
    return table, ImportReport(files.folder, captions, nodes, len(table.neighbours), found.listed())


def _read_phrases(files: RapoFiles, kind: ModifierKind, first: int, found: _Mismatches) -> _Phrases:
    name = KIND_FILES[kind].rows
    phrases = _Phrases(first, [], {}, {})
    for phrase, row in files.rows(kind):
        phrases.entries += 1
        if type(row) is not int or row < 0:
            found.note(f"{name}: numbers that are no row; their phrases are left out", f"{_show(phrase)}: {row!r:.40}")
            continue
        if row in phrases.by_row:
            found.note(f"{name}: rows that two phrases have; the later phrase is left out", f"{_show(phrase)}: {row}")
            continue
        phrases.by_row[row] = None
        try:
            texts = clean_phrases([phrase])
        except ValueError as error:
            found.note(f"{name}: phrases that are too long or not plain text; left out", f"{_show(phrase)}: {error}")
            continue
        if not texts:
            found.note(f"{name}: empty phrases; left out", _show(phrase))
            continue
        node = phrases.nodes.setdefault(_key(phrase), phrases.span.stop)
        if node == phrases.span.stop:
            phrases.texts.append(texts[0])
        else:
            found.note(f"{name}: phrases that differ only in case or white space; made one", _show(phrase))
        phrases.by_row[row] = node
    if not phrases.entries:
        raise _empty(files, name, "phrases")
    return phrases


def _read_sentences(files: RapoFiles, phrases: dict[ModifierKind, _Phrases], found: _Mismatches) -> list[set[int]]:
    """The numbers of the sentences that each node stood in."""
    sentences: list[set[int]] = [set() for of_kind in phrases.values() for _ in of_kind.texts]
    for kind, of_kind in phrases.items():
        name, rows = KIND_FILES[kind].sentences, KIND_FILES[kind].rows
        for phrase, numbers in files.sentences(kind):
            node = of_kind.find(phrase)
            if node is None:
                found.note(f"{name}: phrases not in {rows} or left out of it; ignored", _show(phrase))
            elif not isinstance(numbers, list) or not all(type(number) is int for number in numbers):
                found.note(f"{name}: phrases without a list of sentence numbers; the entry is ignored", _show(phrase))
            else:
                sentences[node].update(numbers)
        for node in of_kind.span:
            if not sentences[node]:
                text = of_kind.texts[node - of_kind.first]
                found.note(f"{name}: phrases that stand in no sentence; counted once", _show(text))
    return sentences


def _compare_info(files: RapoFiles, phrases: dict[ModifierKind, _Phrases], captions: int, found: _Mismatches) -> None:
    counted = {
        "valid_sentence": captions,
        "p_idx": phrases["scene"].entries,
        "v_idx": phrases["action"].entries,
        "s_idx": phrases["atmosphere"].entries,
    }
    said = files.info()
    for key, number in counted.items():
        if said.get(key) != number:
            found.note(f"{INFO}: numbers that the files do not bear out", f"{key}: {said.get(key)!r:.40}, not {number}")


def _read_edges(
    files: RapoFiles, phrases: dict[ModifierKind, _Phrases], sentences: list[set[int]], found: _Mismatches
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Edges [edges, 2] as scene and modifier, ascending, and [edges] how many sentences both stood in.

    The files do not say which end is the scene. An edge that could be read both ways is read as the sentences bear out;
    where they bear out neither, it is read both ways.
    """
    scenes = phrases["scene"]
    together: dict[tuple[int, int], int] = {}
    for kind, modifiers in phrases.items():
        name = KIND_FILES[kind].edges
        for ends in files.edges(kind) if name else ():
            readings: dict[tuple[int, int], int] = {}
            for one, other in (ends, ends[::-1]):
                scene, modifier = scenes.find(one), modifiers.find(other)
                if scene is not None and modifier is not None:
                    readings[scene, modifier] = len(sentences[scene] & sentences[modifier])
            if not readings:
                unknown = any(scenes.find(end) is None and modifiers.find(end) is None for end in ends)
                what = "unknown or left-out phrases" if unknown else f"two scenes or two {kind}s"
                found.note(f"{name}: edges between {what}; left out", _show_edge(ends))
                continue
            if ends[0] == ends[1]:
                found.note(f"{name}: phrases joined to themselves; read as a scene and its {kind}", _show(ends[0]))
            if not any(readings.values()):
                found.note(f"{name}: edges that no sentence bears out; counted once", _show_edge(ends))
                readings = dict.fromkeys(readings, 1)
            together.update((edge, count) for edge, count in readings.items() if count)
    edges = sorted(together)
    counts = np.array([together[edge] for edge in edges], np.int64)
    return np.array(edges, np.int64).reshape(-1, 2), counts


def _read_vectors(
    files: RapoFiles, phrases: dict[ModifierKind, _Phrases], embedder: str, found: _Mismatches
) -> NDArray[np.float32]:
    """[nodes, dimension], rows of unit length, or all zeros for a node that has none."""
    vectors = np.zeros((sum(len(of_kind.texts) for of_kind in phrases.values()), 0), np.float32)
    for kind, of_kind in phrases.items():
        name, rows = KIND_FILES[kind].vectors, 0
        for row, numbers in enumerate(files.vectors(kind)):
            rows += 1
            where = f"'{files.folder / name}', row {row:,}"
            vector, length = _measure(numbers, where)
            if not vectors.shape[1]:
                _check_dimension(len(vector), embedder, where)
                vectors = np.zeros((len(vectors), len(vector)), np.float32)
            elif len(vector) != vectors.shape[1]:
                raise GraphStoreError(
                    f"{where}, has {len(vector):,} numbers and the rows before {vectors.shape[1]:,}; "
                    "one model must have made all vectors"
                )
            if abs(length - 1) > UNIT:
                what = "made so" if length else "their phrases are left out"
                found.note(f"{name}: vectors not of unit length; {what}", f"row {row}: {length:.4g}")
                vector = vector / (length or 1)
            node = of_kind.by_row.get(row)
            if node is not None:
                vectors[node] = vector
            elif row not in of_kind.by_row:
                found.note(f"{name}: rows that no phrase has; not used", f"row {row}")
        if not rows:
            raise _empty(files, name, "vectors")
        if rows != of_kind.entries:
            example = f"{rows:,} vectors, {of_kind.entries:,} phrases"
            found.note(f"{name}: not as many vectors as {KIND_FILES[kind].rows} has phrases", example)
    return vectors


def _measure(numbers: Any, where: str) -> tuple[NDArray[np.floating], float]:
    """The numbers as an array, and their length as a vector."""
    try:
        vector = np.asarray(numbers)
    except ValueError:  # lists of several lengths
        vector = np.zeros(0)
    if vector.ndim != 1 or not vector.size or vector.dtype.kind not in "if":
        raise GraphStoreError(f"{where}, is not a list of numbers; download the file again")
    with np.errstate(over="ignore"):
        length = float(np.linalg.norm(vector))
    if not np.isfinite(length):
        raise GraphStoreError(f"{where}, holds NaN or a number too large; make the graph anew")
    return vector, length


def _check_dimension(dimension: int, embedder: str, where: str) -> None:
    if embedder == DEFAULT_MODEL and dimension != DEFAULT_DIMENSION:
        raise GraphStoreError(
            f"{where}, has {dimension:,} numbers and '{DEFAULT_MODEL}' gives {DEFAULT_DIMENSION}; "
            "name what made the vectors with --embedder"
        )


def _empty(files: RapoFiles, name: str, what: str) -> GraphStoreError:
    return GraphStoreError(f"'{files.folder / name}' holds no {what} in RAPO's form; download it again")


def _leave_out(table: RelationTable, nodes: NDArray[np.bool_], found: _Mismatches) -> RelationTable:
    """The table without these nodes, [nodes], and without their edges."""
    if not nodes.any():
        return table
    for node in np.flatnonzero(nodes).tolist():
        found.note("phrases without a vector; left out", f"{table.kind_of(node)} {_show(table.text_of(node))}")
    scenes = np.repeat(np.arange(table.scenes), np.diff(table.offsets))
    kept = ~(nodes[scenes] | nodes[table.neighbours])
    for edge in np.flatnonzero(~kept).tolist():
        ends = table.text_of(int(scenes[edge])), table.text_of(int(table.neighbours[edge]))
        found.note("edges of phrases without a vector; left out with them", _show_edge(ends))
    number = np.cumsum(~nodes) - 1
    left_scenes = int(np.count_nonzero(~nodes[: table.scenes]))
    return replace(
        table,
        texts={
            kind: tuple(text for node, text in zip(span, table.texts[kind], strict=True) if not nodes[node])
            for kind, span in table.spans.items()
        },
        counts=table.counts[~nodes],
        offsets=np.searchsorted(number[scenes[kept]], np.arange(left_scenes + 1)).astype(np.int64),
        neighbours=number[table.neighbours[kept]].astype(np.int32),
        together=table.together[kept],
        vectors=table.vectors[~nodes],
    )


def _key(phrase: str) -> str:
    """What two spellings of one phrase have in common."""
    return " ".join(phrase.split()).casefold()


def _show(phrase: str) -> str:
    return repr(phrase[:SHOWN])


def _show_edge(ends: tuple[str, str]) -> str:
    return " - ".join(map(_show, ends))
