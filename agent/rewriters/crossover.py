"""Children of two texts by rules: each part of the prompt in the wording of one parent, one part in another wording.

The genes of a text are the wordings of its parts that stand in it, so a child says what its parents say: nothing is
lost by crossing, and a mutation only swaps wordings of the same meaning.
"""

import random
from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations_with_replacement

from agent.rewriters.wording import Part, PromptParts
from feedback.lexicon import words_of

Genes = dict[Part, str]
"""The wording that each part takes."""


def read_genes(text: str, parts: PromptParts) -> Genes:
    """The longest wording of each of these parts that the text holds; parts that it words otherwise are left out."""
    said = f" {' '.join(words_of(text))} "
    found: Genes = {}
    for part in parts.all:
        held = [wording for wording in part.wordings if f" {' '.join(words_of(wording))} " in said]
        if held:
            found[part] = max(held, key=len)
    return found


def breed(parents: Sequence[str], parts: PromptParts, failing: set[str], seed: int) -> Iterator[tuple[Genes, str]]:
    """Children of these texts with a word on how each came about, those of the best parents first.

    parents: the best first. failing: ids of the questions that do not hold for the first; a mutation takes a part that
    they ask for, where one of them can be worded otherwise. Same seed, same children.
    """
    chance = random.Random(seed)  # noqa: S311 - no secret
    pools = [read_genes(text, parts) for text in parents]
    for one, other in combinations_with_replacement(range(len(pools)), 2):
        child = _cross(pools[one], pools[other], parts, chance)
        if one != other:
            yield child, f"parts of the texts ranked {one + 1} and {other + 1}"
        if mutated := _mutate(child, parts, failing, chance):
            part, wording = mutated
            yield child | {part: wording}, f"the text ranked {one + 1}, with {wording!r} in it"


def _cross(one: Mapping[Part, str], other: Mapping[Part, str], parts: PromptParts, chance: random.Random) -> Genes:
    """Each part from either parent by chance; from the one that has it where only one does, else in its own wording."""
    child: Genes = {}
    for part in parts.all:
        known = [genes[part] for genes in (one, other) if part in genes]
        child[part] = chance.choice(known) if known else part.wordings[0]
    return child


def _mutate(
    genes: Mapping[Part, str], parts: PromptParts, failing: set[str], chance: random.Random
) -> tuple[Part, str] | None:
    """A part and another wording for it; None when no part has one."""
    open_ones = [part for part in parts.all if len(part.wordings) > 1]
    broken = [part for part in open_ones if failing & set(part.questions)]
    if not open_ones:
        return None
    part = chance.choice(broken or open_ones)
    return part, chance.choice([wording for wording in part.wordings if wording != genes[part]])
