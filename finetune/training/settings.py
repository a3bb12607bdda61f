"""The settings of a training run: one flat list that is the flags and the config file. No torch.

A default of None is filled in where what it depends on is known; `docs/training.md` says where the numbers come from.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, Self, TypeVar

import yaml
from pydantic import Field, ValidationError, model_validator

from agent.config import Settings
from finetune.errors import DistillError

LORA_R = 64


class TrainingSettings(Settings):
    """What SFT and DPO share."""

    model: str = Field(
        default="", description="Where to begin: a chat model (hub id or folder), or a rewriter's folder."
    )
    revision: str | None = Field(default=None, description="Revision of the model on the hub.")
    full: bool = Field(default=False, description="Train all weights, not a LoRA adapter.")
    lora_r: int | None = Field(default=None, ge=1, le=512, description=f"Rank of a new adapter (default: {LORA_R}).")
    lora_alpha: float | None = Field(
        default=None, gt=0, description="Its scale is alpha / rank (default: twice the rank)."
    )
    lora_dropout: float = Field(default=0.05, ge=0, lt=1, description="Dropout before a new adapter; DPO has none.")
    epochs: float = Field(default=3, gt=0, description="How often all rows are seen.")
    max_steps: int | None = Field(default=None, ge=1, description="Most updates; ends before the epochs do.")
    batch_size: int = Field(default=4, ge=1, description="Rows at a time on each device.")
    gradient_accumulation: int = Field(default=8, ge=1, description="Batches of one update.")
    learning_rate: float | None = Field(default=None, gt=0, description="Highest step size.")
    warmup: float = Field(default=0.1, ge=0, lt=1, description="Share of the updates in which it rises from 0.")
    scheduler: Literal["linear", "cosine", "constant_with_warmup"] = Field(
        default="linear", description="How the step size goes on after that."
    )
    max_length: int = Field(
        default=1024, ge=8, description="Tokens of a row; longer rows are left out and counted, never cut."
    )
    precision: Literal["auto", "bfloat16", "float32"] = Field(
        default="auto", description="auto is bfloat16 where the accelerator computes in it, else float32."
    )
    gradient_checkpointing: bool | None = Field(
        default=None, description="Memory for a fifth of the speed (default: on an accelerator, not on a CPU)."
    )
    save_steps: int | None = Field(
        default=None,
        ge=1,
        description="Updates between checkpoints, each measured on held-out rows (default: an epoch).",
    )
    patience: int | None = Field(
        default=None, ge=1, description="Ends after so many checkpoints without a lower held-out loss (default: never)."
    )
    logging_steps: int = Field(default=10, ge=1, description="Updates between two lines of log.jsonl.")
    seed: int = Field(default=0, ge=0, lt=2**31, description="Of the adapter's first weights and the order of rows.")

    @model_validator(mode="after")
    def _parts_fit(self) -> Self:
        if self.full and (self.lora_r or self.lora_alpha):
            raise ValueError("--full trains all weights and has no adapter: leave --lora-r and --lora-alpha out")
        return self

    @property
    def rate(self) -> float:
        """The learning rate, given or by default."""
        raise NotImplementedError


class SFTSettings(TrainingSettings):
    """Supervised fine-tuning: the winner's text is the answer."""

    @property
    def rate(self) -> float:
        """As given, else VPO's 2e-6 for all weights and TRL's 2e-4 for an adapter."""
        return self.learning_rate or (2e-6 if self.full else 2e-4)


class DPOSettings(TrainingSettings):
    """Direct preference optimization: the better text against the worse."""

    epochs: float = Field(default=1, gt=0, description="How often all rows are seen.")
    gradient_accumulation: int = Field(default=4, ge=1, description="Batches of one update.")
    beta: float = Field(default=0.1, gt=0, description="How dearly a way from the starting model is paid for.")
    sft_weight: float = Field(default=0, ge=0, description="Weight of an SFT loss on the chosen texts beside it.")

    @property
    def rate(self) -> float:
        """As given, else VPO's 5e-7 for all weights and TRL's 5e-6 for an adapter."""
        return self.learning_rate or (5e-7 if self.full else 5e-6)


S = TypeVar("S", bound=TrainingSettings)


def make_settings(kind: type[S], config_file: Path | None, flags: Mapping[str, Any]) -> S:
    """The file's settings with the flags that were given on top. Raises DistillError, one line."""
    given = _read_file(config_file) if config_file else {}
    if unknown := sorted(set(given) - set(kind.model_fields)):
        known = ", ".join(kind.model_fields)
        raise DistillError(f"{config_file} has the unknown key {unknown[0]!r}; known are {known}")
    merged = given | {name: value for name, value in flags.items() if value is not None}
    if not merged.get("model"):
        raise DistillError("no model to begin with: name one with --model, a hub id or a folder")
    try:
        return kind.model_validate(merged)
    except ValidationError as problem:
        raise DistillError("; ".join(_describe(error) for error in problem.errors(include_url=False))) from None


def _describe(error: Any) -> str:
    if error["type"] == "value_error":
        return str(error["ctx"]["error"])
    name = str(error["loc"][0])
    return f"{name}: {error['msg'][0].lower()}{error['msg'][1:]}, found {error['input']!r}"


def _read_file(path: Path) -> dict[str, Any]:
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    except FileNotFoundError:
        raise DistillError(f"no config file at {path}; it is YAML with the flags' names") from None
    except (UnicodeDecodeError, yaml.YAMLError) as problem:
        raise DistillError(f"{path} is no YAML: {' '.join(str(problem).split())}") from None
    if not isinstance(content, dict):
        raise DistillError(f"{path} holds a {type(content).__name__}; a config has lines such as 'epochs: 2'")
    return {str(name).replace("-", "_"): value for name, value in content.items()}
