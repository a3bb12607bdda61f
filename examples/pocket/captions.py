"""What the model reads in training: mostly canonical captions, some reworded, incomplete, or marred.

Marred is what a text looks like whose unknown words the tokenizer leaves out: words are missing, or a few small words
stand before and after the caption, left over from other sentences.
"""

import numpy as np

from examples.pocket.world import Scene, canonical, incomplete, paraphrases

EMPTY_SHARE = 0.1
"""Trained without text, for classifier-free guidance."""
CANONICAL_SHARE = 0.6
PARAPHRASE_SHARE = 0.2
"""The rest is incomplete."""
GAPS_SHARE = 0.15
"""Of captions that miss words anywhere, as a text does whose unknown words the tokenizer leaves out."""
MOST_GAPS = 4
REMAINS_SHARE = 0.15
"""Of captions with what is left of other sentences around them."""
MOST_REMAINS = 10
"""Before, and after."""
SMALL_WORDS = ("a", "and", "is", "it", "of", "on", "that", "the", "there", "to", "video", ",", ".")
"""Those of the known words that any English sentence may have."""


def training_caption(scene: Scene, rng: np.random.Generator) -> str:
    """A caption of this scene."""
    if rng.random() < EMPTY_SHARE:
        return ""
    kind = rng.random()
    if kind < CANONICAL_SHARE:
        caption = canonical(scene)
    elif kind < CANONICAL_SHARE + PARAPHRASE_SHARE:
        caption = str(rng.choice(paraphrases(scene)))
    else:
        caption = incomplete(scene, rng)
    marred = rng.random()
    if marred < GAPS_SHARE:
        return with_gaps(caption, rng)
    if marred < GAPS_SHARE + REMAINS_SHARE:
        return with_remains(caption, rng)
    return caption


def with_gaps(caption: str, rng: np.random.Generator) -> str:
    """The caption without one to four of its words; at least one is left."""
    words = caption.split()
    for _ in range(min(rng.integers(1, MOST_GAPS + 1), len(words) - 1)):
        del words[rng.integers(len(words))]
    return " ".join(words)


def with_remains(caption: str, rng: np.random.Generator) -> str:
    """The caption between small words, up to ten before it and ten after."""
    before, after = (rng.choice(SMALL_WORDS, rng.integers(MOST_REMAINS + 1)) for _ in range(2))
    return " ".join([*before, caption, *after])
