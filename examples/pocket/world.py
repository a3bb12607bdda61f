"""The pocket world: scenes of one or two coloured shapes, and the captions that say everything about them.

Its words are the painter's, so one grammar and one tagging serve both.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import permutations, product
from zlib import crc32

import numpy as np

from agent.renderers.painter_grammar import (
    BACKGROUNDS,
    COLOURS,
    MOTIONS,
    RELATIONS,
    SHAPES,
    Background,
    Colour,
    Motion,
    Relation,
    Shape,
)

HELD_OUT_EVERY = 10
"""One scene in ten, by a checksum of its caption, is never trained on."""


@dataclass(frozen=True)
class Kind:
    """What a thing looks like."""

    colour: Colour
    shape: Shape

    def __str__(self) -> str:
        return f"{self.colour} {self.shape}"


@dataclass(frozen=True)
class Scene:
    """All that a caption says. The first thing moves; a companion of another colour stays still."""

    thing: Kind
    motion: Motion
    background: Background
    companion: Kind | None = None
    relation: Relation | None = None
    """Of the first thing to its companion."""


def all_scenes() -> Iterator[Scene]:
    """Every scene there is: 270 of one thing, 16,200 of two."""
    kinds = [Kind(colour, shape) for colour, shape in product(COLOURS, SHAPES)]
    for thing, motion, background in product(kinds, MOTIONS, BACKGROUNDS):
        yield Scene(thing, motion, background)
    pairs = [(a, b) for a, b in permutations(kinds, 2) if a.colour != b.colour]
    for (thing, companion), motion, background, relation in product(pairs, MOTIONS, BACKGROUNDS, RELATIONS):
        yield Scene(thing, motion, background, companion, relation)


def is_held_out(scene: Scene) -> bool:
    """Whether this scene is kept from training."""
    return crc32(canonical(scene).encode()) % HELD_OUT_EVERY == 0


def split_scenes(*, held_out: bool) -> tuple[list[Scene], list[Scene]]:
    """The training or the held-out scenes: those of one thing, those of two."""
    chosen = [scene for scene in all_scenes() if is_held_out(scene) == held_out]
    return [s for s in chosen if s.companion is None], [s for s in chosen if s.companion is not None]


def canonical(scene: Scene) -> str:
    """The dense caption in the one structure that most training captions have."""
    first = f"A {scene.thing} {scene.motion}"
    if scene.companion is None:
        return f"{first} on a {scene.background} background."
    return (
        f"{first} and a {scene.companion} stays still on a {scene.background} background. "
        f"The {scene.thing} {scene.relation} the {scene.companion}."
    )


def paraphrases(scene: Scene) -> tuple[str, ...]:
    """The same said in other structures that are trained on, more rarely."""
    thing, motion, scenery = f"a {scene.thing}", scene.motion, f"a {scene.background} background"
    if scene.companion is None:
        return (
            f"On {scenery}, {thing} {motion}.",
            f"There is {thing} on {scenery}. It {motion}.",
            f"{thing.capitalize()} {motion}. On {scenery}.",
            f"A video of {thing} that {motion}. The background is {scene.background}.",
        )
    other = f"a {scene.companion}"
    stands = f"the {scene.thing} {scene.relation} the {scene.companion}"
    beside = str(scene.relation).removeprefix("is ")
    return (
        f"On {scenery}, {thing} {motion} and {other} stays still. {stands.capitalize()}.",
        f"There is {thing} {beside} {other} on {scenery}. The {scene.thing} {motion} and the {scene.companion} stays "
        "still.",
        f"{thing.capitalize()} {motion} and {other} stays still. {stands.capitalize()}. On {scenery}.",
        f"A video of {thing} that {motion} and {other} that stays still. {stands.capitalize()}. "
        f"The background is {scene.background}.",
    )


_USER_WORDS = {
    "circle": "ball",
    "square": "box",
    "triangle": "pyramid",
    "moves to the left": "moving left",
    "moves to the right": "moving right",
    "moves up": "going up",
    "moves down": "going down",
    "stays still": "standing still",
    "is to the left of": "left of",
    "is to the right of": "right of",
    "is above": "above",
    "is below": "below",
}


def as_users_type(scene: Scene) -> str:
    """Short, in words for shapes and motions that no training caption has; background and companion are left unsaid."""
    thing, motion = f"{scene.thing.colour} {_USER_WORDS[scene.thing.shape]}", _USER_WORDS[scene.motion]
    if scene.companion is None or scene.relation is None:
        return f"{thing} {motion}"
    other = f"{scene.companion.colour} {_USER_WORDS[scene.companion.shape]}"
    return f"{thing} {motion}, {_USER_WORDS[scene.relation]} a {other}"


def incomplete(scene: Scene, rng: np.random.Generator) -> str:
    """The canonical caption with one or more of its clauses left out; the things are always named."""
    says_motion, says_background, says_still, says_relation = rng.random(4) < 0.6
    moving = f" {scene.motion}" if says_motion else ""
    scenery = f" on a {scene.background} background" if says_background else ""
    if scene.companion is None:
        return f"A {scene.thing}{moving}{scenery}."
    still = " stays still" if says_still else ""
    stands = f" The {scene.thing} {scene.relation} the {scene.companion}." if says_relation else ""
    return f"A {scene.thing}{moving} and a {scene.companion}{still}{scenery}.{stands}"
