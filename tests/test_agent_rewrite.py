"""`retake rewrite`: texts without a video, screened as in the loop; one prompt, a file of them, and as a function."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from serve import FakeOpenAI, completion, failure, fake_openai
from tiny_rewriters import LEARNED, save_tiny_adapter, train_tiny_rewriter

import retake as front_door
from agent.config_file import make_config
from agent.errors import UsageError
from agent.rewrite_file import RewrittenRow, rewrite_file
from agent.rewrite_prompts import open_rewrite_parts, rewrite

PROMPT, CAPTION = next(iter(LEARNED.items()))
RULES = ["--rewriter=rules", "--renderer=painter", "--embedder=hashing"]


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "none")


class Done(NamedTuple):
    """How a command ended."""

    returncode: int
    stdout: str
    stderr: str


Command = Callable[..., Done]


@pytest.fixture
def retake(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Command:
    """The command in this process."""

    def run(*arguments: str) -> Done:
        capsys.readouterr()
        monkeypatch.setattr("sys.argv", ["retake", *arguments])
        with pytest.raises(SystemExit) as end:
            front_door.main()
        return Done(int(end.value.code or 0), *capsys.readouterr())

    return run


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    base = train_tiny_rewriter(tmp_path_factory.mktemp("rewriter") / "model")
    return save_tiny_adapter(base, base.parent / "adapter")


@pytest.fixture
def server() -> Iterator[FakeOpenAI]:
    """Says "A text for …" and the prompt's last word."""

    def answer(request: dict, _: FakeOpenAI):
        return completion(f"A red ball rolls, and {request['messages'][-1]['content'].split()[-1]} it is.")

    with fake_openai(answer) as running:
        yield running


def config_for(server: FakeOpenAI, **settings):
    return make_config({"rewrite": {"rewriter": server.base_url, "model": "m", "candidates": 1} | settings})


def test_a_distilled_rewriters_answer_is_the_only_line_on_stdout(folder: Path, retake: Command) -> None:
    done = retake("rewrite", PROMPT, "--rewriter", str(folder), "--max-tokens=64")
    assert (done.returncode, done.stdout) == (0, f"{CAPTION}\n"), done.stderr


def test_what_the_screen_drops_is_told_and_without_a_text_the_prompt_is_printed_with_exit_3(
    folder: Path, retake: Command
) -> None:
    done = retake("rewrite", "a green cat sleeps on a sofa -ar 16:9", "--rewriter", str(folder), "--max-tokens=64")
    assert done.returncode == 3
    assert done.stdout == "a green cat sleeps on a sofa\n"
    assert "left as typed: intent: misses" in done.stderr
    assert "left to your generator: -ar 16:9" in done.stderr


def test_a_text_that_is_dropped_is_written_again_and_both_are_paid_for() -> None:
    asked_whether_it_is_there, flawed = completion("OK"), completion("A dog rolls.")
    with fake_openai(asked_whether_it_is_there, flawed, completion("A red ball rolls on.")) as server:
        rewritten = open_rewrite_parts(config_for(server)).rewrite("a red ball rolls")
    assert (rewritten.text, [one.text for one in rewritten.dropped]) == ("A red ball rolls on.", ["A dog rolls."])
    assert rewritten.llm_calls == 2
    with fake_openai(flawed) as server:
        rewritten = open_rewrite_parts(config_for(server), tries=3).rewrite("a red ball rolls")
        assert (rewritten.text, rewritten.llm_calls, len(rewritten.dropped)) == ("a red ball rolls", 3, 1)


def test_rules_write_several_different_texts(tmp_path: Path, retake: Command) -> None:
    done = retake("rewrite", PROMPT, "--n=3", *RULES)
    texts = done.stdout.splitlines()
    assert done.returncode == 0, done.stderr
    assert len(set(texts)) == 3
    assert texts[0] == CAPTION


def test_json_tells_texts_costs_and_flags(server: FakeOpenAI, retake: Command) -> None:
    where = ["--rewriter", server.base_url, "--rewriter-model=m", "--json"]
    done = retake("rewrite", "a red ball rolls -neg blur", *where, "--negative-prompt=text")
    told = json.loads(done.stdout)
    assert told["texts"] == [told["text"]] == ["A red ball rolls, and rolls it is."]
    assert told["negative"] == "text, blur"
    assert (told["llm_calls"], told["tokens_in"]) == (1, 11)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ([], "say what to rewrite"),
        (["a cat", "--out=x.jsonl"], "say what to rewrite"),
        (["--prompts=x.txt"], "say what to rewrite"),
        (["a cat", "--rewriter=nowhere/at-all"], "holds no rewriter.json"),
        ([" ", "--rewriter=rules"], "the prompt is empty"),
    ],
)
def test_slips_are_one_line_with_exit_2(arguments: list[str], told: str, retake: Command) -> None:
    done = retake("rewrite", *arguments)
    assert done.returncode == 2
    assert told in done.stderr
    assert not done.stdout


