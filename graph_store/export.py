"""A relation graph as other programs read it."""

import json
import os
from pathlib import Path

import networkx as nx

from graph_store.errors import GraphStoreError
from graph_store.records import KINDS
from graph_store.table import RelationTable


def to_networkx(table: RelationTable) -> nx.Graph:
    """The graph with nodes named "kind: phrase" (attributes `kind`, `text`, `count`) and edges with a `count`.

    The counts say in how many captions the phrase, or both phrases, stood; `graph.graph` has the number of captions and
    the embedder's name.
    """
    graph = nx.Graph(captions=table.captions, embedder=table.embedder)
    names = [f"{kind}: {text}" for kind in KINDS for text in table.texts[kind]]
    for name, count in zip(names, table.counts.tolist(), strict=True):
        kind, _, text = name.partition(": ")
        graph.add_node(name, kind=kind, text=text, count=count)
    for scene in range(table.scenes):
        edges = slice(table.offsets[scene], table.offsets[scene + 1])
        for modifier, count in zip(table.neighbours[edges].tolist(), table.together[edges].tolist(), strict=True):
            graph.add_edge(names[scene], names[modifier], count=count)
    return graph


def export_graph(table: RelationTable, file: Path) -> None:
    """Writes the graph as GraphML or as node-link JSON, as the file's ending says.

    Raises:
        GraphStoreError: The ending is neither .graphml nor .json, or the file can't be written.
    """
    if file.suffix not in (".graphml", ".json"):
        raise GraphStoreError(f"can't tell how to write '{file}'; a graph is exported to .graphml or .json")
    graph = to_networkx(table)
    new = file.with_name(f"{file.name}.{os.getpid()}")
    try:
        if file.suffix == ".graphml":
            nx.write_graphml_xml(graph, new)
        else:
            new.write_text(json.dumps(nx.node_link_data(graph), ensure_ascii=False), encoding="utf-8")
        new.replace(file)
    except OSError as error:
        raise GraphStoreError(f"can't write '{file}': {error.strerror or error}") from error
