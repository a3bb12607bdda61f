"""What SFT and DPO share: the trainer's arguments, training to the end, and what is left behind."""

import shutil
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from math import isfinite
from typing import Any

from agent.llm.lora_adapter import find_adapter
from agent.rewriter_card import write_card
from agent.run_folder import write_text
from finetune.errors import DistillError
from finetune.training.card import DATA_CARD, describe_run
from finetune.training.plots import plot_log
from finetune.training.prepare import Prepared, computes_in_bfloat16
from finetune.training.run_log import RunLog
from finetune.training.settings import S

try:
    import datasets
    import torch
    import transformers.utils.logging
    from transformers import EarlyStoppingCallback, PrinterCallback, TrainerCallback
except ImportError as error:
    raise DistillError(f'training needs more packages ({error}): pip install "retake[train]"') from error


def trainer_arguments(prepared: Prepared[S]) -> dict[str, Any]:
    """The settings by the names that SFTConfig and DPOConfig share; the command line of TRL is made of the same."""
    settings = prepared.settings
    has_accelerator = torch.accelerator.is_available()
    checkpointing = settings.gradient_checkpointing
    strategy = "steps" if settings.save_steps else "epoch"
    every = settings.save_steps
    measured: dict[str, Any] = {"eval_strategy": "no"}
    if prepared.held_out.rows:
        measured = {
            "eval_strategy": strategy,
            **({"eval_steps": every} if every else {}),
            "eval_on_start": True,
            "load_best_model_at_end": True,
            "metric_for_best_model": "eval_loss",
        }
    return {
        "learning_rate": settings.rate,
        "num_train_epochs": settings.epochs,
        "max_steps": settings.max_steps or -1,
        "per_device_train_batch_size": settings.batch_size,
        "per_device_eval_batch_size": settings.batch_size,
        "gradient_accumulation_steps": settings.gradient_accumulation,
        "warmup_steps": settings.warmup,
        "lr_scheduler_type": settings.scheduler,
        "max_length": settings.max_length,
        "seed": settings.seed,
        "bf16": computes_in_bfloat16(settings),
        "use_cpu": not has_accelerator,
        "dataloader_pin_memory": has_accelerator,
        "gradient_checkpointing": has_accelerator if checkpointing is None else checkpointing,
        "logging_steps": settings.logging_steps,
        "logging_first_step": True,
        "save_strategy": strategy,
        **({"save_steps": every} if every else {}),
        "save_total_limit": 2,
        "restore_callback_states_from_checkpoint": settings.patience is not None,
        "ddp_find_unused_parameters": False,
        "report_to": "none",
        **measured,
    }


def callbacks(prepared: Prepared[S]) -> list[TrainerCallback]:
    """The run's log, and the end of a run that no longer gets better."""
    log: list[TrainerCallback] = [RunLog(prepared.folder, prepared.console)]
    return [*log, EarlyStoppingCallback(prepared.settings.patience)] if prepared.settings.patience else log


@contextmanager
def quiet() -> Iterator[None]:
    """Without warnings and progress bars that a user can do nothing about."""
    datasets.disable_progress_bars()
    transformers.utils.logging.disable_progress_bar()
    said = transformers.utils.logging.get_verbosity()
    # Of file times, for one: some file systems keep them too coarsely to tell checkpoints apart.
    transformers.utils.logging.set_verbosity_error()
    try:
        with warnings.catch_warnings():
            # TRL 1.16 and peft 0.21 use names of transformers 5.23 that are going out of use.
            warnings.filterwarnings("ignore", message=".*gradient_checkpointing", category=FutureWarning)
            yield
    finally:
        transformers.utils.logging.set_verbosity(said)


def run(trainer: Any, prepared: Prepared[S]) -> None:
    """Trains to the end, from the last checkpoint if there is one, and leaves a rewriter in the folder."""
    trainer.remove_callback(PrinterCallback)
    with prepared.folder.lock():
        _train(trainer, prepared)
        trainer.save_model(str(prepared.folder.path))
        if trainer.is_world_process_zero():
            _finish(trainer, prepared)
    trainer.end()


def _train(trainer: Any, prepared: Prepared[S]) -> None:
    settings = prepared.settings
    checkpoint = prepared.folder.last_checkpoint()
    if checkpoint:
        trainer.args.eval_on_start = False
        prepared.tell(f"goes on from {checkpoint.name}")
    try:
        trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)
    except (torch.OutOfMemoryError, MemoryError) as problem:
        raise DistillError(
            f"training {prepared.start.files.name} does not fit into the memory: lower --batch-size (now "
            f"{settings.batch_size}; raise --gradient-accumulation as much) or --max-length (now "
            f"{settings.max_length}), set --gradient-checkpointing{', leave --full out' if settings.full else ''}, or "
            "begin with a smaller model"
        ) from problem
    if not all(isfinite(line.get("eval_loss", line.get("loss", 0.0))) for line in trainer.state.log_history):
        raise DistillError(
            f"the loss became no number (see {prepared.folder.log_file}): lower --learning-rate (now "
            f"{settings.rate:g}) and choose another --output-dir"
        )


def _finish(trainer: Any, prepared: Prepared[S]) -> None:
    """Plots and cards, rewriter.json last of all; then what only a run that goes on needs is removed."""
    folder = prepared.folder
    (folder.path / "training_args.bin").unlink(missing_ok=True)
    # TRL keeps the adapter that DPO began with as a second one, "ref"; in use there is no need of it.
    shutil.rmtree(folder.path / "ref", ignore_errors=True)
    log: list[dict[str, Any]] = trainer.state.log_history
    write_text(folder.path / "loss.svg", plot_log("Loss", log, "loss"))
    if prepared.method == "dpo":
        write_text(folder.path / "margin.svg", plot_log("Reward margin, chosen over rejected", log, "rewards/margins"))
    card = prepared.start.card(prepared.method, prepared.data.brief, full=prepared.settings.full)
    rank = None if card.kind == "model" else find_adapter(str(folder.path)).rank
    trainer.create_model_card(model_name=folder.path.name)
    drawn_up = describe_run(folder.checkpoints / "README.md", prepared, card, trainer.state, rank)
    write_text(folder.card_file, drawn_up)
    if prepared.data.card:
        write_text(folder.path / DATA_CARD, prepared.data.card)
    write_card(folder.path, card)
    shutil.rmtree(folder.checkpoints)
