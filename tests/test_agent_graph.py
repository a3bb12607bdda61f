"""The loop as a LangGraph: its shape, how small its state stays, and how Studio opens it."""

import importlib.util
import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from fakes import fast_config
from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.sqlite import SqliteSaver

from agent.config import LoopConfig
from agent.graph import Loop, build_graph, recursion_limit
from agent.parts import open_parts
from agent.ports import connect_ports
from agent.records import Result
from agent.rewriter import Draft, RewriteTask
from agent.run import begin_run
from agent.run_folder import RunFolder
from agent.state import History

ROOT = Path(__file__).parents[1]
LOOSE = "a crimson ball drifting rightwards"
NODES = {
    "retrieve", "compose", "screen", "review", "render", "assess", "decide", "refine", "render_full",
    "promote", "render_unseen", "verify", "finish",
}  # fmt: skip
THREAD: RunnableConfig = {"configurable": {"thread_id": "run"}}


class Restless:
    """A rewriter that always has something new, and never anything better."""

    name = "restless"
    looks = ("dusk", "fog", "rain", "snow", "wind", "sun", "moonlight", "mist", "haze", "smoke", "dust", "frost", "dew")

    def rewrite(self, task: RewriteTask) -> list[Draft]:
        return [Draft(f"A crimson ball drifting rightwards in the {self.looks[task.iteration]}.")]


@contextmanager
def opened(config: LoopConfig, folder: Path) -> Iterator[Loop]:
    """The graph over the checkpoints in a run folder."""
    with closing(sqlite3.connect(folder / "checkpoints.sqlite", check_same_thread=False)) as database:
        ports = connect_ports(open_parts(config), LOOSE, RunFolder(folder))
        yield build_graph(lambda _: ports, SqliteSaver(database))


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("graph")
    begin_run(LOOSE, fast_config(), folder, "run").execute()
    return folder / "run"


@pytest.fixture(scope="module")
def state(finished: Path) -> dict[str, Any]:
    """What the last checkpoint of a finished run holds."""
    with opened(fast_config(), finished) as graph:
        found = graph.get_state(THREAD)
        assert found.next == ()
        return dict(found.values)


def test_nodes_and_edges_are_those_of_the_design(finished: Path) -> None:
    with opened(fast_config(), finished) as graph:
        drawn = graph.get_graph()
    assert set(drawn.nodes) == NODES | {"__start__", "__end__"}
    edges = {(edge.source, edge.target, edge.conditional) for edge in drawn.edges}
    assert edges == {
        ("__start__", "retrieve", False),
        ("retrieve", "compose", False),
        ("compose", "screen", False),
        ("screen", "review", False),
        ("review", "render", True),
        ("review", "decide", True),
        ("render", "assess", False),
        ("assess", "render", True),
        ("assess", "decide", True),
        ("decide", "refine", True),
        ("decide", "render_full", True),
        ("decide", "render_unseen", True),
        ("decide", "finish", True),
        ("refine", "screen", False),
        ("render_full", "promote", False),
        ("promote", "render_unseen", True),
        ("promote", "finish", True),
        ("render_unseen", "verify", False),
        ("verify", "finish", False),
        ("finish", "__end__", False),
    }


def test_the_state_is_plain_json_and_small(state: dict[str, Any]) -> None:
    written = json.dumps(state, allow_nan=False)
    assert json.loads(written) == state
    assert len(written) < 200_000
    assert Result.model_validate(state["result"]).best.id != "0"


def test_the_state_holds_paths_relative_to_the_folder(state: dict[str, Any], finished: Path) -> None:
    paths = [render["path"] for render in state["renders"]]
    assert paths
    assert all((finished / path).is_file() and not Path(path).is_absolute() for path in paths)
    assert str(finished) not in json.dumps(state)


def test_all_checkpoints_of_a_run_take_less_than_a_megabyte(finished: Path) -> None:
    assert sum(path.stat().st_size for path in finished.glob("checkpoints.sqlite*")) < 1_000_000


def test_a_checkpoint_is_read_back_as_the_records_it_was_made_of(state: dict[str, Any]) -> None:
    history = History(state)  # type: ignore[arg-type]
    assert {row.render for row in history.assessed} == {render.id for render in history.renders}
    assert history.decisions[-1].stop is not None


@pytest.mark.parametrize("verify_seeds", [0, 1])
def test_the_stop_rules_end_a_run_before_the_step_limit_does(verify_seeds: int, tmp_path: Path) -> None:
    config = fast_config(
        stop__max_iterations=12,
        stop__patience=100,
        stop__score_threshold=1.0,
        render__seeds=1,
        verify__seeds=verify_seeds,
        rewrite__candidates=1,
        retrieve__graph="none",
    )
    parts = replace(open_parts(config), rewriter=Restless())
    result = begin_run(LOOSE, config, tmp_path, "run").execute(parts)
    assert (result.stop_reason, result.iterations) == ("max_iterations", 12)
    with opened(config, tmp_path / "run") as graph:
        steps = [(found.metadata or {}).get("step", 0) for found in graph.get_state_history(THREAD)]
    assert max(steps) < recursion_limit(config.stop)


def test_studio_opens_the_graph_named_in_langgraph_json(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    settings = json.loads((ROOT / "langgraph.json").read_text(encoding="utf-8"))
    file, _, function = settings["graphs"]["retake"].partition(":")
    spec = importlib.util.spec_from_file_location("opened_by_studio", ROOT / file)
    assert spec is not None
    assert spec.loader is not None
    studio = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(studio)
    monkeypatch.setattr(studio, "LoopConfig", lambda: fast_config(stop__max_iterations=0))
    graph = getattr(studio, function)()
    assert set(graph.get_graph().nodes) >= NODES
    result = Result.model_validate(graph.invoke({"prompt": LOOSE})["result"])
    assert result.prompt == LOOSE
    (run_folder,) = (tmp_path / "runs").iterdir()
    assert (run_folder / "result.json").is_file()