def test_the_screen_holds_a_text_to_the_prompt_the_negative_prompt_and_the_renderers_limit(server: FakeOpenAI) -> None:
    parts = open_rewrite_parts(config_for(server))
    assert parts.renderer is None
    assert parts.rewrite("a red ball rolls").dropped == []
    (dropped,) = parts.rewrite("two blue cats sing on a red roof -neg ball").dropped
    assert dropped.why.startswith(("accurate", "intent"))
    settings = {"rewrite": {"rewriter": server.base_url, "model": "m"}, "render": {"renderer": "painter"}}
    limited = open_rewrite_parts(make_config(settings))
    assert limited.renderer
    assert limited.record["renderer"] == "retake/painter"


def test_a_refused_prompt_is_a_slip_and_a_softened_one_is_noted(server: FakeOpenAI) -> None:
    parts = open_rewrite_parts(config_for(server))
    with pytest.raises(UsageError):
        parts.rewrite("x" * 20_000)
    assert any("softened" in note for note in parts.rewrite("a man is stabbed to death with blood everywhere").notes)


def test_the_function_keeps_its_rewriter_for_the_next_call(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []
    real = open_rewrite_parts
    monkeypatch.setattr(
        "agent.rewrite_prompts.open_rewrite_parts", lambda config, tries: opened.append("") or real(config)
    )
    config = make_config({"rewrite": {"max_tokens": 64}})
    texts = [rewrite(prompt, str(folder), config=config).text for prompt in LEARNED]
    assert texts == list(LEARNED.values())
    assert len(opened) == 1
    assert front_door.rewrite is rewrite


def rows_in(out: Path) -> list[RewrittenRow]:
    return [RewrittenRow.model_validate_json(line) for line in out.read_text(encoding="utf-8").splitlines()]


def test_a_file_goes_on_where_it_was_broken_off_and_repeats_no_call(server: FakeOpenAI, tmp_path: Path) -> None:
    parts, out = open_rewrite_parts(config_for(server)), tmp_path / "new" / "out.jsonl"
    prompts = [f"a red ball rolls, {word}" for word in ("one", "two", "three")]
    asked = len(server.requests)

    def interrupt(row: RewrittenRow) -> None:
        if row.prompt == prompts[1]:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        rewrite_file(prompts, parts, out, interrupt)
    with out.open("a", encoding="utf-8") as file:
        file.write('{"prompt": "a red ball ro')
    seen: list[str] = []
    rows = rewrite_file(prompts, parts, out, lambda row: seen.append(row.prompt))
    assert seen == [row.prompt for row in rows] == prompts
    assert len(server.requests) - asked == 3
    assert rows_in(out) == rows


def test_a_prompt_that_fails_is_a_row_with_its_error_and_is_tried_again(tmp_path: Path) -> None:
    out, prompts = tmp_path / "out.jsonl", ["a red ball rolls", "x" * 20_000]
    good = completion("A red ball rolls.")
    with fake_openai(good, failure(400, "context length exceeded"), good) as server:
        parts = open_rewrite_parts(config_for(server))
        first = rewrite_file(prompts, parts, out, lambda _: None)
        second = rewrite_file(prompts, parts, out, lambda _: None)
    assert "context" in str(first[0].error)
    assert "characters" in str(first[1].error)
    assert (second[0].error, second[0].texts) == (None, ["A red ball rolls."])
    assert [row.prompt for row in rows_in(out)] == prompts


def test_rewrites_by_others_and_other_files_are_left_alone(server: FakeOpenAI, tmp_path: Path) -> None:
    out, prompts = tmp_path / "out.jsonl", ["a red ball rolls"]
    rewrite_file(prompts, open_rewrite_parts(config_for(server)), out, lambda _: None)
    before = out.read_bytes()
    more = open_rewrite_parts(config_for(server, candidates=3))
    with pytest.raises(UsageError, match=r"by others: candidates \(1 there, 3 now\)"):
        rewrite_file(prompts, more, out, lambda _: None)
    assert out.read_bytes() == before
    out.write_text("my notes\n", encoding="utf-8")
    with pytest.raises(UsageError, match="holds no rewrites"):
        rewrite_file(prompts, more, out, lambda _: None)
    assert out.read_text(encoding="utf-8") == "my notes\n"


def test_the_command_writes_a_file_and_exits_3_when_a_prompt_was_left_as_typed(
    server: FakeOpenAI, tmp_path: Path, retake: Command
) -> None:
    prompts, out = tmp_path / "prompts.txt", tmp_path / "out.jsonl"
    prompts.write_text("a red ball rolls\nseven purple elephants dance under a bridge\n", encoding="utf-8")
    where = ["--prompts", str(prompts), "--out", str(out), "--rewriter", server.base_url, "--rewriter-model=m"]
    done = retake("rewrite", *where)
    assert done.returncode == 3
    assert "1 of 2 prompts rewritten, 1 left as typed, 0 failed" in done.stderr
    rows = rows_in(out)
    assert [bool(row.texts) for row in rows] == [True, False]
    assert rows[1].text == "seven purple elephants dance under a bridge"
