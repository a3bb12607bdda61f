"""The loop with a language model in this process, a tiny random one, as the rewriter."""

from pathlib import Path
from typing import Any

import pytest
import transformers
from fakes import fast_config
from serve import build_tiny_chat_model
from tiny_chat_models import save_adapter, vary_chat_model

from agent.config import LoopConfig, RewriteConfig
from agent.config_file import make_config
from agent.doctor import examine
from agent.errors import UsageError
from agent.llm.openai_compatible import OpenAICompatible
from agent.llm.registry import open_rewriter_model
from agent.llm.transformers_local import TransformersLanguageModel
from agent.parts import open_parts
from agent.run import begin_run
from agent.trajectory import read_trajectory

PROMPT = "a crimson ball drifting rightwards"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_tiny_chat_model(tmp_path_factory.mktemp("chat"))


def config_for(folder: Path, **overrides: object) -> LoopConfig:
    local = {"rewrite__rewriter": "llm", "rewrite__model": str(folder), "rewrite__max_tokens": 32}
    short = {"render__seeds": 1, "stop__max_iterations": 1}
    return fast_config(**local | short | overrides)


@pytest.fixture
def loads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The models whose weights were loaded, in their order."""
    loaded: list[str] = []
    load = transformers.AutoModelForCausalLM.from_pretrained

    def counted(location: str, **settings: Any) -> Any:
        loaded.append(location)
        return load(location, **settings)

    monkeypatch.setattr(transformers.AutoModelForCausalLM, "from_pretrained", counted)
    return loaded


def test_a_babbling_model_is_loaded_once_counted_screened_out_and_replaced_by_the_rules(
    folder: Path, tmp_path: Path, loads: list[str]
) -> None:
    config = config_for(folder)
    parts = open_parts(config)
    assert loads == []
    result = begin_run(PROMPT, config, tmp_path, "run").execute(parts)
    again = begin_run("a blue square moves up", config_for(folder, verify__seeds=0), tmp_path, "again").execute(parts)
    assert loads == [str(folder)]
    trajectory = read_trajectory(tmp_path / "run")
    assert result.totals.llm_calls >= 3
    assert result.totals.tokens_in is not None
    assert result.totals.tokens_in > 100 * result.totals.llm_calls
    assert result.totals.tokens_out == 32 * result.totals.llm_calls
    assert result.totals.fallbacks > 0
    assert [candidate for candidate in trajectory.candidates if candidate.dropped]
    rendered = {trajectory.candidate(render.candidate).origin for render in trajectory.renders}
    assert rendered == {"prompt", "fallback"}
    assert result.verified_gain is not None
    assert result.verified_gain > 0
    assert again.totals.llm_calls >= 3


def test_equal_runs_are_equal_word_for_word(folder: Path, tmp_path: Path) -> None:
    texts = []
    for name in ("one", "two"):
        begin_run(PROMPT, config_for(folder, stop__max_iterations=0, verify__seeds=0), tmp_path, name).execute()
        texts.append([candidate.text for candidate in read_trajectory(tmp_path / name).candidates])
    assert texts[0] == texts[1]


def test_a_model_that_cannot_chat_is_refused_before_anything_is_written(folder: Path, tmp_path: Path) -> None:
    silent = vary_chat_model(folder, tmp_path / "silent", template="")
    with pytest.raises(UsageError, match="no chat template"):
        begin_run(PROMPT, config_for(silent), tmp_path, "run").execute()
    assert not (tmp_path / "run").exists()


def test_a_chat_longer_than_the_model_reads_leaves_the_run_to_the_rules(folder: Path, tmp_path: Path) -> None:
    short = vary_chat_model(folder, tmp_path / "short", config={"max_position_embeddings": 128})
    result = begin_run(PROMPT, config_for(short, stop__max_iterations=0, verify__seeds=0), tmp_path, "run").execute()
    failures = [failure.reason for failure in read_trajectory(tmp_path / "run").failures]
    assert any("lower --max-tokens or use a model with a longer context" in reason for reason in failures)
    assert result.totals.fallbacks > 0
    assert result.best.origin == "fallback"


def test_the_doctor_names_the_model_without_loading_it(folder: Path, loads: list[str]) -> None:
    found = {finding.what: finding for finding in examine(config_for(folder))}
    assert found["rewriter"].state == "good"
    assert loads == []


def rewrite(**settings: Any) -> RewriteConfig:
    return make_config({"rewrite": {"rewriter": "llm", "model": "m", **settings}}).rewrite


def test_what_runs_the_model_follows_from_what_was_given() -> None:
    assert rewrite().resolved_engine == "transformers"
    assert rewrite(base_url="http://127.0.0.1:1/v1").resolved_engine == "endpoint"
    assert rewrite(engine="vllm").resolved_engine == "vllm"


def test_every_engine_opens_its_own_model_with_all_that_is_set(folder, tmp_path, monkeypatch) -> None:
    adapter = str(save_adapter(folder, tmp_path / "adapter"))
    local = open_rewriter_model(
        rewrite(model=str(folder), adapter=adapter, device="cpu", dtype="float32", temperature=0.2, max_tokens=40)
    )
    assert isinstance(local, TransformersLanguageModel)
    assert (local.temperature, local.max_tokens, str(local.device)) == (0.2, 40, "cpu")
    assert local.record["adapter"] == adapter
    monkeypatch.setattr(OpenAICompatible, "check", lambda self: None)
    remote = open_rewriter_model(rewrite(base_url="http://127.0.0.1:1/v1", temperature=0.2, timeout_seconds=5))
    assert isinstance(remote, OpenAICompatible)
    assert (remote.model, remote.temperature, remote.timeout_seconds) == ("m", 0.2, 5)
    assert open_rewriter_model(RewriteConfig()) is None


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"model": None}, "--rewriter-model"),
        ({"engine": "endpoint"}, "needs --rewriter-base-url"),
        ({"engine": "transformers", "base_url": "http://127.0.0.1:1/v1"}, "leave --rewriter-base-url out"),
        ({"engine": "vllm", "base_url": "http://127.0.0.1:1/v1"}, "leave --rewriter-base-url out"),
        ({"engine": "vllm", "device": "cuda:1"}, "CUDA_VISIBLE_DEVICES"),
        ({"base_url": "http://127.0.0.1:1/v1", "adapter": "a"}, "--rewriter-model is the adapter's name"),
        ({"base_url": "http://127.0.0.1:1/v1", "revision": "main"}, "--rewriter-revision"),
        ({"base_url": "http://127.0.0.1:1/v1", "device": "cpu"}, "--rewriter-device"),
        ({"base_url": "http://127.0.0.1:1/v1", "dtype": "float16"}, "--rewriter-dtype"),
        ({"engine": "llama.cpp"}, "rewrite.engine"),
    ],
)
def test_settings_that_do_not_fit_together_are_told_in_one_line(settings: dict[str, Any], told: str) -> None:
    with pytest.raises(UsageError, match=told) as slip:
        rewrite(**settings)
    assert "\n" not in str(slip.value)
