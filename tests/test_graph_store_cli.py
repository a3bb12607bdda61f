import json

import networkx as nx
import pytest
from typer.testing import CliRunner

from graph_store.cli import app
from graph_store.errors import GraphStoreError

ROWS = [
    {"caption": "A dog runs.", "scenes": ["in a park"], "subjects": ["a dog"], "actions": ["running [fast]"]},
    {"caption": "A woman in a red coat walks along a snowy street, soft evening light."},
    {"caption": "Blue."},
]


def read_node_link(file):
    return nx.node_link_graph(json.loads(file.read_text(encoding="utf-8")))


def run(*arguments, code=0):
    result = CliRunner().invoke(app, [str(argument) for argument in arguments], env={"COLUMNS": "200"})
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == code, result.output
    return result.stdout


@pytest.fixture
def built(tmp_path):
    captions = tmp_path / "captions.jsonl"
    captions.write_text("\n".join([*map(json.dumps, ROWS), "broken [row]"]), encoding="utf-8")
    report = run("build", captions, "--out", tmp_path / "graph", "--embedder", "hashing")
    return tmp_path / "graph", report


def test_build_reports_what_became_of_every_row(built):
    _, report = built
    assert "4 captions read, 2 kept, 1 left out without a scene, 1 rows rejected" in report
    assert "line 4: not JSON" in report
    assert "broken [row]" in report
    assert "2 scenes" in report


def test_query_prints_a_table_with_the_phrases_as_they_are(built):
    shown = run("query", built[0], "a dog in a park", "-k", 1)
    assert "running [fast]" in shown
    assert "in a park" in shown


def test_query_as_json_is_the_whole_answer(built):
    answer = json.loads(run("query", built[0], "walking on a street", "-k", 1, "--mode", "knn", "--json"))
    assert answer["prompt"] == "walking on a street"
    assert "along a snowy street" in {modifier["text"] for modifier in answer["modifiers"]}


def test_add_and_info_count_the_whole_graph(built, tmp_path):
    more = tmp_path / "more.txt"
    more.write_text("A cat sleeps in a kitchen.\n", encoding="utf-8")
    assert "1 captions read, 1 kept" in run("add", built[0], more)
    shown = run("info", built[0])
    assert "hashing (512 numbers, float32)" in shown
    assert ["captions", "3"] in [line.split() for line in shown.splitlines()]
    assert ["scenes", "3"] in [line.split() for line in shown.splitlines()]


def test_a_slip_raises_the_packages_own_error(tmp_path):
    with pytest.raises(GraphStoreError, match="there is no graph"):
        run("query", tmp_path, "a dog")
    with pytest.raises(GraphStoreError, match="pooled, reference, knn"):
        run("query", tmp_path, "a dog", "--mode", "best")


def test_a_prompt_without_words_says_so(built):
    assert "the prompt has no words" in run("query", built[0], "?!")


def test_scenes_that_say_nearly_the_same_are_merged_when_asked_for_and_counted(tmp_path):
    captions = tmp_path / "captions.jsonl"
    rows = [{"caption": "x", "scenes": [scene], "actions": ["running"]} for scene in ("in a park", "in the park")]
    captions.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    report = run("build", captions, "--out", tmp_path / "graph", "--embedder", "hashing", "--merge", "0.8")
    assert "1 scenes merged into others" in report
    assert "1 scenes into others, from a cosine of 0.8" in run("info", tmp_path / "graph")


@pytest.mark.parametrize(("name", "read"), [("graph.json", read_node_link), ("graph.graphml", nx.read_graphml)])
def test_an_exported_graph_is_read_by_other_programs(built, tmp_path, name, read):
    run("export", built[0], tmp_path / name)
    graph = read(tmp_path / name)
    assert graph.nodes["action: running [fast]"]["count"] == 1
    assert graph.edges["scene: in a park", "subject: a dog"]["count"] == 1


def test_an_export_of_unknown_kind_or_to_nowhere_is_refused_and_leaves_nothing(built, tmp_path):
    with pytest.raises(GraphStoreError, match=r"exported to \.graphml or \.json"):
        run("export", built[0], tmp_path / "graph.txt")
    with pytest.raises(GraphStoreError, match="can't write"):
        run("export", built[0], tmp_path / "nowhere" / "graph.json")
    assert not (tmp_path / "nowhere").exists()
