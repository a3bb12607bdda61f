"""`retake graph`: builds, extends, describes and queries relation graphs."""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from graph_store.errors import GraphStoreError
from graph_store.import_rapo_command import import_rapo_command

if TYPE_CHECKING:
    from graph_store.build import BuildReport, Progress
    from graph_store.captions import RejectedRow
    from graph_store.records import Retrieved, TaggedCaption
    from graph_store.relation_graph import RelationGraph
    from graph_store.retrieve import Mode
    from graph_store.table import RelationTable

STARTER = "starter"
REJECTED_SHOWN = 10

app = typer.Typer(name="graph", help="Relation graphs: captions in, modifiers out.", no_args_is_help=True)
app.command("import-rapo")(import_rapo_command)

Folder = Annotated[str, typer.Argument(metavar="DIR", help="A graph's folder, or 'starter' for the packaged one.")]
EmbedderName = Annotated[
    str,
    typer.Option(
        "--embedder",
        help="auto, hashing, minilm, minilm-bf16, minilm-cuda, a Hugging Face id or folder, or package.module:Class.",
    ),
]


@app.command()
def build(
    captions: Annotated[Path, typer.Argument(help="A .jsonl, .csv or .txt file.")],
    out: Annotated[Path, typer.Option("--out", help="The folder to write the graph to.")],
    embedder: EmbedderName = "auto",
    merge: Annotated[
        float | None,
        typer.Option("--merge", min=0.5, max=1, help="Merge scenes of at least this cosine, e.g. 0.8; not by default."),
    ] = None,
    float16: Annotated[bool, typer.Option("--float16", help="Halve the vectors on disk.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Replace a graph that is there.")] = False,
) -> None:
    """Builds a graph of the captions; those without tags are tagged by rules."""
    from graph_store.build import build_folder
    from graph_store.embedders import open_embedder

    if (out / "graph.json").exists() and not force:
        raise GraphStoreError(f"{out} holds a graph already; add to it with `retake graph add`, or build with --force")
    rejected: list[RejectedRow] = []
    opened = open_embedder(embedder)
    with _show_progress() as on_progress:
        report = build_folder(
            _read_tagged(captions, rejected), opened, out, merge_at=merge, float16=float16, on_progress=on_progress
        )
    _print_report(out, opened.name, report, rejected)


@app.command()
def add(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A graph's folder.")],
    captions: Annotated[Path, typer.Argument(help="A .jsonl, .csv or .txt file.")],
) -> None:
    """Adds captions to a graph; phrases that it holds are not embedded again."""
    from graph_store.build import add_to_folder
    from graph_store.embedders import open_embedder
    from graph_store.folder import read_manifest

    rejected: list[RejectedRow] = []
    opened = open_embedder(read_manifest(folder)["embedder"])
    with _show_progress() as on_progress:
        report = add_to_folder(folder, _read_tagged(captions, rejected), opened, on_progress=on_progress)
    _print_report(folder, opened.name, report, rejected)


@app.command()
def export(
    folder: Folder,
    file: Annotated[Path, typer.Argument(help="A .graphml or .json (node-link) file to write.")],
) -> None:
    """Writes a graph for other programs, without its vectors."""
    from graph_store.export import export_graph

    export_graph(_read_table(folder), file)
    typer.echo(f"graph in {file}")


@app.command()
def info(folder: Folder) -> None:
    """Describes a graph, after comparing every checksum."""
    from rich.console import Console
    from rich.table import Table

    from graph_store.scene_index import TRIED_SCENES

    table = _read_table(folder)
    rows = Table("", "", show_header=False, box=None)
    rows.add_row("embedder", f"{table.embedder} ({table.dimension} numbers, {table.vectors.dtype})")
    rows.add_row("captions", f"{table.captions:,}")
    for kind, texts in table.texts.items():
        rows.add_row(f"{kind}s", f"{len(texts):,}")
    rows.add_row("edges", f"{len(table.neighbours):,}")
    if table.merged_at is not None:
        rows.add_row("merged", f"{len(table.merged):,} scenes into others, from a cosine of {table.merged_at:g}")
    by_hnsw = f"HNSW; finds {table.recall or 0:.1%} of the nearest {TRIED_SCENES}"
    rows.add_row("search", "exact" if table.recall is None else by_hnsw)
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


def _read_tagged(path: Path, rejected: "list[RejectedRow]") -> "Iterator[TaggedCaption]":
    from graph_store.captions import iter_captions
    from graph_store.extract import tag_untagged

    return tag_untagged(iter_captions(path, rejected))


def _read_table(folder: str) -> "RelationTable":
    """With every checksum compared."""
    from graph_store.folder import read_graph

    return _open(folder, "pooled").table if folder == STARTER else read_graph(folder, verify=True)


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
    if report.merged:
        console.print(f"{report.merged:,} scenes merged into others that say nearly the same")
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
