"""PyTorch in this process: which device, which number format, and giving memory back."""

import gc

from feedback.errors import FeedbackError

INSTALL_HINT = 'pip install "retake[render]"'
try:
    import torch
except ImportError as error:
    raise FeedbackError(f"models in this process need more packages ({error}): {INSTALL_HINT}") from error

DTYPES = {"bfloat16": torch.bfloat16, "float16": torch.float16, "float32": torch.float32}


def find_device(name: str) -> torch.device:
    """The device of that name; for "auto" the accelerator if there is one, else the CPU. Raises FeedbackError."""
    accelerator = torch.accelerator.current_accelerator(check_available=True)
    if name == "auto":
        return accelerator or torch.device("cpu")
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise FeedbackError(f"the device is {name!r}, but must be auto, cpu, cuda, cuda:1 or the like") from error
    is_there = accelerator and device.type == accelerator.type
    if device.type != "cpu" and not (is_there and (device.index or 0) < torch.accelerator.device_count()):
        raise FeedbackError(f"the device is {name!r}, which this machine's PyTorch does not have: use 'auto'")
    return device


def find_dtype(name: str, device: torch.device) -> torch.dtype:
    """The number format of that name; for "auto" bfloat16 on an accelerator, float32 on a CPU. Raises FeedbackError."""
    if name == "auto":
        return torch.float32 if device.type == "cpu" else torch.bfloat16
    if name not in DTYPES:
        raise FeedbackError(f"the dtype is {name!r}, but must be auto, {', '.join(DTYPES)}")
    return DTYPES[name]


def free_cached_memory(device: torch.device) -> None:
    """Gives memory back to the device that PyTorch keeps for tensors to come."""
    gc.collect()
    if device.type != "cpu":
        torch.accelerator.empty_cache()
