"""Loading what `find_pretrained` found: weights from safetensors only, and no code that comes with a model."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from feedback.errors import FeedbackError, first_line
from feedback.pretrained import Pretrained
from feedback.torch_models import INSTALL_HINT

try:
    import torch
    import transformers.utils.logging as transformers_logging
except ImportError as error:
    raise FeedbackError(f"models in this process need more packages ({error}): {INSTALL_HINT}") from error


@contextmanager
def no_progress_bars() -> Iterator[None]:
    """Within it transformers draws no bars, which would stand in the middle of a command's own display."""
    if not transformers_logging.is_progress_bar_enabled():
        yield
        return
    transformers_logging.disable_progress_bar()
    try:
        yield
    finally:
        transformers_logging.enable_progress_bar()


def load_weights(auto_class: Any, files: Pretrained, dtype: torch.dtype, device: torch.device) -> Any:
    """The model by this auto class of transformers, on the device, in evaluation mode.

    Raises:
        FeedbackError: It does not fit into memory, or the files are broken.
    """
    try:
        with no_progress_bars():
            model = auto_class.from_pretrained(files.location, dtype=dtype, use_safetensors=True, **files.where)
        return model.to(device).eval()
    except (torch.OutOfMemoryError, MemoryError) as error:
        raise FeedbackError(f"the model {files.name} does not fit into the memory of {device}") from error
    except Exception as error:
        raise FeedbackError(
            f"the weights of {files.name} can't be loaded ({first_line(error)}): get them anew, as safetensors"
        ) from error


def load_part(auto_class: Any, files: Pretrained) -> Any:
    """The model's tokenizer, image processor or whole processor, by this auto class. Raises FeedbackError."""
    try:
        return auto_class.from_pretrained(files.location, **files.where)
    except ImportError as error:
        raise FeedbackError(f"the processor of {files.name} needs more packages: {first_line(error)}") from error
    except Exception as error:
        raise FeedbackError(
            f"the processor of {files.name} can't be loaded ({first_line(error)}): get it anew"
        ) from error
