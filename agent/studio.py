"""The graph as LangGraph Studio opens it (`langgraph.json`): default parts, a run folder of its own under runs/."""

import tempfile
from pathlib import Path

from agent.config import LoopConfig
from agent.graph import Loop, build_graph
from agent.parts import open_parts
from agent.ports import connect_ports
from agent.run_folder import RunFolder

PROMPT = "(from Studio)"


def make_graph() -> Loop:
    """A loop without checkpointer, for Studio brings its own; start it with {"prompt": "…"}."""
    config = LoopConfig()
    runs = Path("runs")
    runs.mkdir(exist_ok=True)
    folder = RunFolder(Path(tempfile.mkdtemp(prefix="studio-", dir=runs)))
    folder.create(PROMPT, config)
    return build_graph(connect_ports(open_parts(config), PROMPT, folder))
