"""A run killed at any moment goes on as if nothing had happened."""

import json
import os
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from agent.trajectory import read_trajectory

PROMPT = "a red circle moves up, two azure balls drift leftwards"
KILLED_RUN = Path(__file__).parent / "killed_run.py"

KILLS = [
    ("retrieved", 1), ("drafted", 1), ("screened", 1), ("render_started", 1), ("render_step", 4), ("rendered", 1),
    ("rendered", 3), ("assessed", 1), ("assessed", 2), ("decided", 1), ("drafted", 2), ("screened", 2),
    ("rendered", 7), ("decided", 2), ("verified", 1), ("finished", 1),
]  # fmt: skip


def run_until(folder: Path, event: str, nth: int) -> int:
    """Runs or resumes in a new process until it is killed at the n-th such event; its exit status."""
    environment = os.environ | {"RETAKE_TEST_RENDERS": str(folder / "renders.txt")}
    command = [sys.executable, str(KILLED_RUN), str(folder), PROMPT, event, str(nth)]
    return subprocess.run(command, env=environment, capture_output=True, timeout=120, check=False).returncode


def renders_made(folder: Path) -> Counter[str]:
    """How often each (seed, text) was rendered to its end, over all processes."""
    return Counter((folder / "renders.txt").read_text(encoding="utf-8").splitlines())


def outcome(folder: Path) -> tuple[dict[str, Any], list[tuple[str, str, Any]]]:
    """Result and events without what the clock puts in."""
    result = json.loads((folder / "killed" / "result.json").read_text(encoding="utf-8"))
    lines = (folder / "killed" / "trajectory.jsonl").read_text(encoding="utf-8").splitlines()
    events = [(row["event"], row["key"], timeless(row["data"])) for row in map(json.loads, lines[1:])]
    return timeless(result), sorted(events, key=lambda event: event[:2])


def timeless(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: timeless(inner) for key, inner in value.items() if key not in ("seconds", "render_seconds")}
    return [timeless(inner) for inner in value] if isinstance(value, list) else value


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("undisturbed")
    assert run_until(folder, "never", 1) == 0
    return folder


def test_the_undisturbed_run_refines_and_verifies(undisturbed: Path) -> None:
    trajectory = read_trajectory(undisturbed / "killed")
    assert len(trajectory.decisions) >= 2
    assert trajectory.verification is not None
    assert set(renders_made(undisturbed).values()) == {1}


@pytest.mark.parametrize(("event", "nth"), KILLS)
def test_killed_run_resumes_to_the_same_outcome_and_repeats_no_finished_render(
    event: str, nth: int, undisturbed: Path, tmp_path: Path
) -> None:
    assert run_until(tmp_path, event, nth) == -signal.SIGKILL
    assert run_until(tmp_path, "never", 1) == 0
    assert outcome(tmp_path) == outcome(undisturbed)
    assert renders_made(tmp_path) == renders_made(undisturbed)


def test_run_killed_again_and_again_gets_there(undisturbed: Path, tmp_path: Path) -> None:
    deaths = 0
    while (status := run_until(tmp_path, "render_started", 2)) != 0:
        assert status == -signal.SIGKILL
        deaths += 1
        assert deaths < 30
    assert deaths > 3
    assert outcome(tmp_path) == outcome(undisturbed)
    assert renders_made(tmp_path) == renders_made(undisturbed)


def test_torn_last_line_of_the_trajectory_is_an_event_that_is_owed(undisturbed: Path, tmp_path: Path) -> None:
    assert run_until(tmp_path, "rendered", 3) == -signal.SIGKILL
    trajectory = tmp_path / "killed" / "trajectory.jsonl"
    trajectory.write_bytes(trajectory.read_bytes()[:-20])
    assert run_until(tmp_path, "never", 1) == 0
    assert outcome(tmp_path) == outcome(undisturbed)
    assert renders_made(tmp_path) == renders_made(undisturbed)


def test_run_resumes_from_the_trajectory_alone_when_the_checkpoints_are_lost(undisturbed: Path, tmp_path: Path) -> None:
    assert run_until(tmp_path, "decided", 1) == -signal.SIGKILL
    for file in (tmp_path / "killed").glob("checkpoints.sqlite*"):
        file.unlink()
    assert run_until(tmp_path, "never", 1) == 0
    assert outcome(tmp_path) == outcome(undisturbed)
    assert renders_made(tmp_path) == renders_made(undisturbed)
