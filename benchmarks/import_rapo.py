"""What importing a relation graph of the size that RAPO published takes: seconds, and memory at its peak.

    python benchmarks/import_rapo.py [--scale 0.05] [--folder DIR]

At scale 1 it first writes 2.6 GB: 80,000 places, 85,000 verbs and 56,000 scenarios of made-up words, random unit
vectors of 384 numbers, 400,000 sentences, JSON of indent 4 and GraphML. Making and importing each run in a process of
its own, so that the peak is the import's. With `--folder`, what was made and the imported graph stay there, and a
directory that is there already is imported as it stands.
"""

import argparse
import json
import multiprocessing
import resource
import tempfile
import time
from collections.abc import Iterable, Iterator
from itertools import pairwise, product
from pathlib import Path

import numpy as np

from graph_store.folder import write_graph
from graph_store.import_rapo import import_rapo

DIMENSION = 384
SENTENCES = 400_000
PHRASES = {"place": 80_000, "verb": 85_000, "scenario": 56_000}
VECTOR_FILES = {"place": "place_embed", "verb": "verb_words_embed", "scenario": "scenario_words_embed"}
EDGE_FILES = {"verb": "graph_place_verb", "scenario": "graph_place_scene"}
MENTIONS = {"place": 1, "verb": 1, "scenario": 1}
"""Of each kind in a sentence."""
WORDS = ("calm", "old", "quiet", "bright", "narrow", "crowded", "snowy", "distant", "wooden", "green", "busy", "misty")
BLOCK = 4096


def make_directory(folder: Path, scale: float) -> None:
    """Writes a directory in RAPO's form, part by part, in little memory."""
    rng = np.random.default_rng(0)
    folder.mkdir(parents=True, exist_ok=True)
    sentences = round(SENTENCES * scale)
    phrases = {kind: _name_phrases(kind, round(number * scale)) for kind, number in PHRASES.items()}
    chosen = {kind: _choose(rng, len(phrases[kind]), (sentences, MENTIONS[kind])) for kind in PHRASES}
    for kind, texts in phrases.items():
        _write_lines(folder / f"{kind}_to_idx.json", _entries(texts, map(str, range(len(texts)))), "{}")
        stood = chosen[kind].ravel()
        by_phrase = np.argsort(stood, kind="stable")
        ends = np.searchsorted(stood[by_phrase], np.arange(len(texts) + 1)).tolist()
        numbers = (by_phrase // MENTIONS[kind]).tolist()
        lists = (_indent(map(str, numbers[start:stop])) for start, stop in pairwise(ends))
        _write_lines(folder / f"{kind}_in_sentence.json", _entries(texts, lists), "{}")
        _write_lines(folder / f"{VECTOR_FILES[kind]}.json", _make_vectors(rng, len(texts)), "[]")
    for kind, name in EDGE_FILES.items():
        edges = np.unique(np.stack(np.broadcast_arrays(chosen["place"], chosen[kind]), axis=-1).reshape(-1, 2), axis=0)
        _write_graphml(folder / f"{name}.graphml", phrases["place"], phrases[kind], edges)
    counts = {f"{kind[0]}_idx": len(texts) for kind, texts in phrases.items()}
    (folder / "data_info.json").write_text(json.dumps({"valid_sentence": sentences, **counts}, indent=4))


def _name_phrases(kind: str, number: int) -> list[str]:
    words = product(WORDS, WORDS)
    adjectives = [" ".join(pair) for pair in words]
    return [f"{kind} of a {adjectives[n % len(adjectives)]} thing {n}" for n in range(number)]


def _choose(rng: np.random.Generator, number: int, shape: tuple[int, int]) -> np.ndarray:
    """Phrase numbers, [sentences, mentions]: each at least once, the others mostly the few that are frequent."""
    mentions = shape[0] * shape[1]
    skewed = (number * rng.random(mentions) ** 8).astype(np.int64)
    skewed[:number] = np.arange(number)
    return rng.permutation(skewed).reshape(shape)


def _entries(texts: Iterable[str], values: Iterable[str]) -> Iterator[str]:
    for text, value in zip(texts, values, strict=True):
        yield f"{json.dumps(text)}: {value}"


def _make_vectors(rng: np.random.Generator, number: int) -> Iterator[str]:
    for start in range(0, number, BLOCK):
        rows = rng.standard_normal((min(BLOCK, number - start), DIMENSION), np.float32)
        rows /= np.linalg.norm(rows, axis=1, keepdims=True)
        for row in rows.tolist():
            yield _indent(map(repr, row))


def _indent(items: Iterable[str]) -> str:
    return "[\n        " + ",\n        ".join(items) + "\n    ]"


def _write_lines(path: Path, lines: Iterable[str], brackets: str) -> None:
    with path.open("w", encoding="utf-8") as stream:
        stream.write(brackets[0])
        for number, line in enumerate(lines):
            stream.write(f"{',' if number else ''}\n    {line}")
        stream.write(f"\n{brackets[1]}")


def _write_graphml(path: Path, places: list[str], others: list[str], edges: np.ndarray) -> None:
    with path.open("w", encoding="utf-8") as stream:
        stream.write("<?xml version='1.0' encoding='utf-8'?>\n")
        stream.write('<graphml xmlns="http://graphml.graphdrawing.org/xmlns">\n  <graph edgedefault="undirected">\n')
        for text in (*places, *others):
            stream.write(f'    <node id="{text}" />\n')
        for place, other in edges.tolist():
            stream.write(f'    <edge source="{places[place]}" target="{others[other]}" />\n')
        stream.write("  </graph>\n</graphml>\n")


def measure_import(folder: Path, out: Path) -> str:
    """Imports the directory, writes the graph, and says what that took of this process."""
    before = _peak_megabytes()
    started = time.perf_counter()
    table, report = import_rapo(folder)
    between = time.perf_counter()
    write_graph(out, table)
    ended = time.perf_counter()
    nodes = ", ".join(f"{number:,} {kind}s" for kind, number in report.nodes.items())
    lines = [
        f"import {between - started:.1f} s, writing {ended - between:.1f} s",
        f"peak memory {_peak_megabytes():,.0f} MB, {before:,.0f} MB of it before the import",
        f"vectors {table.vectors.nbytes / 1e6:,.0f} MB",
        f"{report.captions:,} sentences: {nodes}; {report.edges:,} edges",
        *(f"{mismatch.count:,} {mismatch.what}" for mismatch in report.mismatches),
        f"{len(report.mismatches)} kinds of mismatch",
    ]
    return "\n".join(lines)


def _peak_megabytes() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3


def _size(folder: Path) -> float:
    """In megabytes."""
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file()) / 1e6


def main() -> None:
    """Makes the directory, imports it, and prints both sizes, seconds, memory and what came of it."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--scale", type=float, default=1.0)
    parser.add_argument("--folder", type=Path)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder: Path = arguments.folder or Path(temporary)
        given, out = folder / "graph_data", folder / "graph"
        spawn = multiprocessing.get_context("spawn")
        if not given.exists():
            with spawn.Pool(1) as maker:
                maker.apply(make_directory, (given, arguments.scale))
        print(f"{_size(given):,.0f} MB in {given}")
        with spawn.Pool(1) as importer:
            print(importer.apply(measure_import, (given, out)))
        print(f"{_size(out):,.0f} MB in {out}: {_size(given) / _size(out):.1f} times smaller")


if __name__ == "__main__":
    main()
