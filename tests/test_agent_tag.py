"""`retake graph tag`: what a model is believed, what the rules do instead, what is asked, and what is written."""

import json
import subprocess
import sys
import tracemalloc
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import typer
from hypothesis import given
from hypothesis import strategies as st
from serve import completion, failure, fake_openai
from typer.testing import CliRunner

from agent.errors import ModelError, UsageError
from agent.language_model import Reply
from agent.llm.scripted import ScriptedLanguageModel
from agent.tag import Tagging, tag_command, tag_file
from agent.tag_cache import TagCache
from agent.tag_interview import GIVE_UP_AFTER, Interview
from graph_store.captions import read_captions
from graph_store.cli import app as graph_app
from graph_store.extract import is_tagged
from graph_store.records import TaggedCaption
from graph_store.rules import tag_caption

PARK = "A dog runs in a park."
STREET = "A woman in a red coat walks along a snowy street."
OWN = TaggedCaption("A cat sleeps.", scenes=("in a kitchen",))


@pytest.fixture
def captions(tmp_path: Path) -> Path:
    path = tmp_path / "captions.jsonl"
    rows = [{"caption": PARK}, {"caption": "A cat sleeps.", "scenes": ["in a kitchen"]}, {"caption": STREET}]
    path.write_text("\n".join([*map(json.dumps, rows), "broken [row]"]), encoding="utf-8")
    return path


@pytest.fixture
def cache(tmp_path: Path) -> Iterator[TagCache]:
    with closing(TagCache(tmp_path / "cache" / "tags.sqlite", "m")) as opened:
        yield opened


