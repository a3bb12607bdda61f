"""Retake's relation graph against the way RAPO's released code builds, loads and queries one.

    python benchmarks/retrieval.py --sizes 1000,10000        # both sides on the same captions; the ratios
    python benchmarks/retrieval.py --sizes 1000000 --ours    # ours alone, with all cores

The other side is written here from a description of that code: one call of the encoder a phrase, vectors as JSON,
GraphML, brute force over Python lists, which become a tensor again for every prompt. It has the same MiniLM weights by
sentence-transformers. Each step of either side runs in a process of its own, on one thread unless --ours; times are CPU
seconds of that process without imports and the loading of the encoder (wall seconds with --ours).
"""

import argparse
import json
import os
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table
from synthetic_captions import write_captions

from graph_store.build import build_folder
from graph_store.captions import iter_captions
from graph_store.embedder import DEFAULT_MODEL
from graph_store.embedders import open_embedder
from graph_store.records import KINDS
from graph_store.relation_graph import RelationGraph
from graph_store.retrieve import choose
from graph_store.starter import read_starter

QUERIES = 100
KINDS_THERE = ("scene", "action", "atmosphere")
"""RAPO's place, verb and scenario."""
Figures = dict[str, float]


def prompts() -> list[str]:
    """Real sentences that the graphs know nothing of."""
    return [caption.text.split(",")[0] for caption in islice(read_starter(), QUERIES)]


# The way of the released code


def reference_build(captions: Path, folder: Path) -> Figures:
    """Encodes phrase by phrase and writes JSON and GraphML."""
    import networkx as nx

    encoder = _sentence_transformer()
    rows = [json.loads(line) for line in captions.open(encoding="utf-8")]
    began = time.process_time()
    numbers: dict[str, dict[str, int]] = {kind: {} for kind in KINDS_THERE}
    sentences: dict[str, dict[str, list[int]]] = {kind: {} for kind in KINDS_THERE}
    vectors: dict[str, list[list[float]]] = {kind: [] for kind in KINDS_THERE}
    graphs = {kind: nx.Graph() for kind in KINDS_THERE[1:]}
    for sentence, row in enumerate(rows):
        for kind in KINDS_THERE:
            for phrase in row[f"{kind}s"]:
                if phrase not in numbers[kind]:
                    numbers[kind][phrase] = len(numbers[kind])
                    vectors[kind].append(encoder.encode(phrase).tolist())
                sentences[kind].setdefault(phrase, []).append(sentence)
        for kind, graph in graphs.items():
            graph.add_edges_from((place, phrase) for place in row["scenes"] for phrase in row[f"{kind}s"])
    for kind in KINDS_THERE:
        for name, content in (("to_idx", numbers), ("in_sentence", sentences), ("embed", vectors)):
            (folder / f"{kind}_{name}.json").write_text(json.dumps(content[kind], indent=4))
    for kind, graph in graphs.items():
        nx.write_graphml_xml(graph, folder / f"{kind}.graphml")
    return {"build": time.process_time() - began, "disk": _size(folder)}


def reference_query(folder: Path) -> Figures:
    """Loads everything, then answers every prompt by brute force."""
    import networkx as nx
    import torch

    encoder = _sentence_transformer()
    began = time.process_time()
    numbers = {kind: json.loads((folder / f"{kind}_to_idx.json").read_text()) for kind in KINDS_THERE}
    vectors = {kind: json.loads((folder / f"{kind}_embed.json").read_text()) for kind in KINDS_THERE}
    _ = [json.loads((folder / f"{kind}_in_sentence.json").read_text()) for kind in KINDS_THERE]
    graphs = {kind: nx.read_graphml(folder / f"{kind}.graphml") for kind in KINDS_THERE[1:]}
    loaded = time.process_time() - began
    places = list(numbers["scene"])
    rng = random.Random(0)  # noqa: S311

    def answer(vector: Any) -> None:
        cosines = torch.nn.functional.cosine_similarity(vector[None], torch.tensor(vectors["scene"]))
        for place in cosines.topk(3).indices.tolist():
            for kind, graph in graphs.items():
                neighbours = [phrase for phrase in graph.neighbors(places[place]) if phrase in numbers[kind]]
                sample = rng.sample(neighbours, min(5, len(neighbours)))
                rows = torch.tensor([vectors[kind][numbers[kind][phrase]] for phrase in sample])
                torch.nn.functional.cosine_similarity(vector[None], rows).topk(len(sample))

    def encode(prompt: str) -> Any:
        return torch.tensor(encoder.encode(prompt))

    return {"load": loaded, **_time_queries(encode, answer), "memory": _peak_mb()}


def _sentence_transformer() -> Any:
    from graph_store.sentence_embedder import SentenceEmbedder

    return SentenceEmbedder(DEFAULT_MODEL, device="cpu").model


# Ours


def our_build(captions: Path, folder: Path, embedder: str) -> Figures:
    """`retake graph build`, parsing included."""
    opened = open_embedder(embedder)
    opened.encode(["a first call"])
    wall, cpu = time.monotonic(), time.process_time()
    report = build_folder(iter_captions(captions, []), opened, folder)
    return {
        "build": time.process_time() - cpu,
        "build wall": time.monotonic() - wall,
        "disk": _size(folder),
        "build memory": _peak_mb(),
        "nodes": sum(report.nodes.values()),
        "scenes": report.nodes["scene"],
        "edges": report.edges,
    }


