"""The graph as LangGraph Studio opens it (`langgraph.json`): default parts, a run folder of its own under runs/."""

import tempfile
import time
from pathlib import Path

from agent.config import LoopConfig
from agent.graph import Loop, build_graph
from agent.ports import Ports
from agent.run import open_parts
from agent.run_folder import RunFolder, provenance
from agent.trajectory import Journal


def make_graph() -> Loop:
    """A loop without checkpointer, for Studio brings its own; start it with {"prompt": "…"}."""
    config = LoopConfig()
    parts = open_parts(config)
    runs = Path("runs")
    runs.mkdir(exist_ok=True)
    folder = RunFolder(Path(tempfile.mkdtemp(prefix="studio-", dir=runs)))
    folder.create("(from Studio)", config)
    journal = Journal(folder.trajectory_file)
    journal.start({"prompt": "(from Studio)", "config": config.model_dump(mode="json"), "models": {}, **provenance()})
    started = time.monotonic()
    return build_graph(
        Ports(
            prompt="(from Studio)",
            config=config,
            folder=folder,
            journal=journal,
            store=parts.store,
            rewriter=parts.rewriter,
            fallback=parts.fallback,
            renderer=parts.renderer,
            sources=parts.sources,
            negative=None,
            clock=lambda: time.monotonic() - started,
        )
    )
