"""Supervised fine-tuning: the rewriter learns to answer a prompt with the text that won."""

from typing import Any

from rich.console import Console

from finetune.errors import DistillError
from finetune.training.data import TrainingData
from finetune.training.folder import TrainingFolder
from finetune.training.prepare import Prepared, prepare
from finetune.training.settings import SFTSettings
from finetune.training.start import new_adapter
from finetune.training.trainer import callbacks, quiet, run, trainer_arguments
from finetune.training.trl_line import trl_line

try:
    from trl.trainer.sft_config import SFTConfig
    from trl.trainer.sft_trainer import SFTTrainer
except ImportError as error:
    raise DistillError(f'training needs more packages ({error}): pip install "retake[train]"') from error


def train_sft(data: TrainingData, folder: TrainingFolder, settings: SFTSettings, console: Console) -> None:
    """Trains to the end and leaves a rewriter in the folder; the loss is that of the answers alone.

    Raises DistillError or UsageError when rows, model and settings do not fit, or memory runs out; in one line.
    """
    prepared = prepare("sft", data, folder, settings, console)
    with quiet():
        prepared.tell(f"the same with TRL: {trl_line(prepared, sft_arguments(prepared), SFTConfig)}")
        run(make_sft_trainer(prepared), prepared)


def make_sft_trainer(prepared: Prepared[SFTSettings]) -> SFTTrainer:
    """TRL's trainer. An adapter that is there is trained on; else a new one is laid over the model, or none."""
    settings, start = prepared.settings, prepared.start
    is_new = not settings.full and start.adapter is None
    return SFTTrainer(
        model=start.load(prepared.dtype, merged=settings.full),
        args=SFTConfig(output_dir=str(prepared.folder.checkpoints), disable_tqdm=True, **sft_arguments(prepared)),
        train_dataset=prepared.train_dataset,
        eval_dataset=prepared.eval_dataset,
        processing_class=prepared.format.chat.tokenizer,
        peft_config=new_adapter(settings) if is_new else None,
        callbacks=callbacks(prepared),
    )


def sft_arguments(prepared: Prepared[SFTSettings]) -> dict[str, Any]:
    """The settings by SFTConfig's names."""
    return {"completion_only_loss": True, **trainer_arguments(prepared)}
