"""Texts that are nearly the same: Jaccard similarity of the three-letter pieces of their words.

Exact, also for ten thousand texts. Two sets can only be similar when their rarest pieces meet (prefix filtering:
Chaudhuri et al. 2006), so that only texts which share one of those are compared.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from math import ceil

from feedback.lexicon import words_of

Pieces = frozenset[str]


def plain_words(text: str) -> str:
    """The lower-cased words of a text, single-spaced; the text itself when it has none."""
    return " ".join(words_of(text)) or text.strip()


def similarity(one: str, other: str) -> float:
    """0 (no piece in common) to 1 (the same words in the same order); symmetric."""
    return _jaccard(_pieces(one), _pieces(other))


def near_pairs(texts: Sequence[str], threshold: float) -> Iterator[tuple[int, int]]:
    """Positions (earlier, later) of each two texts whose similarity is at least the threshold, above 0 and up to 1."""
    pieces = [_pieces(text) for text in texts]
    spread = Counter(piece for found in pieces for piece in found)
    known: defaultdict[str, list[int]] = defaultdict(list)
    for later, found in enumerate(pieces):
        rarest_first = sorted(found, key=lambda piece: (spread[piece], piece))
        prefix = rarest_first[: len(found) - ceil(threshold * len(found) - 1e-9) + 1]
        for earlier in sorted({position for piece in prefix for position in known[piece]}):
            if _jaccard(pieces[earlier], found) >= threshold:
                yield earlier, later
        for piece in prefix:
            known[piece].append(later)


def group_near(texts: Sequence[str], threshold: float) -> list[int]:
    """For each text the position of the first of its group: who is near to one of a group belongs to it."""
    first = list(range(len(texts)))

    def find(position: int) -> int:
        while first[position] != position:
            first[position] = position = first[first[position]]
        return position

    for one, other in near_pairs(texts, threshold):
        low, high = sorted((find(one), find(other)))
        first[high] = low
    return [find(position) for position in range(len(texts))]


def _pieces(text: str) -> Pieces:
    words = f" {plain_words(text)} "
    return frozenset(words[start : start + 3] for start in range(max(1, len(words) - 2)))


def _jaccard(one: Pieces, other: Pieces) -> float:
    shared = len(one & other)
    return shared / (len(one) + len(other) - shared)
