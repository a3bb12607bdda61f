"""The commands that train a rewriter, merge and push it, TRL's own command, and several processes."""

import dataclasses
import shlex
from pathlib import Path
from typing import Any

import pytest
from tiny_training import (
    prepared_dpo,
    prepared_sft,
    save_tiny_llama,
    sft,
    write_data,
)
from trl.scripts.dpo import make_parser as make_dpo_parser
from trl.scripts.sft import make_parser as make_sft_parser
from trl.trainer.dpo_config import DPOConfig
from trl.trainer.sft_config import SFTConfig

from finetune.training.dpo import dpo_arguments
from finetune.training.sft import sft_arguments
from finetune.training.trl_line import trl_line


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny_llama(tmp_path_factory.mktemp("llama") / "model")


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_data(tmp_path_factory.mktemp("rows") / "data")


@pytest.fixture(scope="module")
def rewriter(model: Path, data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An adapter that three updates of SFT left, at a rate that changes it visibly."""
    return sft(data, tmp_path_factory.mktemp("sft") / "out", model, max_steps=3, learning_rate=0.01)


# The same with TRL


@pytest.mark.parametrize("settings", [{}, {"full": True, "lora_r": None, "save_steps": 5, "scheduler": "cosine"}])
def test_trl_takes_the_line_for_sft_and_means_the_same(
    settings: dict[str, Any], data: Path, model: Path, tmp_path: Path
) -> None:
    prepared = prepared_sft(data, tmp_path / "out", model, **settings)
    words = shlex.split(trl_line(prepared, sft_arguments(prepared), SFTConfig))
    assert words[:2] == ["trl", "sft"]
    script, config, of_model, _ = make_sft_parser().parse_args_and_config(words[2:])
    assert (script.dataset_name, script.dataset_config) == (str(data), "sft")
    assert (of_model.model_name_or_path, of_model.use_peft) == (str(model), not prepared.settings.full)
    assert_same(config, SFTConfig(output_dir=str(tmp_path / "out"), **sft_arguments(prepared)))


def test_trl_takes_the_line_for_dpo_after_merging_what_it_can_not_go_on_with(
    data: Path, rewriter: Path, tmp_path: Path
) -> None:
    prepared = prepared_dpo(data, tmp_path / "out", rewriter, sft_weight=0.3)
    merging, _, line = trl_line(prepared, dpo_arguments(prepared), DPOConfig).partition(" && ")
    assert shlex.split(merging) == ["retake", "distill", "merge", str(rewriter), f"{rewriter}-merged"]
    script, config, of_model, _ = make_dpo_parser().parse_args_and_config(shlex.split(line)[2:])
    assert (script.dataset_config, of_model.model_name_or_path) == ("dpo", f"{rewriter}-merged")
    assert (of_model.lora_r, of_model.lora_alpha, of_model.lora_target_modules) == (4, 8, "all-linear")
    assert (config.loss_type, config.loss_weights) == (["sigmoid", "sft"], [1.0, 0.3])
    assert_same(config, DPOConfig(output_dir=str(tmp_path / "out"), **dpo_arguments(prepared)))


def assert_same(one: Any, other: Any) -> None:
    for field in dataclasses.fields(one):
        if field.name not in ("logging_dir", "run_name"):
            assert getattr(one, field.name) == getattr(other, field.name), field.name
