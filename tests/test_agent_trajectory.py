"""The journal writes each event once, and what it wrote can be read by any later version."""

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from agent.errors import UsageError
from agent.records import Render
from agent.trajectory import SCHEMA_VERSION, Failure, Journal, read_trajectory

DATA = Path(__file__).parent / "data"


def journal_at(folder: Path) -> Journal:
    journal = Journal(folder / "trajectory.jsonl")
    journal.start({"prompt": "a red ball", "config": {}})
    return journal


def made(seed: int) -> Render:
    return Render(candidate="0", seed=seed, iteration=0, path=f"videos/0-{seed}.mp4")


def test_what_is_written_under_a_key_is_not_computed_again(tmp_path: Path) -> None:
    journal = journal_at(tmp_path)
    first = journal.once("render", "0-1", lambda: made(1))
    again = journal.once("render", "0-1", lambda: pytest.fail("computed twice"))
    assert first == again == made(1)


def test_another_process_finds_what_this_one_wrote(tmp_path: Path) -> None:
    journal_at(tmp_path).once("render", "0-1", lambda: made(1))
    later = journal_at(tmp_path)
    assert later.once("render", "0-1", lambda: pytest.fail("computed twice")) == made(1)
    assert later.header is not None
    assert later.header["prompt"] == "a red ball"


def test_what_raises_is_not_written(tmp_path: Path) -> None:
    journal = journal_at(tmp_path)
    with pytest.raises(ZeroDivisionError):
        journal.once("render", "0-1", lambda: 1 // 0)
    assert journal.once("render", "0-1", lambda: made(1)) == made(1)


def test_torn_last_line_is_cut_off_and_the_rest_kept(tmp_path: Path) -> None:
    journal = journal_at(tmp_path)
    journal.once("render", "0-1", lambda: made(1))
    journal.once("render", "0-2", lambda: made(2))
    whole = journal.path.read_bytes()
    for cut in range(1, len(whole.splitlines()[-1])):
        journal.path.write_bytes(whole[:-cut])
        assert [row.seed for row in read_trajectory(tmp_path).renders] == [1]
        reopened = Journal(journal.path)
        assert reopened.read("render", "0-1") == made(1)
        assert reopened.read("render", "0-2") is None
        assert journal.path.read_bytes().endswith(b"\n")


def test_threads_write_whole_lines(tmp_path: Path) -> None:
    journal = journal_at(tmp_path)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda seed: journal.once("render", f"0-{seed}", lambda: made(seed)), range(64)))
    assert {row.seed for row in read_trajectory(tmp_path).renders} == set(range(64))


def test_damage_before_the_last_line_is_named_with_its_line(tmp_path: Path) -> None:
    journal = journal_at(tmp_path)
    journal.once("failure", "a", lambda: Failure(stage="render", reason="x"))
    journal.once("failure", "b", lambda: Failure(stage="render", reason="y"))
    lines = journal.path.read_bytes().splitlines(keepends=True)
    journal.path.write_bytes(lines[0] + b'{"event": "fai\n' + lines[2])
    with pytest.raises(UsageError, match="line 2 is damaged"):
        read_trajectory(tmp_path)


def test_a_later_schema_is_refused_and_an_unknown_event_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "trajectory.jsonl"
    header = {"event": "header", "schema_version": SCHEMA_VERSION, "prompt": "p", "config": {}}
    rows = [header, {"event": "from_the_future", "key": "", "at": "", "data": {}}]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    assert read_trajectory(tmp_path).prompt == "p"
    path.write_text(json.dumps(header | {"schema_version": SCHEMA_VERSION + 1}) + "\n", encoding="utf-8")
    with pytest.raises(UsageError, match="update Retake"):
        read_trajectory(tmp_path)


@pytest.mark.parametrize("content", [b"", b"not json\n", b"[1, 2]\n", b'"text"\n', b'{"prompt": 1}\n'])
def test_a_file_that_is_no_trajectory_is_refused_in_one_line(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "trajectory.jsonl").write_bytes(content)
    with pytest.raises(UsageError) as slip:
        read_trajectory(tmp_path)
    assert "\n" not in str(slip.value)


@pytest.mark.parametrize("version", range(1, SCHEMA_VERSION + 1))
def test_every_released_schema_still_loads(version: int) -> None:
    trajectory = read_trajectory(DATA / f"trajectory_v{version}.jsonl")
    assert trajectory.result is not None
    assert trajectory.candidates[0].origin == "prompt"
    assert trajectory.renders
    assert trajectory.assessed
    assert trajectory.decisions[-1].stop == trajectory.result.stop_reason
