"""Texts that are nearly the same: Jaccard similarity of their pairs of neighbouring words.

Exact, and quick for ten thousand texts: two sets can only be similar when their rarest members meet (prefix filtering:
Chaudhuri et al. 2006), so only texts that share one of those are compared.
"""

from collections import Counter, defaultdict
from collections.abc import Hashable, Iterator, Sequence, Set
from itertools import pairwise
from math import ceil

import networkx

from agent.languages import has_spaced_words
from feedback.lexicon import words_of


def plain_words(text: str) -> str:
    """The lower-cased words of a text, single-spaced; the text itself when it has none."""
    return " ".join(words_of(text)) or text.strip()


def similarity(one: str, other: str) -> float:
    """0 (no two neighbouring words in common) to 1 (the same words in the same order); symmetric."""
    return _jaccard(_word_pairs(one), _word_pairs(other))


def near_pairs(texts: Sequence[str], threshold: float) -> Iterator[tuple[int, int]]:
    """Positions (earlier, later) of each two texts whose similarity is at least the threshold, above 0 and up to 1."""
    found = [_word_pairs(text) for text in texts]
    spread = Counter(pair for pairs in found for pair in pairs)
    rarity = {pair: place for place, pair in enumerate(sorted(spread, key=lambda pair: (spread[pair], pair)))}
    sets = [frozenset(rarity[pair] for pair in pairs) for pairs in found]
    known: defaultdict[int, list[int]] = defaultdict(list)
    for later, members in enumerate(sets):
        rarest = sorted(members)[: len(members) - ceil(threshold * len(members) - 1e-9) + 1]
        met = {position for member in rarest for position in known[member]}
        for earlier in sorted(met):
            if _jaccard(sets[earlier], members) >= threshold:
                yield earlier, later
        for member in rarest:
            known[member].append(later)


def group_near(texts: Sequence[str], threshold: float) -> list[int]:
    """For each text the position of the first of its group: who is near to one of a group belongs to it."""
    near = networkx.Graph()
    near.add_nodes_from(range(len(texts)))
    near.add_edges_from(near_pairs(texts, threshold))
    firsts = {position: min(group) for group in networkx.connected_components(near) for position in group}
    return [firsts[position] for position in range(len(texts))]


def _word_pairs(text: str) -> frozenset[tuple[str, str]]:
    """With the ends, so that one word makes pairs too; where words are not set apart, characters are taken for them."""
    is_spaced = text.isascii() or has_spaced_words(text)
    words = plain_words(text).split(" ") if is_spaced else list("".join(plain_words(text).split()))
    return frozenset(pairwise(["", *words, ""]))


def _jaccard(one: Set[Hashable], other: Set[Hashable]) -> float:
    shared = len(one & other)
    return shared / (len(one) + len(other) - shared)
