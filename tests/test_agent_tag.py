"""`retake graph tag`: what a model is believed, what the rules do instead, and what is written."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import typer
from hypothesis import given
from hypothesis import strategies as st
from serve import completion, failure, fake_openai
from typer.testing import CliRunner

from agent.errors import ModelError, UsageError
from agent.llm.scripted import ScriptedLanguageModel
from agent.tag import tag_captions, tag_command
from graph_store.captions import read_captions
from graph_store.cli import app as graph_app
from graph_store.records import TaggedCaption
from graph_store.rules import tag_caption

PARK = "A dog runs in a park."
STREET = "A woman in a red coat walks along a snowy street."
OWN = TaggedCaption("A cat sleeps.", scenes=("in a kitchen",))
TAGS = {"scenes": ["in the park"], "subjects": ["a dog"], "actions": ["running"], "atmospheres": []}
BY_MODEL = TaggedCaption(PARK, ("in the park",), ("a dog",), ("running",))


@pytest.fixture
def captions(tmp_path: Path) -> Path:
    path = tmp_path / "captions.jsonl"
    rows = [{"caption": PARK}, {"caption": "A cat sleeps.", "scenes": ["in a kitchen"]}, {"caption": STREET}]
    path.write_text("\n".join([*map(json.dumps, rows), "broken [row]"]), encoding="utf-8")
    return path


def run(captions: Path, out: Path, *arguments: str) -> str:
    """What the command prints. What it raises is raised."""
    app = typer.Typer()
    app.command()(tag_command)
    done = CliRunner().invoke(app, [str(captions), "--out", str(out), *arguments])
    if done.exception:
        raise done.exception
    return done.stdout


def by_llm(base_url: str, *more: str) -> list[str]:
    return ["--llm-base-url", base_url, "--llm-model", "m", "--concurrency", "1", *more]


def test_without_a_model_the_rules_tag_and_given_tags_stay(captions: Path, tmp_path: Path) -> None:
    out = tmp_path / "new" / "tagged.jsonl"
    printed = run(captions, out)
    assert read_captions(out).captions == (tag_caption(PARK), OWN, tag_caption(STREET))
    assert "3 captions: 0 tagged by the model, 2 by rules, 1 tagged already; 1 rows rejected" in printed
    assert "line 4: not JSON" in printed
    assert "broken [row]" in printed
    assert [path.name for path in out.parent.iterdir()] == ["tagged.jsonl"]


def test_a_graph_can_be_built_of_what_was_written(captions: Path, tmp_path: Path) -> None:
    run(captions, tmp_path / "tagged.jsonl")
    command = ["build", str(tmp_path / "tagged.jsonl"), "--out", str(tmp_path / "graph"), "--embedder", "hashing"]
    done = CliRunner().invoke(graph_app, command)
    assert done.exit_code == 0
    assert "3 captions read, 3 kept" in done.stdout


def test_a_model_that_replies_json_is_believed(captions: Path, tmp_path: Path) -> None:
    with fake_openai(completion(json.dumps(TAGS))) as server:
        printed = run(captions, tmp_path / "tagged.jsonl", *by_llm(server.base_url))
    assert read_captions(tmp_path / "tagged.jsonl").captions[:2] == (BY_MODEL, OWN)
    assert "2 tagged by the model, 0 by rules, 1 tagged already" in printed
    asked = [request["messages"][-1]["content"] for request in server.requests[1:]]
    assert asked == [PARK, STREET]


def test_garbage_is_replaced_by_the_rules_and_counted(captions: Path, tmp_path: Path) -> None:
    with fake_openai(completion("OK"), completion("Sure! Here you go."), completion('{"scenes": "park"}')) as server:
        printed = run(captions, tmp_path / "tagged.jsonl", *by_llm(server.base_url))
    assert read_captions(tmp_path / "tagged.jsonl").captions == (tag_caption(PARK), OWN, tag_caption(STREET))
    assert "0 tagged by the model, 2 by rules" in printed


def test_a_call_that_fails_is_counted_with_its_reason(captions: Path, tmp_path: Path) -> None:
    def answer(request: dict[str, Any], _server: object) -> Any:
        said = request["messages"][-1]["content"]
        return failure(500, "no GPU left") if said == PARK else completion(json.dumps(TAGS))

    with fake_openai(answer) as server:
        printed = run(captions, tmp_path / "tagged.jsonl", *by_llm(server.base_url))
    assert "1 tagged by the model, 1 by rules" in printed
    assert "1 calls failed, the first:" in printed
    assert "no GPU left" in printed


def test_a_wrong_key_ends_it_and_leaves_nothing_behind(captions: Path, tmp_path: Path) -> None:
    with (
        fake_openai(failure(401, "bad key")) as server,
        pytest.raises(UsageError, match="RETAKE_API_KEY"),
    ):
        run(captions, tmp_path / "new" / "tagged.jsonl", *by_llm(server.base_url))
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize(
    ("out", "arguments", "says"),
    [
        ("tagged.csv", [], "must end in .jsonl"),
        ("captions.jsonl", [], "the caption file itself"),
        ("folder.jsonl", [], "is a folder"),
        ("captions.jsonl/tagged.jsonl", [], "choose another --out"),
        ("tagged.jsonl", ["--llm-model", "m"], "both --llm-base-url and --llm-model"),
        ("tagged.jsonl", ["--llm-base-url", "http://127.0.0.1:9/v1"], "both --llm-base-url and --llm-model"),
        ("tagged.jsonl", by_llm("no url"), "no base URL"),
        ("tagged.jsonl", by_llm("http://127.0.0.1:9/v1"), "127.0.0.1:9"),
    ],
)
def test_a_slip_is_one_sentence_and_writes_nothing(
    captions: Path, tmp_path: Path, out: str, arguments: list[str], says: str
) -> None:
    (tmp_path / "folder.jsonl").mkdir()
    before = captions.read_bytes()
    with pytest.raises(UsageError, match=says):
        run(captions, tmp_path / out, *arguments)
    assert captions.read_bytes() == before
    assert {path.name for path in tmp_path.iterdir()} == {"captions.jsonl", "folder.jsonl"}


def test_the_command_is_part_of_retake_graph() -> None:
    command = [sys.executable, "-c", "import retake; retake.main()", "graph", "tag", "no-such.csv", "--out", "t.jsonl"]
    root = Path(__file__).parents[1]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 2
    assert "no-such.csv" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_file_without_a_usable_caption_is_refused(tmp_path: Path) -> None:
    (tmp_path / "captions.txt").write_text("?!\n...\n", encoding="utf-8")
    with pytest.raises(UsageError, match="no caption that can be used; 2 rows were rejected"):
        run(tmp_path / "captions.txt", tmp_path / "tagged.jsonl")


@pytest.mark.parametrize("concurrency", [1, 8])
def test_many_calls_at_a_time_keep_the_order(concurrency: int) -> None:
    def say(messages: Any, _seed: int | None) -> str:
        return json.dumps(TAGS | {"subjects": [messages[-1]["content"]]})

    wanted = [TaggedCaption(f"caption {number}") for number in range(30)]
    counted: list[int] = []
    tagging = tag_captions(wanted, ScriptedLanguageModel(say), concurrency, lambda: counted.append(1))
    assert [caption.subjects for caption in tagging.captions] == [(caption.text,) for caption in wanted]
    assert (tagging.by_model, tagging.by_rules, len(counted)) == (30, 0, 30)


def test_a_model_that_is_always_down_leaves_all_to_the_rules() -> None:
    tagging = tag_captions([TaggedCaption(PARK)] * 3, ScriptedLanguageModel([ModelError("down")]))
    assert tagging.captions == (tag_caption(PARK),) * 3
    assert len(tagging.failures) == tagging.by_rules == 3


@given(st.lists(st.text(), max_size=5))
def test_whatever_can_be_read_reads_back_the_same(tmp_path_factory: pytest.TempPathFactory, lines: list[str]) -> None:
    folder = tmp_path_factory.mktemp("any")
    rows = [json.dumps({"caption": line}) for line in [PARK, *lines]]
    (folder / "captions.jsonl").write_text("\n".join(rows), encoding="utf-8")
    run(folder / "captions.jsonl", folder / "tagged.jsonl")
    read = read_captions(folder / "captions.jsonl").captions
    assert read_captions(folder / "tagged.jsonl").captions == tag_captions(read).captions
