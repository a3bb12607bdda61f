"""A model of this process: loaded once, at its first use, and out of the way while others need its device."""

from collections.abc import Callable
from functools import cached_property
from threading import Lock
from typing import Any

from feedback.errors import FeedbackError
from feedback.model_size import UnknownSizeError, count_parameters
from feedback.pretrained import Pretrained
from feedback.resident import Holding
from feedback.torch_models import INSTALL_HINT, free_cached_memory

try:
    import torch
except ImportError as error:
    raise FeedbackError(f"models in this process need more packages ({error}): {INSTALL_HINT}") from error


class HeldModel:
    """One model, loaded at its first use and once; while it is released it waits in the CPU's memory.

    A `Resident`. Safe to use from threads.

    Args:
        files: Which model it is.
        device: Where it works.
        dtype: What its weights are there.
        load: Gives the model on `device`; called once.
    """

    def __init__(self, files: Pretrained, device: torch.device, dtype: torch.dtype, load: Callable[[], Any]):
        self.device, self.dtype = device, dtype
        self._files, self._load = files, load
        self._model: Any = None
        self._is_away = False
        self._lock = Lock()

    @property
    def holdings(self) -> list[Holding]:
        """The model, with the size of its weights on the device."""
        return [self._holding]

    @cached_property
    def _holding(self) -> Holding:
        files = self._files
        try:
            weight_bytes, why = count_parameters(files.location, files.commit) * self.dtype.itemsize, ""
        except UnknownSizeError as problem:
            weight_bytes, why = None, str(problem)
        return Holding(files.name, str(self.device), weight_bytes, why)

    def get(self) -> Any:
        """The model, on its device."""
        with self._lock:
            if self._model is None:
                self._model = self._load()
            self._return()
            return self._model

    def acquire(self) -> None:
        """Moves the model back to its device, if it was released."""
        with self._lock:
            self._return()

    def release(self) -> None:
        """Moves the model to the CPU's memory, if it is loaded and works elsewhere."""
        with self._lock:
            if self._model is not None and not self._is_away and self.device.type != "cpu":
                self._model.to("cpu")
                self._is_away = True
                free_cached_memory(self.device)

    def _return(self) -> None:
        if self._is_away:
            self._model.to(self.device)
            self._is_away = False
