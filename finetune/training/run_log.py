"""What a training run says of itself while it runs: lines on the screen, and log.jsonl beside the weights."""

import json
from typing import Any

from rich.console import Console

from finetune.errors import DistillError
from finetune.training.folder import TrainingFolder

try:
    from transformers import TrainerCallback, TrainerState
except ImportError as error:
    raise DistillError(f'training needs more packages ({error}): pip install "retake[train]"') from error

SHOWN = {
    "loss": "loss",
    "rewards/margins": "margin",
    "eval_loss": "held-out loss",
    "eval_rewards/margins": "held-out margin",
    "eval_rewards/accuracies": "held-out accuracy",
}


class RunLog(TrainerCallback):
    """Writes each line that the trainer logs; after a kill the file begins with what the checkpoint knows."""

    def __init__(self, folder: TrainingFolder, console: Console) -> None:
        self.folder = folder
        self.console = console

    def on_train_begin(self, args: Any, state: TrainerState, control: Any, **more: Any) -> None:  # noqa: ARG002
        """Begins the file anew."""
        if state.is_world_process_zero:
            self.folder.log_file.write_text("".join(map(_line, state.log_history)), encoding="utf-8")

    def on_log(self, args: Any, state: TrainerState, control: Any, **more: Any) -> None:  # noqa: ARG002
        """Adds the newest line, and shows what matters of it."""
        if not state.is_world_process_zero:
            return
        newest = state.log_history[-1]
        with self.folder.log_file.open("a", encoding="utf-8") as file:
            file.write(_line(newest))
        shown = "  ".join(f"{said} {newest[key]:.4f}" for key, said in SHOWN.items() if key in newest)
        if shown:
            self.console.print(f"{state.global_step:>6}/{state.max_steps}  {shown}", highlight=False, soft_wrap=True)


def _line(entry: dict[str, Any]) -> str:
    return json.dumps(entry) + "\n"
