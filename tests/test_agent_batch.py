"""Many prompts: read from a file, run one folder each, summed up."""

import csv
from pathlib import Path

import pytest
from command import FAST, retake
from fakes import fast_config

from agent.batch import BatchRow, read_prompts, run_batch, summarize
from agent.config import LoopConfig
from agent.errors import Interrupted, UsageError
from agent.run_folder import RunFolder

PROMPTS = ("a crimson ball drifting rightwards", "x" * 20_000, "a blue square stays still")


def quick(**overrides: object) -> LoopConfig:
    return fast_config(**{"render__seeds": 1, "verify__seeds": 1, "stop__max_iterations": 0} | overrides)


def write(folder: Path, name: str, text: str, encoding: str = "utf-8") -> Path:
    path = folder / name
    path.write_text(text, encoding=encoding)
    return path


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("p.txt", "a red ball\n\n  一只猫 🐈, two tails \n"),
        ("p.prompts", "a red ball\r\n一只猫 🐈, two tails"),
        ("p.jsonl", '{"prompt": "a red ball", "seed": 3}\n\n{"prompt": "一只猫 🐈, two tails"}\n{"prompt": " "}\n'),
        ("p.CSV", 'id,prompt\n1,a red ball\n2,"一只猫 🐈, two tails"\n3,\n'),
        ("p.csv", 'captions,phys_law\na red ball,It falls.\n"一只猫 🐈, two tails",It walks.\n'),
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_prompts_are_read_in_order_without_blank_ones(name: str, text: str, encoding: str, tmp_path: Path) -> None:
    assert read_prompts(write(tmp_path, name, text, encoding)) == ["a red ball", "一只猫 🐈, two tails"]


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("p.txt", " \n\n", "holds no prompts"),
        ("p.csv", "text,id\na red ball,1\n", "every row needs a 'prompt'"),
        ("p.csv", "", "holds no prompts"),
        ("p.jsonl", '{"text": "a red ball"}\n', "every row needs a 'prompt'"),
        ("p.jsonl", "a red ball\n", "every row needs a 'prompt'"),
        ("p.jsonl", '["a red ball"]\n', "every row needs a 'prompt'"),
        ("p.jsonl", '{"prompt": 3}\n', "every row needs a 'prompt'"),
    ],
)
def test_a_file_without_prompts_is_refused(name: str, text: str, says: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=says):
        read_prompts(write(tmp_path, name, text))


def test_a_file_that_is_no_text_or_not_there_is_refused(tmp_path: Path) -> None:
    (tmp_path / "p.txt").write_bytes(b"\xff\xfe\x00\xd8")
    for path in (tmp_path / "p.txt", tmp_path / "none.txt", tmp_path):
        with pytest.raises(UsageError, match="can't read prompts"):
            read_prompts(path)


def test_every_prompt_has_its_folder_and_a_failed_one_is_a_row_with_its_error(tmp_path: Path) -> None:
    told: list[BatchRow] = []
    rows = run_batch(PROMPTS, quick(), tmp_path, told.append)
    assert told == rows
    assert [row.prompt for row in rows] == list(PROMPTS)
    assert ["20,000 characters" in row.error for row in rows] == [False, True, False]
    good = [row for row in rows if not row.error]
    assert {row.run_dir for row in good} == {path.name for path in tmp_path.iterdir() if path.is_dir()}
    for row in good:
        result = RunFolder(tmp_path / row.run_dir).read_result()
        assert result is not None
        assert (row.best_prompt, row.best_score) == (result.best.text, result.best_score)
        assert (row.verified_gain, row.renders) == (result.verified_gain, result.totals.renders)
    with (tmp_path / "summary.csv").open(encoding="utf-8", newline="") as file:
        table = list(csv.DictReader(file))
    assert [row["prompt"] for row in table] == list(PROMPTS)
    assert table[1]["best_score"] == ""
    assert float(table[0]["best_score"]) == rows[0].best_score


