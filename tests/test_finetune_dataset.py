"""`retake distill pairs`: what it writes, what it says, and that others can read it."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from command import retake
from distill_runs import BESIDE, LOOSE, CarelessRewriter, break_off, make_run
from typer.testing import CliRunner

from agent.errors import UsageError
from agent.rewriter_card import RewriterBrief
from finetune.cli import app
from finetune.data.dataset import make_dataset
from finetune.data.folder import write_dataset
from finetune.data.histogram import draw_histogram
from finetune.data.llama_factory import TAGS
from finetune.data.rows import KtoRow
from finetune.data.rules import Rules
from finetune.errors import DistillError

FILES = [name + end for name in ("sft", "dpo", "kto") for end in ("", "_test")]
COMMON = ["prompt", "item_id", "run_id", "renderer", "kind", "why", "seeds"]
COLUMNS = {
    "sft": {*COMMON, "completion", "score", "verified_gain"},
    "dpo": {*COMMON, "chosen", "rejected", "score_chosen", "score_rejected", "margin"},
    "kto": {*COMMON, "completion", "label", "score", "margin", "verified_gain"},
}
ANSWERS = {"sft": ["completion"], "dpo": ["chosen", "rejected"], "kto": ["completion"]}
PAV = [[f"a {animal} in the snow", f"A grey {animal} walks through deep snow."] for animal in ("cat", "dog", "fox")]


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Run folders: two that were won, a poorer run of the first prompt, one broken off, one damaged."""
    folder = tmp_path_factory.mktemp("runs")
    bare: dict[str, Any] = {"stop__max_iterations": 0}
    won = make_run(LOOSE, folder, "won", **bare)
    make_run(BESIDE, folder, "careless", CarelessRewriter(), retrieve__graph="none", **bare)
    make_run(f"{LOOSE}!", folder, "poorer", verify__seeds=0, render__seeds=1, retrieve__graph="none", **bare)
    break_off(won, folder / "broken off")
    (folder / "[red]damaged").mkdir()
    (folder / "[red]damaged" / "trajectory.jsonl").write_text("nonsense\n", encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file of Prompt-A-Video's."""
    file = tmp_path_factory.mktemp("published") / "os_prompt_pairs.json"
    file.write_text(json.dumps(PAV), encoding="utf-8")
    return file


@pytest.fixture(scope="module")
def written(runs: Path, published: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All of it written."""
    out = tmp_path_factory.mktemp("out") / "pairs"
    write_dataset(make_dataset([runs], [published], None, Rules(test_share=0.4)), out)
    return out


def rows_in(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()] if file.exists() else []


def test_rows_have_trls_columns_and_say_where_they_come_from(written: Path) -> None:
    brief = RewriterBrief.model_validate_json((written / "brief.json").read_text(encoding="utf-8"))
    found = {name: rows_in(written / f"{name}.jsonl") for name in FILES}
    assert found["sft"]
    assert found["sft_test"]
    for name, rows in found.items():
        kind = name.removesuffix("_test")
        for row in rows:
            assert row.keys() == COLUMNS[kind]
            assert row["prompt"] == brief.messages(row["prompt"][1]["content"])
            for column in ANSWERS[kind]:
                ((role, text),) = [(message["role"], message["content"]) for message in row[column]]
                assert role == "assistant"
                assert not text.startswith("{")
            assert row["why"]
    assert {row["kind"] for rows in found.values() for row in rows} == {"render", "screen", "imported"}
    assert {row["label"] for name in ("kto", "kto_test") for row in found[name]} == {True, False}


def test_no_prompt_is_in_both_splits_of_any_file(written: Path) -> None:
    ids = {name: {row["item_id"] for row in rows_in(written / f"{name}.jsonl")} for name in FILES}
    train, test = (set().union(*(ids[name + end] for name in ANSWERS)) for end in ("", "_test"))
    assert train
    assert test
    assert not train & test


def test_the_same_input_gives_the_same_bytes_and_leaves_no_older_rows(
    written: Path, runs: Path, published: Path, tmp_path: Path
) -> None:
    def files() -> dict[Path, bytes]:
        return {file.relative_to(out): file.read_bytes() for file in out.rglob("*") if file.is_file()}

    out = tmp_path / "pairs"
    write_dataset(make_dataset([runs], [published], None, Rules(test_share=0.4)), out)
    assert files() == {name: (written / name).read_bytes() for name in files()}
    write_dataset(make_dataset([runs], [], None, Rules(test_share=0.0)), out)
    assert not list(out.rglob("*_test.jsonl"))
    assert list(json.loads((out / "dataset_info.json").read_text(encoding="utf-8"))) == ["sft", "dpo", "kto"]


def test_the_card_names_every_file_and_the_type_of_every_column(written: Path) -> None:
    text = (written / "README.md").read_text(encoding="utf-8")
    front = yaml.safe_load(text.split("---\n")[1])
    named = {data["path"] for config in front["configs"] for data in config["data_files"]}
    assert named == {file.name for file in written.glob("*.jsonl")}
    types = {"string": str, "float64": float, "bool": bool}
    for info in front["dataset_info"]:
        assert {feature["name"] for feature in info["features"]} == COLUMNS[info["config_name"]]
        for row in rows_in(written / f"{info['config_name']}.jsonl"):
            for feature in info["features"]:
                value = row[feature["name"]]
                if "list" in feature:
                    assert isinstance(value, list)
                elif value is not None:
                    assert isinstance(value, types[feature["dtype"]])


def test_the_card_tells_rules_models_and_what_was_left_out(written: Path) -> None:
    text = (written / "README.md").read_text(encoding="utf-8")
    for said in (
        "| renderer | retake/painter | 2 |",
        "| judge | shapes | 2 |",
        "| rewriter | careless | 1 |",
        "| imported from | os_prompt_pairs.json | 3 rows |",
        "| run: not finished | 1 |",
        "| run: can't be read | 1 |",
        "Not finished: broken off.",
        "- - - - - - - - --margin",
        "- - - - - - - - dominance",
    ):
        assert said in text
    assert text.count("&id") == 0


def test_hugging_face_datasets_loads_the_folder(written: Path, tmp_path: Path) -> None:
    datasets = pytest.importorskip("datasets")
    for name in ("sft", "dpo", "kto"):
        loaded = datasets.load_dataset(str(written), name, cache_dir=str(tmp_path))
        for split, end in (("train", ""), ("test", "_test")):
            rows = rows_in(written / f"{name}{end}.jsonl")
            assert (loaded[split].to_list() if split in loaded else []) == rows


def align(row: dict[str, Any], entry: dict[str, Any]) -> tuple[list[str], list[str], str] | None:
    """(roles of the prompt, texts of the response, system) that LLaMA-Factory makes of a row, None where it skips it.

    The rules of SharegptDatasetConverter in hiyouga/LLaMA-Factory at ff6d4d1, src/llamafactory/data/converter.py:
    a leading system message is taken off; roles must be user and assistant in turns; a ranking row has an odd number of
    messages and one chosen and one rejected dict, any other row an even number, whose last one is the response; with a
    bool under kto_tag an empty response is put behind a wanted and before an unwanted one. What parser.py's
    DatasetAttr.join does not find in "columns" or "tags" is None.
    """
    columns, tags = entry["columns"], entry["tags"]
    role, content = tags["role_tag"], tags["content_tag"]
    messages, system = row[columns["messages"]], ""
    if messages and messages[0][role] == tags["system_tag"]:
        system, messages = messages[0][content], messages[1:]
    turns = (tags["user_tag"], tags["assistant_tag"])
    if any(message[role] != turns[place % 2] for place, message in enumerate(messages)):
        return None
    ranking = entry.get("ranking", False)
    if len(messages) % 2 != (1 if ranking else 0):
        return None
    label = row.get(columns.get("kto_tag"))
    if isinstance(label, bool):
        prompt, last = messages[:-1], messages[-1][content]
        response = [last, ""] if label else ["", last]
    elif ranking and isinstance(row[columns["chosen"]], dict) and isinstance(row[columns["rejected"]], dict):
        prompt, response = messages, [row[columns[side]][content] for side in ("chosen", "rejected")]
    else:
        prompt, response = messages[:-1], [message[content] for message in messages[-1:]]
    return [message[role] for message in prompt], response, system


def test_llama_factory_reads_the_same_rows(written: Path) -> None:
    info = json.loads((written / "dataset_info.json").read_text(encoding="utf-8"))
    assert {f"{name}.jsonl" for name in info} == {file.name for file in written.glob("*.jsonl")}
    for name, entry in info.items():
        assert entry["formatting"] == "sharegpt"
        assert entry["tags"] == TAGS
        ours, theirs = rows_in(written / f"{name}.jsonl"), rows_in(written / entry["file_name"])
        assert ours
        for row, read in zip(ours, [align(row, entry) for row in theirs], strict=True):
            assert read is not None
            prompt, response, system = read
            assert prompt == ["user"]
            assert system == row["prompt"][0]["content"]
            wanted = [row[column][0]["content"] for column in ANSWERS[name.removesuffix("_test")]]
            if "label" in row:
                wanted = [*wanted, ""] if row["label"] else ["", *wanted]
            assert response == wanted


def test_llama_factory_would_skip_or_cut_trls_columns(written: Path) -> None:
    """Why the rows are written twice."""
    (row, *_) = rows_in(written / "sft.jsonl") + rows_in(written / "sft_test.jsonl")
    assert align(row, {"columns": {"messages": "prompt"}, "tags": TAGS}) is None
    (pair, *_) = rows_in(written / "dpo.jsonl") + rows_in(written / "dpo_test.jsonl")
    columns = {"messages": "prompt", "chosen": "chosen", "rejected": "rejected"}
    read = align(pair, {"columns": columns, "tags": TAGS, "ranking": True})
    assert read is not None
    assert read[1] == [pair["prompt"][1]["content"]]


def test_of_one_prompt_the_better_measured_run_is_used(runs: Path) -> None:
    dataset = make_dataset([runs], [], None, Rules())
    assert [harvest.folder.name for harvest in dataset.harvests] == ["careless", "won"]
    assert [(run.folder.name, run.reason) for run in dataset.left_out] == [
        ("[red]damaged", "run: can't be read"),
        ("broken off", "run: not finished"),
        ("poorer", "run: of a prompt that another run measured as often or more"),
    ]


def test_runs_told_different_things_are_refused_and_like_chooses(runs: Path, tmp_path: Path) -> None:
    make_run("a violet orb sinks", tmp_path, "wan", rewrite__caption_style="wan", stop__max_iterations=0)
    with pytest.raises(DistillError, match="style is 'painter' in the first, 'wan' in the second"):
        make_dataset([runs, tmp_path], [], None, Rules())
    dataset = make_dataset([runs, tmp_path], [], runs / "won", Rules())
    assert dataset.brief.style == "painter"
    assert dataset.dropped["run: told other things than --like"] == 1
    assert make_dataset([runs, tmp_path], [], tmp_path / "wan", Rules()).brief.style == "wan"
    with pytest.raises(DistillError, match="none of the finished runs"):
        make_dataset([runs, tmp_path], [], runs / "broken off", Rules())


def test_one_kind_of_label_is_told(runs: Path) -> None:
    dataset = make_dataset([runs / "won"], [], None, Rules())
    labels = {row.label for row in dataset.rows["kto"] if isinstance(row, KtoRow)}
    assert labels == {True}
    assert "all kto rows have the label true: KTO needs both" in dataset.notes
    assert "no sft rows are held out" in dataset.notes


def test_the_command_prints_one_table_and_names_what_it_left_out(runs: Path, tmp_path: Path) -> None:
    out = tmp_path / "[bold]pairs"
    done = retake("distill", "pairs", str(runs), "--out", str(out), COLUMNS="200")
    assert done.returncode == 0, done.stderr
    printed = done.stdout
    assert re.search(r"sft +1 +1", printed)
    assert re.search(r"run: not finished +1", printed)
    assert f"not finished: {runs / 'broken off'}: `retake resume" in printed
    assert f"can't be read: {runs / '[red]damaged'}: {runs / '[red]damaged' / 'trajectory.jsonl'} does not" in printed
    assert f"2 runs used, 3 not; rows and card in {out}" in printed
    assert (out / "README.md").exists()


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["{runs}/broken off"], "none of the 1 runs can be used: run: not finished"),
        (["{runs}/poorer"], "not a single row can be made: winner: nothing beat the prompt as typed"),
        (["{runs}", "--also", "{runs}/won/trajectory.jsonl"], "trajectory.jsonl, entry 1: an object with event"),
        (["{runs}/no such"], "no trajectory.jsonl in or below"),
    ],
)
def test_a_slip_gets_one_line_and_writes_nothing(arguments: list[str], says: str, runs: Path, tmp_path: Path) -> None:
    out = tmp_path / "pairs"
    words = [word.format(runs=runs) for word in arguments]
    done = CliRunner().invoke(app, ["pairs", *words, "--out", str(out), "--min-seeds", "9"])
    assert isinstance(done.exception, DistillError | UsageError), done.output
    assert re.search(says, str(done.exception))
    assert "\n" not in str(done.exception)
    assert not out.exists()


def test_files_of_somebody_else_are_not_overwritten(runs: Path, tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("mine", encoding="utf-8")
    done = retake("distill", "pairs", str(runs), "--out", str(tmp_path))
    assert done.returncode == 2
    assert "holds other files; name a new folder" in done.stderr
    assert (tmp_path / "README.md").read_text(encoding="utf-8") == "mine"


def test_a_histogram_counts_every_value_and_marks_the_threshold() -> None:
    lines = draw_histogram([0.0, 0.049, 0.05, 0.17, -0.01], 0.05, "here")
    counts = [int(line.split()[-1]) for line in lines if "here" not in line]
    assert counts == [1, 2, 1, 0, 1]
    assert lines[2].endswith("here")
    assert draw_histogram([0.1], 0.5, "here")[-1].endswith("here")
    assert draw_histogram([0.1], 0.0, "here")[0].endswith("here")
    assert draw_histogram([], 0.5, "here") == []