def our_query(folder: Path) -> Figures:
    """Opens the graph some times, then answers every prompt."""
    embedder = open_embedder("minilm")
    opened = [_clock(lambda: RelationGraph.open(folder, embedder)) for _ in range(20)]
    graph = RelationGraph.open(folder, embedder)

    def answer(vector: Any) -> None:
        choose(graph.table, graph._index, vector, dict.fromkeys(KINDS, 5), graph.rule)

    figures = _time_queries(lambda prompt: embedder.encode([prompt])[0], answer)
    return {"load": median(opened), **figures, "memory": _peak_mb()}


def our_recall(exact: Path, other: Path) -> Figures:
    """The share of the three scenes nearest to each prompt that another graph of the same captions finds as well."""
    embedder = open_embedder("minilm")
    nearest = []
    for folder in (exact, other):
        table = RelationGraph.open(folder, embedder).table
        cosines = embedder.encode(prompts()) @ np.asarray(table.vectors[: table.scenes], np.float32).T
        nearest.append([{table.texts["scene"][at] for at in row} for row in np.argsort(-cosines)[:, :3].tolist()])
    return {"recall": float(np.mean([len(a & b) / 3 for a, b in zip(*nearest, strict=True)]))}


STEPS: dict[str, Callable[..., Figures]] = {
    step.__name__: step for step in (reference_build, reference_query, our_build, our_query, our_recall)
}


def _time_queries(encode: Callable[[str], Any], answer: Callable[[Any], None]) -> Figures:
    """Seconds a prompt, without and with its encoding; the first is for warming up."""
    vectors = [encode(prompt) for prompt in prompts()]
    answer(vectors[0])
    without = [_clock(lambda vector=vector: answer(vector)) for vector in vectors]
    within = [_clock(lambda prompt=prompt: answer(encode(prompt))) for prompt in prompts()]
    return {"query": median(without), "query with encoding": median(within)}


def _clock(call: Callable[[], object]) -> float:
    clock = time.process_time if os.environ["OMP_NUM_THREADS"] == "1" else time.perf_counter
    began = clock()
    call()
    return clock() - began


def _size(folder: Path) -> float:
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file()) / 1e6


def _peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


# The comparison


def _run(step: str, *arguments: Path | str, threads: int = 1) -> Figures:
    environment = os.environ | {"OMP_NUM_THREADS": str(threads), "TOKENIZERS_PARALLELISM": str(threads > 1).lower()}
    command = [sys.executable, __file__, "--step", step, *map(str, arguments)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, env=environment)  # noqa: S603
    return json.loads(done.stdout.splitlines()[-1])


def compare(size: int, work: Path) -> Table:
    """Both sides on so many captions."""
    write_captions(captions := work / "captions.jsonl", size)
    theirs, ours, half = (work / name for name in ("reference", "ours", "bf16"))
    theirs.mkdir()
    reference = _run("reference_build", captions, theirs) | _run("reference_query", theirs)
    figures = _run("our_build", captions, ours, "minilm") | _run("our_query", ours)
    bf16 = _run("our_build", captions, half, "minilm-bf16") | _run("our_recall", ours, half)
    table = Table("", "reference", "ours", "ratio", title=f"{size:,} captions, {figures['nodes']:,.0f} phrases")
    for name, label, unit in (
        ("build", "build, s of CPU", 1),
        ("load", "load, ms", 1e3),
        ("query", "query without encoding, ms", 1e3),
        ("query with encoding", "query with encoding, ms", 1e3),
        ("memory", "memory of the querying process, MB", 1),
        ("disk", "disk, MB", 1),
    ):
        there, here = reference[name] * unit, figures[name] * unit
        table.add_row(label, f"{there:,.1f}", f"{here:,.2f}", f"{there / here:,.1f}")
    ratio = reference["build"] / bf16["build"]
    table.add_row("build in bfloat16, s of CPU", f"{reference['build']:,.1f}", f"{bf16['build']:,.2f}", f"{ratio:,.1f}")
    table.add_row("  of the 3 nearest scenes the same", "", f"{bf16['recall']:.3f}", "")
    return table


def measure_ours(size: int, work: Path) -> Table:
    """Ours alone, on all cores."""
    threads = os.cpu_count() or 1
    write_captions(captions := work / "captions.jsonl", size)
    built = _run("our_build", captions, work / "ours", "minilm", threads=threads)
    asked = _run("our_query", work / "ours", threads=threads)
    table = Table("", "ours", title=f"{size:,} captions, {threads} threads")
    table.add_row("phrases", f"{built['nodes']:,.0f}")
    table.add_row("of them scenes", f"{built['scenes']:,.0f}")
    table.add_row("edges", f"{built['edges']:,.0f}")
    table.add_row("build, minutes", f"{built['build wall'] / 60:.2f}")
    table.add_row("peak memory of the build, MB", f"{built['build memory']:,.0f}")
    table.add_row("disk, MB", f"{built['disk']:,.0f}")
    table.add_row("load, ms", f"{asked['load'] * 1e3:.2f}")
    table.add_row("query without encoding, ms", f"{asked['query'] * 1e3:.2f}")
    table.add_row("query with encoding, ms", f"{asked['query with encoding'] * 1e3:.2f}")
    table.add_row("memory of the querying process, MB", f"{asked['memory']:,.0f}")
    return table


def main() -> None:
    """Prints one table a size."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", default="1000,10000", help="captions, separated by commas")
    parser.add_argument("--ours", action="store_true", help="our side alone, on all cores")
    parser.add_argument("--step", nargs="+", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.step:
        name, *arguments = options.step
        paths = [Path(argument) if "/" in argument else argument for argument in arguments]
        print(json.dumps(STEPS[name](*paths)))
        return
    for size in map(int, options.sizes.split(",")):
        with tempfile.TemporaryDirectory() as work:
            Console().print((measure_ours if options.ours else compare)(size, Path(work)))


if __name__ == "__main__":
    main()
