"""The loop with a real OpenAI-compatible peer, `transformers serve` with a tiny random chat model, as the rewriter."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from fakes import fast_config
from serve import completion, failure, fake_openai, transformers_serve

from agent.config import LoopConfig
from agent.errors import UsageError
from agent.prompts import Rewrite, write_reply
from agent.run import begin_run
from agent.trajectory import read_trajectory

PROMPT = "a crimson ball drifting rightwards"


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    with transformers_serve(tmp_path_factory.mktemp("serve")) as address:
        yield address


def config_for(base_url: str, model: str, **overrides: object) -> LoopConfig:
    return fast_config(
        rewrite__rewriter="llm", rewrite__base_url=base_url, rewrite__model=model, rewrite__max_tokens=32, **overrides
    )


def test_a_babbling_model_is_screened_out_counted_and_replaced_by_the_rules(
    served: tuple[str, str], tmp_path: Path
) -> None:
    result = begin_run(PROMPT, config_for(*served), tmp_path, "run").execute()
    trajectory = read_trajectory(tmp_path / "run")
    assert result.totals.llm_calls >= 3
    assert result.totals.tokens_in is not None
    assert result.totals.tokens_in > 0
    assert result.totals.fallbacks > 0
    assert [candidate for candidate in trajectory.candidates if candidate.dropped]
    rendered = {trajectory.candidate(render.candidate).origin for render in trajectory.renders}
    assert rendered == {"prompt", "fallback"}
    assert result.verified_gain is not None
    assert result.verified_gain > 0


def test_a_model_that_answers_well_writes_the_winner(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "none")
    answer = write_reply(Rewrite("A red circle moves to the right on a white background.", "in the painter's words"))
    with fake_openai(lambda request, headers: completion(answer)) as server:
        result = begin_run(PROMPT, config_for(server.base_url, "fake-1"), tmp_path, "run").execute()
    assert result.best.text == "A red circle moves to the right on a white background."
    assert result.best.origin in ("retrieval", "instruction")
    assert result.totals.fallbacks == 0


def test_a_wrong_key_is_refused_before_anything_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RETAKE_API_KEY", "sk-wrong")
    with fake_openai(lambda request, headers: failure(401, "bad key")) as server, pytest.raises(UsageError) as slip:
        begin_run(PROMPT, config_for(server.base_url, "fake-1"), tmp_path, "run").execute()
    assert "sk-wrong" not in str(slip.value)
    assert not (tmp_path / "run").exists()
