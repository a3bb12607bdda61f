"""What the model reads in training: mostly canonical captions, some reworded, incomplete, or full of unknown words."""

import numpy as np

from examples.pocket.world import Scene, canonical, incomplete, paraphrases

EMPTY_SHARE = 0.1
"""Trained without text, for classifier-free guidance."""
CANONICAL_SHARE = 0.6
PARAPHRASE_SHARE = 0.2
"""The rest is incomplete."""
NOISY_SHARE = 0.25
"""Of captions with unknown words among or instead of their own, so that unknown words come to be ignored."""
MOST_UNKNOWN = 100


def training_caption(scene: Scene, rng: np.random.Generator, *, many_unknown: bool = False) -> str:
    """A caption of this scene; `many_unknown` puts up to 100 unknown words into it."""
    if rng.random() < EMPTY_SHARE:
        return ""
    kind = rng.random()
    if kind < CANONICAL_SHARE:
        caption = canonical(scene)
    elif kind < CANONICAL_SHARE + PARAPHRASE_SHARE:
        caption = str(rng.choice(paraphrases(scene)))
    else:
        caption = incomplete(scene, rng)
    if many_unknown:
        return with_unknown_words(caption, rng, int(rng.integers(1, MOST_UNKNOWN + 1)))
    if rng.random() < NOISY_SHARE:
        return with_unknown_words(caption, rng, int(rng.integers(1, 7)), replace_share=0.4)
    return caption


def with_unknown_words(caption: str, rng: np.random.Generator, count: int, replace_share: float = 0.0) -> str:
    """The caption with `count` meaningless words put in, or in the place of its own for a share of them."""
    words = caption.split()
    for _ in range(count):
        at = int(rng.integers(len(words) + 1))
        replaces = at < len(words) and rng.random() < replace_share
        words[at : at + replaces] = ["".join(rng.choice(list("bcdfgjklmnpqrstvwxz"), 6))]
    return " ".join(words)
