"""The graph as LangGraph Studio opens it (`langgraph.json`): default parts, run folders under runs/."""

from functools import cache
from pathlib import Path

from agent.config import LoopConfig
from agent.graph import Loop, build_graph
from agent.parts import open_parts
from agent.ports import Ports, connect_ports
from agent.run import begin_run


def make_graph() -> Loop:
    """A loop without checkpointer, for Studio brings its own; start it with {"prompt": "…"}.

    A prompt's run folder is that of `retake run` with the default settings.
    """
    open_default_parts = cache(lambda: open_parts(LoopConfig()))

    @cache
    def ports_for(prompt: str) -> Ports:
        run = begin_run(prompt, LoopConfig(), Path("runs"))
        run.folder.create(run.prompt, run.config, run.typed)
        return connect_ports(open_default_parts(), run.prompt, run.folder)

    return build_graph(ports_for)
