"""The relation graph of a run: named in the config, or the one that fits the renderer's captions."""

from pathlib import Path

from agent.config import RetrieveConfig
from agent.errors import UsageError
from agent.renderers.painter_grammar import painter_captions
from graph_store.captions import read_captions
from graph_store.embedders import open_embedder
from graph_store.errors import GraphStoreError
from graph_store.relation_graph import RelationGraph
from graph_store.starter import cached_graph, open_starter
from graph_store.store import ModifierStore

POCKET_CAPTIONS = Path(__file__).parent / "renderers" / "pocket_model" / "captions.jsonl"
"""Of those that the pocket model was trained on, with their tags."""


def open_store(settings: RetrieveConfig, captions: str) -> ModifierStore | None:
    """The store, None when retrieval is off. `captions` is the renderer's own word for what its captions are like."""
    if settings.graph == "none":
        return None
    try:
        embedder = open_embedder(settings.embedder)
        if settings.graph == "auto" and captions == "painter":
            return cached_graph("painter", list(painter_captions()), embedder)
        if settings.graph == "auto" and captions == "pocket":
            return cached_graph("pocket", read_captions(POCKET_CAPTIONS).captions, embedder)
        if settings.graph in ("auto", "starter"):
            return open_starter(embedder)
        return RelationGraph.open(Path(settings.graph), embedder)
    except GraphStoreError as problem:
        raise UsageError(str(problem)) from problem
