"""The front door: what it exports, how light it is, what it ships, and how it says no."""

import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import retake

ROOT = Path(__file__).parents[1]
UNREACHABLE = ["--rewriter", "llm", "--rewriter-base-url", "http://127.0.0.1:9/v1", "--rewriter-model", "m"]
HEAVY = ("torch", "diffusers", "transformers", "trl", "gradio", "cv2", "langgraph")


def run_retake(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", "import retake; retake.main()", *arguments]
    return subprocess.run(
        command, cwd=ROOT, env=os.environ | environment, capture_output=True, text=True, timeout=120, check=False
    )


def test_every_public_name_can_be_had() -> None:
    for name in retake.__all__:
        assert getattr(retake, name) is not None
    assert dir(retake) == sorted(retake.__all__)
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        _ = retake.nonsense


def test_type_checkers_are_told_the_same_names_as_the_interpreter() -> None:
    told = re.findall(
        r"^    from (\S+) import (\w+) as \2$", (ROOT / "retake.py").read_text(encoding="utf-8"), re.MULTILINE
    )
    assert {name: module for module, name in told} == retake._HOMES


def test_importing_everything_loads_nothing_heavy() -> None:
    script = (
        "import sys, retake, agent, feedback, graph_store, finetune; "
        f"print([name for name in {HEAVY} if name in sys.modules])"
    )
    printed = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    assert printed.strip() == "[]"


def test_help_of_every_command_is_quick_to_have_and_heavy_in_nothing() -> None:
    for words in (
        [],
        ["run"],
        ["resume"],
        ["batch"],
        ["report"],
        ["doctor"],
        ["config"],
        ["score"],
        ["graph"],
        ["distill"],
    ):
        done = run_retake(*words, "--help")
        assert done.returncode == 0, done.stderr
        assert "Usage" in done.stdout


def test_wheel_holds_our_packages_and_nothing_else(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(tmp_path), str(ROOT)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    names = zipfile.ZipFile(next(tmp_path.glob("*.whl"))).namelist()
    tops = {name.split("/")[0] for name in names if ".dist-info" not in name}
    assert tops == {"agent", "feedback", "graph_store", "finetune", "retake.py"}
    assert "agent/templates/report.html.j2" in names
    assert "graph_store/data/starter.jsonl" in names
    assert "agent/renderers/pocket_model/captions.jsonl" in names
    assert "agent/renderers/pocket_model/transformer/diffusion_pytorch_model.safetensors" in names


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["run", ""], "the prompt is empty"),
        (["run", " \t\n "], "the prompt is empty"),
        (["run", "x" * 20_000], "20,000 characters"),
        (["run", "a ball", "--renderer", "imaginary"], "known: comfyui, diffusers, painter, pocket, server"),
        (["run", "a cat on a beach"], "--renderer diffusers --model"),
        (["run", "a ball", "--renderer", "no.such:Thing"], "no.such"),
        (["run", "a ball", "--rewriter", "imaginary"], "known: distilled, llm, rules"),
        (["run", "a ball", "--sources", "alignment,imaginary"], "imaginary"),
        (["run", "a ball", "--graph", "no/such/folder"], "no/such/folder"),
        (["run", "a ball", "--renderer", "diffusers", "--model", "no/such/model"], "no/such/model"),
        (["run", "a ball", "--config", "no-such.yaml"], "config init"),
        (["run", "a ball", "--patience", "0"], "stop.patience"),
        (["run", "a ball", "--patience", "many"], "patience"),
        (["run", "a ball", "--no-such-flag"], "no-such-flag"),
        (["run", "a ball", "--run-id", "../up"], "can't be a folder name"),
        (["run", "a ball", "--rewriter", "llm"], "--rewriter-base-url"),
        (["run", "a ball", *UNREACHABLE], "127.0.0.1:9"),
        (["resume", "no-such-run"], "no run folder"),
        (["report", "no-such-run"], "no run folder"),
        (["batch", "no-such-file.txt"], "no-such-file.txt"),
        (["score", "no-such.mp4", "--prompt", "a ball"], "no-such.mp4"),
        (["graph", "info", "no-such-graph"], "no-such-graph"),
        (["graph", "build", "no-such.csv", "--out", "g"], "no-such.csv"),
        (["distill", "pairs", "no-such-runs"], "no-such-runs"),
    ],
)  # fmt: skip
def test_a_slip_gets_one_clear_line_exit_2_and_leaves_nothing_behind(
    arguments: list[str], says: str, tmp_path: Path
) -> None:
    output = ["--output-dir", str(tmp_path / "runs")] if arguments[0] in ("run", "batch") else []
    done = run_retake(*arguments, *output)
    assert done.returncode == 2, done.stderr
    assert says in " ".join(done.stderr.replace("│", " ").split())
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "runs").exists()
