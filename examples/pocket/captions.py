"""What the model reads in training: mostly canonical captions, some reworded, incomplete, or with words missing."""

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
    return with_gaps(caption, rng) if rng.random() < GAPS_SHARE else caption


def with_gaps(caption: str, rng: np.random.Generator) -> str:
    """The caption without one to four of its words; at least one is left."""
    words = caption.split()
    for _ in range(min(rng.integers(1, MOST_GAPS + 1), len(words) - 1)):
        del words[rng.integers(len(words))]
    return " ".join(words)
