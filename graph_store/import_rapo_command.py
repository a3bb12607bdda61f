"""`retake graph import-rapo`: the relation graph that RAPO published becomes one of ours."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from graph_store.embedder import DEFAULT_MODEL
from graph_store.errors import GraphStoreError

if TYPE_CHECKING:
    from graph_store.import_rapo import ImportReport
    from graph_store.rapo_files import Progress


def import_rapo_command(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="RAPO's graph_data, or a folder that holds it.")],
    out: Annotated[Path, typer.Option("--out", help="The folder to write the graph to.")],
    embedder: Annotated[str, typer.Option("--embedder", help="The name of what made its vectors.")] = DEFAULT_MODEL,
    float16: Annotated[bool, typer.Option("--float16", help="Halve the vectors on disk.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Replace a graph that is there.")] = False,
) -> None:
    """Writes RAPO's relation graph as one of ours; nothing is embedded anew."""
    from graph_store.folder import write_graph
    from graph_store.import_rapo import import_rapo

    if (out / "graph.json").exists() and not force:
        raise GraphStoreError(f"{out} holds a graph already; import to another folder, or with --force")
    with _show_progress() as on_progress:
        table, report = import_rapo(folder, embedder, on_progress)
    write_graph(out, table, float16=float16)
    _print_report(out, report)


@contextmanager
def _show_progress() -> "Iterator[Progress]":
    from rich.console import Console
    from rich.progress import DownloadColumn, Progress

    columns = (*Progress.get_default_columns(), DownloadColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("reading", total=None)
        yield lambda done, total: progress.update(task, completed=done, total=total)


def _print_report(out: Path, report: "ImportReport") -> None:
    from rich.console import Console
    from rich.markup import escape

    console = Console()
    for mismatch in report.mismatches:
        console.print(f"{mismatch.count:,} {escape(mismatch.what)}", highlight=False)
        for example in mismatch.examples:
            console.print(f"  [dim]{escape(example)}[/dim]", highlight=False)
        if mismatch.count > len(mismatch.examples):
            console.print(f"  and {mismatch.count - len(mismatch.examples):,} more")
    nodes = ", ".join(f"{number:,} {kind}s" for kind, number in report.nodes.items() if number)
    console.print(f"{report.captions:,} sentences: {nodes}; {report.edges:,} edges; from {escape(str(report.folder))}")
    console.print(f"graph in {escape(str(out))}")
