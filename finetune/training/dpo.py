"""Direct preference optimization: the rewriter learns which of two texts makes the better video."""

from typing import Any

from rich.console import Console

from finetune.errors import DistillError
from finetune.training.data import TrainingData
from finetune.training.folder import TrainingFolder
from finetune.training.prepare import Prepared, prepare
from finetune.training.settings import DPOSettings
from finetune.training.start import new_adapter
from finetune.training.trainer import callbacks, quiet, run, trainer_arguments
from finetune.training.trl_line import trl_line

try:
    from trl.trainer.dpo_config import DPOConfig
    from trl.trainer.dpo_trainer import DPOTrainer
except ImportError as error:
    raise DistillError(f'training needs more packages ({error}): pip install "retake[train]"') from error


def train_dpo(data: TrainingData, folder: TrainingFolder, settings: DPOSettings, console: Console) -> None:
    """Trains to the end and leaves a rewriter in the folder.

    Raises DistillError or UsageError when rows, model and settings do not fit, or memory runs out; in one line.
    """
    prepared = prepare("dpo", data, folder, settings, console)
    with quiet():
        prepared.tell(f"the same with TRL: {trl_line(prepared, dpo_arguments(prepared), DPOConfig)}")
        run(make_dpo_trainer(prepared), prepared)


def make_dpo_trainer(prepared: Prepared[DPOSettings]) -> DPOTrainer:
    """TRL's trainer. The reference is the model as training finds it, an adapter of SFT included.

    An adapter that is there is trained on, and TRL keeps a copy of it as the reference: so the result is one adapter
    over the same base. A new adapter's reference is the model without it. All weights need the model a second time.
    """
    settings, start, dtype = prepared.settings, prepared.start, prepared.dtype
    is_new = not settings.full and start.adapter is None
    return DPOTrainer(
        model=start.load(dtype, merged=settings.full),
        ref_model=start.load(dtype, merged=True) if settings.full else None,
        args=DPOConfig(output_dir=str(prepared.folder.checkpoints), disable_tqdm=True, **dpo_arguments(prepared)),
        train_dataset=prepared.train_dataset,
        eval_dataset=prepared.eval_dataset,
        processing_class=prepared.format.chat.tokenizer,
        peft_config=new_adapter(settings) if is_new else None,
        callbacks=callbacks(prepared),
    )


def dpo_arguments(prepared: Prepared[DPOSettings]) -> dict[str, Any]:
    """The settings by DPOConfig's names."""
    arguments = {"beta": prepared.settings.beta, **trainer_arguments(prepared)}
    if prepared.settings.sft_weight:
        arguments |= {"loss_type": ["sigmoid", "sft"], "loss_weights": [1.0, prepared.settings.sft_weight]}
    return arguments
