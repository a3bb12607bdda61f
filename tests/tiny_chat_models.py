"""Tiny random chat models for tests, changed in one thing each, and LoRA adapters for them."""

import json
import shutil
import warnings
from pathlib import Path
from typing import Any

import torch
from peft import LoraConfig, get_peft_model
from transformers import AutoModelForCausalLM

LORA_LAYERS = ("q_proj", "v_proj")


def vary_chat_model(
    folder: Path, to: Path, template: str | None = None, config: dict[str, Any] | None = None, **generation: Any
) -> Path:
    """A copy with another chat template ("" is none), other keys in config.json or in generation_config.json."""
    shutil.copytree(folder, to)
    if template is not None:
        (to / "chat_template.jinja").unlink()
        if template:
            (to / "chat_template.jinja").write_text(template, encoding="utf-8")
    for name, changes in (("config.json", config or {}), ("generation_config.json", generation)):
        path = to / name
        path.write_text(json.dumps(json.loads(path.read_text(encoding="utf-8")) | changes), encoding="utf-8")
    return to


def save_adapter(model_folder: Path, to: Path, scale: float = 1.0, **settings: Any) -> Path:
    """A LoRA adapter with random weights; of scale 0 it changes nothing."""
    torch.manual_seed(1)
    base = AutoModelForCausalLM.from_pretrained(model_folder)
    lora = LoraConfig(task_type="CAUSAL_LM", **{"r": 4, "target_modules": list(LORA_LAYERS), **settings})
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*is_gradient_checkpointing", category=FutureWarning)
        model = get_peft_model(base, lora)
    with torch.no_grad():
        for name, weights in model.named_parameters():
            if "lora_B" in name:
                weights.normal_(0, scale) if scale else weights.zero_()
    model.save_pretrained(str(to))
    return to
