"""Many texts in one block of bytes, each decoded when it is asked for: a million open as fast as ten."""

from collections.abc import Iterable, Sequence
from typing import overload

import numpy as np
from numpy.typing import NDArray


class TextList(Sequence[str]):
    """A part of the packed texts.

    Args:
        packed: uint8, all texts in UTF-8, one after the other; may be mapped from disk.
        bounds: int64 [texts + 1], where each begins and the last one ends.
        span: Which of the texts; all by default.
    """

    def __init__(self, packed: NDArray[np.uint8], bounds: NDArray[np.int64], span: range | None = None):
        self._packed = packed
        self._bounds = bounds
        self._span = range(len(bounds) - 1) if span is None else span

    def __len__(self) -> int:
        return len(self._span)

    @overload
    def __getitem__(self, at: int) -> str: ...
    @overload
    def __getitem__(self, at: slice) -> "TextList": ...
    def __getitem__(self, at: int | slice) -> "str | TextList":
        if isinstance(at, slice):
            return TextList(self._packed, self._bounds, self._span[at])
        text = self._span[at]
        return self._packed[self._bounds[text] : self._bounds[text + 1]].tobytes().decode("utf-8", "replace")


def pack_texts(texts: Iterable[str]) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """The bytes and the bounds that a TextList reads."""
    encoded = [text.encode("utf-8", "replace") for text in texts]
    bounds = np.zeros(len(encoded) + 1, np.int64)
    np.cumsum([len(text) for text in encoded], out=bounds[1:])
    return np.frombuffer(b"".join(encoded), np.uint8), bounds
