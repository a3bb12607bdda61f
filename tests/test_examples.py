"""Every example runs from an empty folder, offline, and prints what it says it prints."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from serve import FakeOpenAI, completion, fake_openai

from agent.prompts import Rewrite, write_reply
from agent.trajectory import read_trajectory

ROOT = Path(__file__).parents[1]
EXAMPLES = ROOT / "examples"

MAKE_TINY_AND_RUN = """
import pathlib, runpy, sys
from tiny_pipelines import save_tiny
save_tiny("WanPipeline", pathlib.Path("tiny"))
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")
"""
"""One process for both, so that torch is imported once."""


def run(folder: Path, *command: str | Path, seconds: int = 120) -> str:
    """What the command prints, run in this folder, in so much time at most."""
    search = [str(ROOT), str(ROOT / "tests")]
    environment = os.environ | {
        "PYTHONPATH": os.pathsep.join(search),
        "PYTHONDONTWRITEBYTECODE": "1",
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
    }
    done = subprocess.run(
        [str(word) for word in command],
        cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=seconds,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


def gain_in(printed: str) -> float:
    found = re.search(r"verified gain:?\s+([+-]?[\d.]+)", printed)
    assert found, printed
    return float(found[1])


@pytest.fixture(scope="module")
def hello(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """The folder in which the first example ran, and what it printed."""
    folder = tmp_path_factory.mktemp("hello")
    return folder, run(folder, sys.executable, EXAMPLES / "01_hello_loop.py")


def test_the_hello_loop_betters_its_prompt_and_names_a_report_that_is_there(hello: tuple[Path, str]) -> None:
    folder, printed = hello
    assert gain_in(printed) > 0
    report = re.search(r"report\s+(\S+)", printed)
    assert report
    assert (folder / report[1]).is_file()


def test_a_trajectory_read_back_tells_of_every_candidate_and_the_end(hello: tuple[Path, str]) -> None:
    folder, printed = hello
    told = run(folder, sys.executable, EXAMPLES / "06_read_a_trajectory.py", "runs/hello")
    result = json.loads((folder / "runs/hello/result.json").read_text(encoding="utf-8"))
    assert told.count("\ncandidate ") == len(read_trajectory(folder / "runs/hello").candidates)
    assert f"{result['stop_reason']}: {result['why']}" in told
    assert gain_in(told) == gain_in(printed)


def test_an_own_source_scores_every_render(tmp_path: Path) -> None:
    printed = run(tmp_path, sys.executable, EXAMPLES / "02_own_feedback_source.py")
    lines = [line for line in printed.splitlines() if "alignment" in line]
    assert len(lines) == 3
    assert all(re.search(r"colourfulness 0\.\d*[1-9]", line) for line in lines)
    assert "best text" in printed


def test_an_own_renderer_gets_the_words_it_knows(tmp_path: Path) -> None:
    printed = run(tmp_path, sys.executable, EXAMPLES / "03_own_renderer.py")
    assert "green circle moves to the left" in printed
    assert gain_in(printed) > 0


def test_a_diffusers_pipeline_renders(tmp_path: Path) -> None:
    small = {"model": "tiny", "width": 32, "height": 32, "num-frames": 9, "steps": 2, "iterations": 0}
    options = [f"--{name}={value}" for name, value in small.items()]
    script = EXAMPLES / "04_render_with_diffusers.py"
    printed = run(tmp_path, sys.executable, "-c", MAKE_TINY_AND_RUN, script, *options)
    video = re.search(r"best video\s+(\S+)", printed)
    assert video
    assert (tmp_path / video[1]).is_file()
    assert "failed" not in printed


def test_a_language_model_writes_the_candidates(tmp_path: Path) -> None:
    def answer(_request: dict[str, Any], server: FakeOpenAI) -> Any:
        words = ("A red circle moves to the left.", "One red circle moves to the left, on a black background.")
        return completion(write_reply(Rewrite(words[len(server.requests) % 2], rationale="plainer words")))

    with fake_openai(answer) as server:
        printed = run(
            tmp_path, sys.executable, EXAMPLES / "05_llm_rewriter.py", "--base-url", server.base_url, "--model", "m"
        )
    assert "A red circle moves to the left." in printed
    assert "plainer words" in printed
    assert gain_in(printed) > 0
    calls = re.search(r"(\d+) calls", printed)
    assert calls
    assert int(calls[1]) >= 2


def test_pairs_are_made_of_a_batch(tmp_path: Path) -> None:
    printed = run(tmp_path, "sh", EXAMPLES / "07_pairs.sh")
    assert "2 prompts" in printed
    assert "chosen: [{" in printed
    for name in ("sft", "dpo"):
        assert (tmp_path / "pairs" / f"{name}.jsonl").read_text(encoding="utf-8").strip()


@pytest.mark.slow
@pytest.mark.timeout(1_800)
def test_distilling_ends_with_a_comparison_and_going_on_makes_nothing_anew(tmp_path: Path) -> None:
    command = ("sh", EXAMPLES / "08_distill.sh", "demo", "12", "2")
    printed = run(tmp_path, *command, seconds=1_500)
    made = tmp_path / "demo" / "compare-held_out"
    costs = json.loads((made / "compare.json").read_text(encoding="utf-8"))["costs"]
    assert set(costs) == {"raw", "few_shot", "base", "sft", "dpo", "loop"}
    assert {method: cost["renders"] for method, cost in costs.items() if method != "loop"} == dict.fromkeys(
        ("raw", "few_shot", "base", "sft", "dpo"), 1
    )
    assert str(made.relative_to(tmp_path)) in printed
    clips = {clip: clip.stat().st_mtime_ns for clip in tmp_path.rglob("*.mp4")}
    run(tmp_path, *command, seconds=300)
    assert {clip: clip.stat().st_mtime_ns for clip in tmp_path.rglob("*.mp4")} == clips


def test_the_readme_names_every_example() -> None:
    readme = (EXAMPLES / "README.md").read_text(encoding="utf-8")
    scripts = {path.name for path in EXAMPLES.iterdir() if re.match(r"\d\d_", path.name)}
    assert set(re.findall(r"`(\d\d_\w+\.\w+)`", readme)) == scripts
