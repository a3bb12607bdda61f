"""Many things through a model, as many at once as fit into memory."""

import logging
from collections.abc import Callable, Iterable
from typing import Any

from feedback.errors import FeedbackError
from feedback.torch_models import INSTALL_HINT, free_cached_memory

try:
    import torch
except ImportError as error:
    raise FeedbackError(f"models in this process need more packages ({error}): {INSTALL_HINT}") from error

_log = logging.getLogger(__name__)


class Batches:
    """Cuts work into batches; half as large, from then on, whenever the device's memory runs out.

    Args:
        at_once: How large a batch may be, 1 or more.
        device: Whose memory it is.
        what: What a batch is made of, for messages: "frames".
    """

    def __init__(self, at_once: int, device: torch.device, what: str):
        self._at_once, self._device, self._what = at_once, device, what

    def run(self, items: Any, forward: Callable[[Any], Iterable[Any]]) -> list[Any]:
        """One result an item, in order. `items` is cut by slices; FeedbackError when not even one fits."""
        results: list[Any] = []
        while len(results) < len(items):
            some = items[len(results) : len(results) + self._at_once]
            try:
                results.extend(forward(some))
                continue
            except (torch.OutOfMemoryError, MemoryError) as error:
                if len(some) == 1:
                    raise FeedbackError(
                        f"the memory of {self._device} is too small for one of the {self._what}; "
                        "use a smaller model, or the device cpu"
                    ) from error
            # Only after the except clause are the tensors that its traceback holds gone.
            free_cached_memory(self._device)
            self._at_once = len(some) // 2
            _log.warning("out of memory: %d %s at once from now on", self._at_once, self._what)
        return results
