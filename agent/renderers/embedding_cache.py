"""Text embeddings of one pipeline, kept: a text is encoded once for all its seeds, a negative prompt once for all."""

import functools
import re
from collections import OrderedDict
from collections.abc import Callable
from inspect import getmembers
from typing import Any

from agent.errors import UsageError
from agent.renderers.model_files import RENDER_HINT

try:
    import torch
except ImportError as error:
    raise UsageError(f"rendering with diffusers needs more packages ({error}): {RENDER_HINT}") from error

KEPT_BYTES = 2 * 2**30
"""Of the CPU's memory. A text is 4 MB to Wan and 0.4 GB to LTX-2, which reads all layers of its encoder."""
_ENCODES_ONE_TEXT = re.compile(r"_get_\w+_prompt_embeds")


class EmbeddingCache:
    """Remembers what a pipeline's own encoding methods return, by all their arguments; what is oldest goes first.

    What it returns is bit-equal to what was computed, and a copy. Embeddings wait in the CPU's memory and come back on
    the device they were computed on. Not for threads.
    """

    def __init__(self, kept_bytes: int = KEPT_BYTES):
        self._kept_bytes = kept_bytes
        self._used_bytes = 0
        self._kept: OrderedDict[Any, tuple[int, Any]] = OrderedDict()

    def attach(self, pipeline: Any) -> None:
        """Puts itself before the methods of this pipeline that encode a text.

        Those that encode one text are taken where there are any, so that a negative prompt is not encoded again beside
        every new text; Latte has only `encode_prompt`, for both together.
        """
        names = [name for name, _ in getmembers(type(pipeline), callable) if _ENCODES_ONE_TEXT.fullmatch(name)]
        for name in names or ["encode_prompt"]:
            if method := getattr(pipeline, name, None):
                setattr(pipeline, name, self._remembering(name, method))

    def _remembering(self, name: str, method: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(method)
        def encode(*args: Any, **kwargs: Any) -> Any:
            try:
                key = (name, _frozen(args), _frozen(kwargs))
            except TypeError:  # Such as embeddings that were given in place of a text.
                return method(*args, **kwargs)
            if key in self._kept:
                self._kept.move_to_end(key)
                return _restored(self._kept[key][1])
            result = method(*args, **kwargs)
            self._keep(key, result)
            return result

        return encode

    def _keep(self, key: Any, result: Any) -> None:
        size_bytes = _tensor_bytes(result)
        if size_bytes > self._kept_bytes:
            return
        while self._used_bytes + size_bytes > self._kept_bytes:
            self._used_bytes -= self._kept.popitem(last=False)[1][0]
        self._kept[key] = (size_bytes, _stored(result))
        self._used_bytes += size_bytes


def _frozen(value: Any) -> Any:
    """The value as a key, equal only for the same kind. Raises TypeError for one that can't be."""
    if isinstance(value, torch.Tensor):
        raise TypeError("a tensor is no key")
    if isinstance(value, list | tuple):
        return (type(value), *map(_frozen, value))
    if isinstance(value, dict):
        return tuple((name, _frozen(part)) for name, part in sorted(value.items()))
    hash(value)
    return type(value), value


def _stored(result: Any) -> Any:
    """The result with each tensor as a copy on the CPU, beside the device it was on."""
    if isinstance(result, torch.Tensor):
        return result.device, result.detach().to("cpu", copy=True)
    return tuple(map(_stored, result)) if isinstance(result, tuple | list) else result


def _restored(stored: Any) -> Any:
    if isinstance(stored, tuple) and len(stored) == 2 and isinstance(stored[0], torch.device):
        return stored[1].to(stored[0], copy=True)
    return tuple(map(_restored, stored)) if isinstance(stored, tuple) else stored


def _tensor_bytes(result: Any) -> int:
    if isinstance(result, torch.Tensor):
        return result.numel() * result.element_size()
    return sum(map(_tensor_bytes, result)) if isinstance(result, tuple | list) else 0
