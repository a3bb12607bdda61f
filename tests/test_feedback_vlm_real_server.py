"""The endpoint judge with a real peer: `transformers serve` with a tiny random vision language model.

It takes pictures and ignores `logprobs`, so it is the peer for answers in words.
"""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from drawing import Thing, draw_clip
from serve import _wait_until_healthy, free_port
from tiny_vlms import save_tiny_vlm

from feedback.errors import FeedbackError
from feedback.judges.vlm_endpoint import EndpointVLMJudge
from feedback.judges.vlm_local import LocalVLMJudge
from feedback.records import Question
from feedback.registry import open_judge

CLIP = draw_clip([Thing(dx=3)], background="white")
THERE = Question(id="a", kind="object", text="Is there a red circle?", phrase="red circle", subject="red circle")


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny_vlm("LLaVA", tmp_path_factory.mktemp("served") / "model")


@pytest.fixture(scope="module")
def base_url(model: Path) -> Iterator[str]:
    port = free_port()
    home, log = model.parent / "hf_home", model.parent / "serve.log"
    (home / "hub").mkdir(parents=True)
    command = [sys.executable, "-m", "transformers.cli.transformers", "serve", str(model)]
    command += ["--host", "127.0.0.1", "--port", str(port), "--device", "cpu", "--dtype", "float32"]
    own = {"HF_HUB_OFFLINE": "1", "HF_HOME": str(home), "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}
    with log.open("wb") as out, subprocess.Popen(command, env=os.environ | own, stdout=out, stderr=out) as server:
        try:
            _wait_until_healthy(f"http://127.0.0.1:{port}/health", server, log)
            yield f"http://127.0.0.1:{port}/v1"
        finally:
            server.terminate()
            try:
                server.wait(10)
            except subprocess.TimeoutExpired:
                server.kill()


def test_it_answers_in_words_what_the_same_model_in_process_finds_most_probable(base_url: str, model: Path) -> None:
    first, again = EndpointVLMJudge(base_url, str(model), timeout_seconds=60).ask(CLIP, [THERE, THERE])
    (graded,) = LocalVLMJudge(str(model), device="cpu", least_mass=0.0).ask(CLIP, [THERE])
    assert first == again
    assert first.p_yes in (0.0, 1.0)
    assert first.holds == graded.holds


def test_a_model_that_is_not_served_is_refused(base_url: str) -> None:
    with pytest.raises(FeedbackError, match="no/such-model"):
        open_judge("vlm-endpoint", model="no/such-model", base_url=base_url)