def test_what_will_be_missing_of_a_prompt_stands_in_its_row_and_in_the_summary(tmp_path: Path) -> None:
    (row,) = run_batch(["a red circle -motion 2"], quick(), tmp_path, lambda _: None)
    assert any("-motion" in note for note in row.notes)
    with (tmp_path / "summary.csv").open(encoding="utf-8", newline="") as file:
        (line,) = csv.DictReader(file)
    assert line["notes"] == "; ".join(row.notes)


def test_a_batch_run_again_renders_nothing_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    renders = tmp_path / "renders.txt"
    monkeypatch.setenv("RETAKE_TEST_RENDERS", str(renders))
    config = quick(render__renderer="fakes:CountingPainter")
    first = run_batch(PROMPTS, config, tmp_path / "out", lambda _: None)
    made = renders.read_text(encoding="utf-8")
    assert len(made.splitlines()) == summarize(first).renders
    assert run_batch(PROMPTS, config, tmp_path / "out", lambda _: None) == first
    assert renders.read_text(encoding="utf-8") == made


def test_a_part_that_breaks_a_run_costs_that_prompt_only(tmp_path: Path) -> None:
    config = quick(rewrite__rewriter="fakes:BrokenRewriter", rewrite__strict=True)
    rows = run_batch(PROMPTS[::2], config, tmp_path, lambda _: None)
    assert all("strict" in row.error for row in rows)
    assert summarize(rows).failed == 2


def test_an_unusable_config_is_refused_before_the_first_prompt(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="imaginary"):
        run_batch(PROMPTS, quick(render__renderer="imaginary"), tmp_path / "out", lambda _: None)
    assert not (tmp_path / "out").exists()


def test_ctrl_c_ends_the_batch_with_what_is_done_on_disk(tmp_path: Path) -> None:
    def stop(row: BatchRow) -> None:
        raise Interrupted("stopped")

    with pytest.raises(Interrupted):
        run_batch(PROMPTS, quick(), tmp_path, stop)
    assert len((tmp_path / "summary.csv").read_text(encoding="utf-8").splitlines()) == 2


def test_the_summary_counts_and_averages_what_is_known() -> None:
    gains = [0.3, 0.1, 0.0, -0.1, None]
    rows = [BatchRow(f"p{i}", champion_gain=gain, renders=4) for i, gain in enumerate(gains)]
    summary = summarize([*rows, BatchRow("broken", error="no")])
    assert summary.mean_gain == pytest.approx(0.075)
    low, high = summary.interval
    assert low is not None
    assert high is not None
    assert -0.1 <= low < 0.075 < high <= 0.3
    assert (summary.verified, summary.improved, summary.kept_original, summary.worse) == (4, 2, 1, 1)
    assert (summary.failed, summary.renders) == (1, 20)
    assert summarize([*rows, BatchRow("broken", error="no")]) == summary


def test_the_interval_narrows_with_more_prompts_and_closes_on_equal_gains() -> None:
    def width(rows: list[BatchRow]) -> float:
        low, high = summarize(rows).interval
        return (high or 0.0) - (low or 0.0)

    few = [BatchRow("p", champion_gain=gain) for gain in (0.0, 0.2)]
    assert 0 < width(few * 50) < width(few * 2)
    assert summarize([BatchRow("p", champion_gain=0.25)] * 3).interval == (0.25, 0.25)


def test_without_any_verified_gain_there_is_no_mean() -> None:
    for rows in ([], [BatchRow("p")], [BatchRow("p", error="no")]):
        summary = summarize(rows)
        assert summary.mean_gain is None
        assert summary.interval == (None, None)


def test_the_command_exits_3_when_a_prompt_failed_and_0_when_none_did(tmp_path: Path) -> None:
    prompts = write(tmp_path, "[bold]prompts.txt", "\n".join(["a [/] red ball", "x" * 20_000, "never reached"]))
    out = str(tmp_path / "out")
    done = retake("batch", str(prompts), "--output-dir", out, "--limit", "2", *FAST)
    assert done.returncode == 3, done.stderr
    assert "a [/] red ball" in done.stdout
    assert "20,000 characters" in done.stdout
    assert "1 failed" in done.stdout
    assert str(tmp_path / "out" / "[bold]prompts" / "summary.csv") in done.stdout
    assert retake("batch", str(prompts), "--output-dir", out, "--limit", "1", *FAST).returncode == 0
