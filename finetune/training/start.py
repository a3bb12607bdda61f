"""Where training begins: a chat model, or a rewriter that was trained before and is gone on with."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agent.llm.chat_format import find_chat_model
from agent.llm.lora_adapter import LoraAdapter, find_adapter
from agent.rewriter_card import RewriterBrief, RewriterCard, is_rewriter_folder, read_card
from feedback.pretrained import Pretrained
from finetune.errors import DistillError
from finetune.training.settings import LORA_R, TrainingSettings

try:
    import torch
    from peft import LoraConfig

    from agent.llm.lora_loading import load_lora
    from agent.llm.transformers_local import load_chat_model
except ImportError as error:
    raise DistillError(f'training needs more packages ({error}): pip install "retake[train]"') from error


@dataclass(frozen=True)
class Start:
    """A model to train, found and checked; no weights are read yet. `find_start` makes one."""

    files: Pretrained
    """Of the base model."""
    adapter: LoraAdapter | None
    """What was trained on it before, and is trained on."""
    trained: tuple[str, ...]
    """What was done to it before."""

    def load(self, dtype: torch.dtype, *, merged: bool) -> Any:
        """The model on the CPU; an adapter is laid into its weights, or stays apart and can be trained."""
        model = load_chat_model(self.files, dtype, torch.device("cpu"))
        if self.adapter is None:
            return model
        model = load_lora(model, self.adapter, is_trainable=not merged)
        return model.merge_and_unload() if merged else model

    def card(self, method: str, brief: RewriterBrief, *, full: bool) -> RewriterCard:
        """What stands beside the weights that this training ends with."""
        return RewriterCard(
            kind="model" if full else "adapter",
            base=self.files.name,
            base_revision=self.files.commit,
            trained=(*self.trained, method),
            brief=brief,
        )


def find_start(settings: TrainingSettings, brief: RewriterBrief) -> Start:
    """The model that the settings name. Raises DistillError or UsageError when it can't be trained like that."""
    folder = Path(settings.model).expanduser()
    if not is_rewriter_folder(folder):
        return Start(_find_base(settings.model, settings.revision), None, ())
    before = read_card(folder)
    told, now = before.brief.model_dump(), brief.model_dump()
    if differing := [name for name in told if told[name] != now[name]]:
        raise DistillError(
            f"the rewriter {folder} was trained to be told something else than these rows tell it ({differing[0]} "
            "differs): take rows of the same brief, or begin with its base model"
        )
    if before.kind == "model":
        return Start(_find_base(str(folder), None), None, before.trained)
    if not settings.full and (settings.lora_r or settings.lora_alpha):
        raise DistillError(f"{folder} is an adapter that is trained on as it is: leave --lora-r and --lora-alpha out")
    return Start(_find_base(before.base, before.base_revision), find_adapter(str(folder)), before.trained)


def new_adapter(settings: TrainingSettings) -> LoraConfig:
    """A LoRA over all linear layers but the last, which is where vLLM takes one, too."""
    rank = settings.lora_r or LORA_R
    return LoraConfig(
        r=rank,
        lora_alpha=settings.lora_alpha or 2 * rank,  # pyright: ignore[reportArgumentType] - a float will do
        lora_dropout=settings.lora_dropout,
        target_modules="all-linear",
        task_type="CAUSAL_LM",
    )


def _find_base(name: str, revision: str | None) -> Pretrained:
    folder = Path(name).expanduser()
    # Absolute, since the adapter and its card are read from elsewhere.
    files = find_chat_model(str(folder.resolve()) if folder.is_dir() else name, revision)
    if getattr(files.config, "quantization_config", None):
        raise DistillError(
            f"the weights of {name} are quantized, which can't be trained here: name the model it was made of"
        )
    return files
