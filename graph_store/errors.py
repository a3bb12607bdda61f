"""What can go wrong with what a person handed to graph_store."""


class GraphStoreError(Exception):
    """A caption file, graph folder or embedder that can't be used: one sentence, what was found and what to do."""
