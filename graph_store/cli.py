"""`retake graph`: builds, extends, describes and queries relation graphs."""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from graph_store.errors import GraphStoreError

if TYPE_CHECKING:
    from graph_store.build import BuildReport, Progress
    from graph_store.captions import CaptionFile, RejectedRow
    from graph_store.records import Retrieved, TaggedCaption
    from graph_store.relation_graph import RelationGraph
    from graph_store.retrieve import Mode

STARTER = "starter"
REJECTED_SHOWN = 10

app = typer.Typer(name="graph", help="Relation graphs: captions in, modifiers out.", no_args_is_help=True)

Folder = Annotated[str, typer.Argument(metavar="DIR", help="A graph's folder, or 'starter' for the packaged one.")]
EmbedderName = Annotated[
    str, typer.Option("--embedder", help="auto, hashing, minilm, a Hugging Face id or folder, or package.module:Class.")
]


@app.command()
def build(
    captions: Annotated[Path, typer.Argument(help="A .jsonl, .csv or .txt file.")],
    out: Annotated[Path, typer.Option("--out", help="The folder to write the graph to.")],
    embedder: EmbedderName = "auto",
    float16: Annotated[bool, typer.Option("--float16", help="Halve the vectors on disk.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Replace a graph that is there.")] = False,
) -> None:
    """Builds a graph of the captions; those without tags are tagged by rules."""
    from graph_store.build import build_folder
    from graph_store.embedders import open_embedder

    if (out / "graph.json").exists() and not force:
        raise GraphStoreError(f"{out} holds a graph already; add to it with `retake graph add`, or build with --force")
    read, tagged = _read(captions)
    opened = open_embedder(embedder)
    with _show_progress() as on_progress:
        report = build_folder(tagged, opened, out, float16=float16, on_progress=on_progress)
    _print_report(out, opened.name, report, read.rejected)


@app.command()
def add(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A graph's folder.")],
    captions: Annotated[Path, typer.Argument(help="A .jsonl, .csv or .txt file.")],
) -> None:
    """Adds captions to a graph; phrases that it holds are not embedded again."""
    from graph_store.build import add_to_folder
    from graph_store.embedders import open_embedder
    from graph_store.folder import read_manifest

    read, tagged = _read(captions)
    opened = open_embedder(read_manifest(folder)["embedder"])
    with _show_progress() as on_progress:
        report = add_to_folder(folder, tagged, opened, on_progress=on_progress)
    _print_report(folder, opened.name, report, read.rejected)


@app.command()
def info(folder: Folder) -> None:
    """Describes a graph, after comparing every checksum."""
    from rich.console import Console
    from rich.table import Table

    from graph_store.folder import read_graph

    table = _open(folder, "pooled").table if folder == STARTER else read_graph(folder, verify=True)
    rows = Table("", "", show_header=False, box=None)
    rows.add_row("embedder", f"{table.embedder} ({table.dimension} numbers, {table.vectors.dtype})")
    rows.add_row("captions", f"{table.captions:,}")
    for kind, texts in table.texts.items():
        rows.add_row(f"{kind}s", f"{len(texts):,}")
    rows.add_row("edges", f"{len(table.neighbours):,}")
    Console().print(rows)


@app.command()
def query(
    folder: Folder,
    prompt: Annotated[str, typer.Argument(help="A prompt or a phrase.")],
    k: Annotated[int, typer.Option("-k", min=0, help="Modifiers of each kind at most.")] = 5,
    mode: Annotated[str, typer.Option("--mode", help="pooled, reference or knn.")] = "pooled",
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Shows the modifiers that the graph has for a prompt."""
    retrieved = _open(folder, mode).retrieve(prompt, k)
    if as_json:
        typer.echo(json.dumps(asdict(retrieved), ensure_ascii=False, indent=2))
    else:
        _print_modifiers(retrieved)


def _read(path: Path) -> "tuple[CaptionFile, Sequence[TaggedCaption]]":
    from graph_store.captions import read_captions
    from graph_store.extract import tag_untagged

    read = read_captions(path)
    return read, tag_untagged(read.captions)


def _open(folder: str, mode: str) -> "RelationGraph":
    from typing import cast

    from graph_store.embedders import open_embedder
    from graph_store.folder import read_manifest
    from graph_store.relation_graph import RelationGraph
    from graph_store.retrieve import Rule
    from graph_store.starter import open_starter

    rule = Rule(mode=cast("Mode", mode))
    if folder == STARTER:
        starter = open_starter(open_embedder())
        return RelationGraph(starter.table, starter.embedder, rule)
    return RelationGraph.open(folder, open_embedder(read_manifest(folder)["embedder"]), rule)


@contextmanager
def _show_progress() -> "Iterator[Progress]":
    from rich.console import Console
    from rich.progress import MofNCompleteColumn, Progress

    columns = (*Progress.get_default_columns(), MofNCompleteColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("embedding", total=None)
        yield lambda done, total: progress.update(task, completed=done, total=total)


def _print_report(folder: Path, embedder: str, report: "BuildReport", rejected: "Sequence[RejectedRow]") -> None:
    from rich.console import Console
    from rich.markup import escape

    console = Console()
    console.print(
        f"{report.captions + len(rejected):,} captions read, {report.kept:,} kept, "
        f"{report.without_scene:,} left out without a scene, {len(rejected):,} rows rejected"
    )
    for row in rejected[:REJECTED_SHOWN]:
        console.print(f"  line {row.line}: {escape(row.reason)}  [dim]{escape(row.excerpt)}[/dim]")
    if len(rejected) > REJECTED_SHOWN:
        console.print(f"  and {len(rejected) - REJECTED_SHOWN:,} more")
    nodes = ", ".join(f"{number:,} {kind}s" for kind, number in report.nodes.items())
    console.print(f"{nodes}; {report.edges:,} edges")
    console.print(f"{report.encoded:,} phrases embedded with {escape(embedder)}; {report.seconds:.1f} seconds")
    console.print(f"graph in {escape(str(folder))}")


def _print_modifiers(retrieved: "Retrieved") -> None:
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    console = Console()
    for note in retrieved.notes:
        console.print(escape(note))
    if not retrieved.modifiers:
        console.print("no modifiers")
        return
    rows = Table("modifier", "kind", "cosine", "via", "count")
    for modifier in retrieved.modifiers:
        rows.add_row(
            escape(modifier.text), modifier.kind, f"{modifier.cosine:.3f}", escape(modifier.via), str(modifier.count)
        )
    console.print(rows)
    console.print(f"from {retrieved.scenes_searched} scenes")