@pytest.fixture(autouse=True)
def own_tags(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RETAKE_CACHE_DIR", str(tmp_path / "cache"))


def asked_of(messages: Any) -> list[str]:
    """The captions that a request to the model holds."""
    return [row["caption"] for row in json.loads(messages[-1]["content"])["captions"]]


def tags_of(text: str, **other: Any) -> dict[str, Any]:
    """Tags of no rule: the caption itself is the subject."""
    return {"scenes": ["here"], "subjects": [text[:100]], "actions": [], "atmospheres": []} | other


def by_model(text: str) -> TaggedCaption:
    return TaggedCaption(text, ("here",), (text[:100],))


def entries(messages: Any) -> list[dict[str, Any]]:
    return [{"number": number, **tags_of(text)} for number, text in enumerate(asked_of(messages), 1)]


def say(messages: Any, _seed: int | None = None) -> str:
    return json.dumps({"captions": entries(messages)})


def serve_tags(request: dict[str, Any], _server: object) -> Any:
    check = len(request["messages"]) == 1
    return completion("OK" if check else say(request["messages"]))


def calls_of(model: ScriptedLanguageModel) -> list[list[str]]:
    return [asked_of(messages) for messages, _, _ in model.calls]


def write_captions(path: Path, texts: list[str]) -> Path:
    path.write_text("".join(f"{text}\n" for text in texts), encoding="utf-8")
    return path


def tag_texts(texts: list[str], model: ScriptedLanguageModel, cache: TagCache, folder: Path, **more: Any) -> Tagging:
    path = write_captions(folder / "texts.txt", texts)
    return tag_file(path, folder / "tagged.jsonl", Interview(model, cache, **more))


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


# ---------------------------------------------------------------------------------------------------------- the command


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
    with fake_openai(serve_tags) as server:
        printed = run(captions, tmp_path / "tagged.jsonl", *by_llm(server.base_url))
    assert read_captions(tmp_path / "tagged.jsonl").captions == (by_model(PARK), OWN, by_model(STREET))
    assert "2 tagged by the model, 0 by rules, 1 tagged already" in printed
    assert [asked_of(request["messages"]) for request in server.requests[1:]] == [[PARK, STREET]]


def test_the_same_command_again_asks_nothing(captions: Path, tmp_path: Path) -> None:
    with fake_openai(serve_tags) as server:
        run(captions, tmp_path / "tagged.jsonl", *by_llm(server.base_url))
        before = (tmp_path / "tagged.jsonl").read_bytes()
        run(captions, tmp_path / "tagged.jsonl", *by_llm(server.base_url))
    assert (tmp_path / "tagged.jsonl").read_bytes() == before
    assert len(server.requests) == 3  # a check, the captions, a check


def test_captions_that_the_model_failed_on_are_listed_with_line_and_reason(captions: Path, tmp_path: Path) -> None:
    def answer(request: dict[str, Any], _server: object) -> Any:
        down = STREET in request["messages"][-1]["content"]
        return failure(500, "no GPU left") if down else serve_tags(request, _server)

    with fake_openai(answer) as server:
        printed = run(captions, tmp_path / "tagged.jsonl", *by_llm(server.base_url))
    assert read_captions(tmp_path / "tagged.jsonl").captions == (by_model(PARK), OWN, tag_caption(STREET))
    assert "1 tagged by the model, 1 by rules" in printed
    assert "the model failed on 1 captions" in printed
    (listed,) = (tmp_path / "tagged.failed.jsonl").read_text(encoding="utf-8").splitlines()
    failed = json.loads(listed)
    assert (failed["line"], failed["caption"]) == (3, STREET)
    assert "no GPU left" in failed["reason"]
    assert f"line 3: {failed['reason']}" in printed


def test_the_list_of_failures_goes_when_the_model_has_made_up_for_them(captions: Path, tmp_path: Path) -> None:
    out = tmp_path / "tagged.jsonl"
    with fake_openai(completion("OK"), completion("Sure! Here you go.")) as server:
        printed = run(captions, out, *by_llm(server.base_url))
    assert "0 tagged by the model, 2 by rules" in printed
    assert (tmp_path / "tagged.failed.jsonl").exists()
    with fake_openai(serve_tags) as server:
        run(captions, out, *by_llm(server.base_url))
    assert read_captions(out).captions == (by_model(PARK), OWN, by_model(STREET))
    assert not (tmp_path / "tagged.failed.jsonl").exists()


def test_ten_failures_are_shown_and_all_are_listed(tmp_path: Path) -> None:
    path = write_captions(tmp_path / "captions.txt", [f"caption {number}" for number in range(13)])
    with fake_openai(completion("OK"), completion("Sure!")) as server:
        printed = run(path, tmp_path / "tagged.jsonl", *by_llm(server.base_url))
    assert printed.count("the reply is not JSON") == 10
    assert "and 3 more" in printed
    assert len((tmp_path / "tagged.failed.jsonl").read_text(encoding="utf-8").splitlines()) == 13


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
        ("tagged.jsonl", by_llm("no url"), "expected that of a server"),
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


def test_the_list_of_failures_never_replaces_the_captions(tmp_path: Path) -> None:
    path = tmp_path / "tagged.failed.jsonl"
    path.write_text(json.dumps({"caption": PARK}), encoding="utf-8")
    with pytest.raises(UsageError, match="choose another --out"):
        run(path, tmp_path / "tagged.jsonl")
    assert path.exists()


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


@given(st.lists(st.text(), max_size=5))
def test_whatever_can_be_read_reads_back_the_same(tmp_path_factory: pytest.TempPathFactory, lines: list[str]) -> None:
    folder = tmp_path_factory.mktemp("any")
    rows = [json.dumps({"caption": line}) for line in [PARK, *lines]]
    (folder / "captions.jsonl").write_text("\n".join(rows), encoding="utf-8")
    run(folder / "captions.jsonl", folder / "tagged.jsonl")
    read = read_captions(folder / "captions.jsonl").captions
    assert read_captions(folder / "tagged.jsonl").captions == tuple(tag_caption(caption.text) for caption in read)


# -------------------------------------------------------------------------------------------------------- the interview


@pytest.mark.parametrize(("batch_size", "concurrency"), [(1, 1), (1, 8), (4, 3), (64, 2)])
def test_many_captions_a_call_and_many_calls_at_a_time_keep_the_order(
    tmp_path: Path, cache: TagCache, batch_size: int, concurrency: int
) -> None:
    texts = [f"caption {number}" for number in range(30)]
    model = ScriptedLanguageModel(say)
    tagging = tag_texts(texts, model, cache, tmp_path, batch_size=batch_size, concurrency=concurrency)
    assert read_captions(tmp_path / "tagged.jsonl").captions == tuple(map(by_model, texts))
    assert (tagging.by_model, tagging.by_rules, tagging.failures) == (30, 0, [])
    assert tagging.calls == len(model.calls) == -(-30 // batch_size)


def test_a_caption_that_stands_there_twice_is_asked_about_once(tmp_path: Path, cache: TagCache) -> None:
    model = ScriptedLanguageModel(say)
    tag_texts([PARK, STREET, PARK, PARK], model, cache, tmp_path, batch_size=2, concurrency=4)
    assert calls_of(model) == [[PARK, STREET]]
    assert read_captions(tmp_path / "tagged.jsonl").captions == tuple(map(by_model, [PARK, STREET, PARK, PARK]))


def test_of_a_file_that_has_grown_only_what_is_new_is_asked_about(tmp_path: Path, cache: TagCache) -> None:
    tag_texts([PARK], ScriptedLanguageModel(say), cache, tmp_path)
    model = ScriptedLanguageModel(say)
    tagging = tag_texts([STREET, PARK], model, cache, tmp_path)
    assert calls_of(model) == [[STREET]]
    assert tagging.by_model == 2


def test_another_model_is_asked_anew(tmp_path: Path, cache: TagCache) -> None:
    tag_texts([PARK], ScriptedLanguageModel(say), cache, tmp_path)
    with closing(TagCache(tmp_path / "cache" / "tags.sqlite", "another")) as other:
        assert other.find(PARK) is None
    assert cache.find(PARK) == by_model(PARK)


def test_long_captions_share_no_call(tmp_path: Path, cache: TagCache) -> None:
    texts = ["a " * 1500 + str(number) for number in range(3)]
    model = ScriptedLanguageModel(say)
    tag_texts(texts, model, cache, tmp_path)
    assert [len(asked) for asked in calls_of(model)] == [1, 1, 1]


def test_an_entry_of_no_use_costs_only_its_own_caption_which_is_asked_about_once_more(
    tmp_path: Path, cache: TagCache
) -> None:
    texts = ["missing", "malformed", "doubled", "switched", "fine"]

    def answer(messages: Any, _seed: int | None) -> str:
        found = entries(messages)
        if len(found) > 1:
            found = [found[1] | {"actions": None}, found[2], found[2], found[3] | {"subjects": ["yes"]}, found[4]]
            found[3]["scenes"] = []
        return json.dumps({"captions": found})

    model = ScriptedLanguageModel(answer)
    tagging = tag_texts(texts, model, cache, tmp_path)
    assert calls_of(model) == [texts, ["missing"], ["malformed"], ["doubled"], ["switched"]]
    assert tagging.by_model == 5


def test_a_caption_that_fails_alone_too_is_left_to_the_rules(tmp_path: Path, cache: TagCache) -> None:
    def answer(messages: Any, _seed: int | None) -> str:
        return json.dumps({"captions": [entry for entry in entries(messages) if entry["subjects"] != [PARK]]})

    tagging = tag_texts([STREET, PARK, PARK], ScriptedLanguageModel(answer), cache, tmp_path)
    assert [(failed.line, failed.caption, failed.reason) for failed in tagging.failures] == [
        (2, PARK, "the reply has no entry for it"),
        (3, PARK, "the reply has no entry for it"),
    ]
    assert tagging.calls == 2
    assert read_captions(tmp_path / "tagged.jsonl").captions == (by_model(STREET), *[tag_caption(PARK)] * 2)


def test_a_model_that_is_down_for_a_while_leaves_its_captions_to_the_rules(tmp_path: Path, cache: TagCache) -> None:
    tagging = tag_texts([PARK, STREET], ScriptedLanguageModel([ModelError("down")] * 3), cache, tmp_path)
    assert read_captions(tmp_path / "tagged.jsonl").captions == (tag_caption(PARK), tag_caption(STREET))
    assert [failed.reason for failed in tagging.failures] == ["down", "down"]


@pytest.mark.parametrize("concurrency", [1, 4])
def test_a_model_that_stays_down_ends_it_and_the_next_run_goes_on(
    tmp_path: Path, cache: TagCache, concurrency: int
) -> None:
    texts = [f"caption {number}" for number in range(300)]

    def answer(messages: Any, _seed: int | None) -> str:
        if min(int(text.split()[1]) for text in asked_of(messages)) >= 80:
            raise ModelError("down")
        return say(messages)

    model = ScriptedLanguageModel(answer)
    with pytest.raises(UsageError, match="calls to the model in a row brought no tags; the last: down"):
        tag_texts(texts, model, cache, tmp_path, concurrency=concurrency)
    assert len(model.calls) <= 10 + 2 * GIVE_UP_AFTER
    assert not (tmp_path / "tagged.jsonl").exists()
    again = ScriptedLanguageModel(say)
    tag_texts(texts, again, cache, tmp_path)
    assert sorted(text for asked in calls_of(again) for text in asked) == sorted(texts[80:])


def test_a_killed_run_asks_about_nothing_twice(tmp_path: Path, cache: TagCache) -> None:
    texts = [f"caption {number}" for number in range(40)]
    path = write_captions(tmp_path / "texts.txt", texts)
    out = tmp_path / "tagged.jsonl"

    def answer(request: dict[str, Any], server: Any) -> Any:
        if len(server.requests) > 4:
            child.kill()
            server.released.wait(30)
        return serve_tags(request, server)

    with fake_openai(answer) as server:
        command = [sys.executable, "-c", "import retake; retake.main()", "graph", "tag", str(path), "--out", str(out)]
        command += by_llm(server.base_url)
        child = subprocess.Popen(command, cwd=Path(__file__).parents[1], stderr=subprocess.DEVNULL)
        child.wait(60)
    assert {file.name for file in tmp_path.iterdir()} == {"cache", "texts.txt"}
    assert [cache.find(text) is not None for text in texts] == [True] * 24 + [False] * 16
    model = ScriptedLanguageModel(say)
    tag_file(path, out, Interview(model, cache))
    assert calls_of(model) == [texts[24:32], texts[32:]]
    assert read_captions(out).captions == tuple(map(by_model, texts))


def test_an_interrupted_run_keeps_what_is_said_in_the_meantime(tmp_path: Path, cache: TagCache) -> None:
    texts = [f"caption {number}" for number in range(40)]
    path = write_captions(tmp_path / "texts.txt", texts)

    def interrupt(what: str, _done: int, _of: int) -> None:
        if what == "asking":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        tag_file(path, tmp_path / "tagged.jsonl", Interview(ScriptedLanguageModel(say), cache), interrupt)
    assert cache.find(texts[0]) == by_model(texts[0])
    assert not (tmp_path / "tagged.jsonl").exists()


def test_a_reply_that_was_cut_off_is_a_reason(tmp_path: Path, cache: TagCache) -> None:
    def answer(messages: Any, _seed: int | None) -> Any:
        return Reply(text=say(messages), finish_reason="length")

    tagging = tag_texts([PARK], ScriptedLanguageModel(answer), cache, tmp_path)
    assert [failed.reason for failed in tagging.failures] == ["the reply was cut off at its longest"]


def test_progress_counts_every_caption_once(tmp_path: Path, cache: TagCache) -> None:
    path = write_captions(tmp_path / "texts.txt", [f"caption {number % 20}" for number in range(33)])
    seen = {"asking": 0, "writing": 0}

    def show(what: str, done: int, of: int) -> None:
        seen[what] += done
        assert of == 33

    tag_file(path, tmp_path / "tagged.jsonl", Interview(ScriptedLanguageModel(say), cache), show)
    assert seen == {"asking": 33, "writing": 33}


# ------------------------------------------------------------------------------------------------------------ the cache


@pytest.mark.parametrize("damage", [b"not a database " * 99, b"SQLite format 3\0" + b"\0" * 400])
def test_a_damaged_cache_is_one_sentence(tmp_path: Path, damage: bytes) -> None:
    file = tmp_path / "tags.sqlite"
    file.write_bytes(damage)
    with pytest.raises(UsageError, match="remove the file if it is damaged"):
        TagCache(file, "m")


def test_a_cache_that_cannot_be_made_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(UsageError, match="RETAKE_CACHE_DIR"):
        TagCache(tmp_path / "file" / "tags.sqlite", "m")


def test_two_runs_may_keep_at_once(tmp_path: Path, cache: TagCache) -> None:
    with closing(TagCache(tmp_path / "cache" / "tags.sqlite", "m")) as other:
        other.keep([by_model(PARK)])
        cache.keep([by_model(STREET)])
        assert other.find(STREET) == by_model(STREET)
        assert cache.find(PARK) == by_model(PARK)


def test_ten_times_the_captions_take_no_more_memory(tmp_path: Path) -> None:
    def peak(number: int) -> int:
        path = write_captions(tmp_path / f"{number}.txt", [f"A dog runs in park {text}." for text in range(number)])
        tracemalloc.start()
        tag_file(path, tmp_path / "tagged.jsonl")
        highest = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return highest

    peak(10)
    assert peak(3000) < peak(300) + 200_000
    assert is_tagged(read_captions(tmp_path / "tagged.jsonl").captions[-1])
