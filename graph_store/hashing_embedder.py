"""A deterministic Embedder without a model: words and their letter groups, hashed into a vector."""

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

from graph_store.words import FUNCTION_WORDS

DIMENSION = 512
FUNCTION_WORD_WEIGHT = 0.15
"""Against 1 for any other word: "a red ball on the floor" should be near "red ball", not near "a man on the floor"."""

_WORD = re.compile(r"\w+")


class HashingEmbedder:
    """Near texts are those that share words or parts of words; meaning is not seen.

    Needs no download, no model and no accelerator. A text without a letter or digit gets one fixed unit vector.
    """

    name = "hashing"
    dimension = DIMENSION

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """float32 [len(texts), 512], each row of unit length."""
        vectors = np.zeros((len(texts), DIMENSION), np.float32)
        for row, text in zip(vectors, texts, strict=True):
            row[:] = _encode(text)
        return vectors


def _encode(text: str) -> NDArray[np.float32]:
    vector = np.zeros(DIMENSION)
    for word in _WORD.findall(text.casefold()):
        slots, signs = _hash_word(word)
        np.add.at(vector, slots, signs * (FUNCTION_WORD_WEIGHT if word in FUNCTION_WORDS else 1.0) / len(slots) ** 0.5)
    length = float(np.linalg.norm(vector))
    if length < 1e-9:
        vector[0], length = 1.0, 1.0
    return (vector / length).astype(np.float32)


@lru_cache(maxsize=1 << 14)
def _hash_word(word: str) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """The slots a word adds to and the sign it adds with."""
    numbers = [
        int.from_bytes(blake2b(part.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "little")
        for part in _split_word(word)
    ]
    slots = np.array([number % DIMENSION for number in numbers])
    signs = np.array([1.0 if number >> 63 else -1.0 for number in numbers])
    return slots, signs


def _split_word(word: str) -> Iterator[str]:
    """The whole word, then its groups of three and four letters, the word's ends marked."""
    yield word
    marked = f"<{word}>"
    for size in (3, 4):
        for start in range(len(marked) - size + 1):
            yield marked[start : start + size]
