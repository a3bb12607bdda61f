"""A LoRA adapter laid over a loaded model, by peft."""

import warnings
from typing import Any

from agent.errors import UsageError
from agent.llm.lora_adapter import LoraAdapter
from feedback.errors import first_line

try:
    from peft import PeftModel
except ImportError as error:
    raise UsageError(f"--rewriter-adapter needs one more package ({error}): pip install peft") from error


def load_lora(model: Any, adapter: LoraAdapter, *, is_trainable: bool = False) -> Any:
    """The model, which is on the CPU, with the adapter over it; one that is trained on is kept in float32.

    Raises UsageError when the two do not fit together.
    """
    with warnings.catch_warnings():
        # peft 0.21 asks transformers 5.23 by a name that is going out of use; the user can't help it.
        warnings.filterwarnings("ignore", message=".*is_gradient_checkpointing", category=FutureWarning)
        # A layer of the model that the adapter has no weights for would be left as it is, with no more than a warning.
        warnings.filterwarnings("error", message=".*missing adapter keys")
        try:
            return PeftModel.from_pretrained(
                model,
                str(adapter.folder),
                torch_device="cpu",
                is_trainable=is_trainable,
                autocast_adapter_dtype=is_trainable,
            ).eval()
        except Exception as error:
            trained_on = f", it was trained on {adapter.base}" if adapter.base else ""
            raise UsageError(
                f"the adapter {adapter.folder} does not fit the model{trained_on} ({first_line(error)[:200]})"
            ) from error
