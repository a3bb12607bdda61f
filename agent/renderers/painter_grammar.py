"""The painter's grammar: which words it understands, and captions worded that way.

    caption     any of the phrases below, in any order; every other word is ignored
    thing       [a | an | one | two | three] [colour] [shape | shape + s]        "a red circle", "two blue squares"
    colour      red, green, blue, yellow, purple, cyan
    shape       circle, square, triangle
    motion      moves to the left | moves to the right | moves up | moves down | stays still   (or move, stay)
    relation    is to the left of | is to the right of | is above | is below   (or are), between two things
    background  the background is C | on a C background, C one of black, white, gray

"the red circle" means the red circle named before. A colour or a shape alone is half a thing: the rest of it is left
unsaid. "ball", "crimson" or "moving right" are no words of this grammar. The first two kinds of things are drawn.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import permutations, product
from typing import Literal, cast, get_args

from graph_store.records import TaggedCaption

Colour = Literal["red", "green", "blue", "yellow", "purple", "cyan"]
Shape = Literal["circle", "square", "triangle"]
Motion = Literal["moves to the left", "moves to the right", "moves up", "moves down", "stays still"]
Relation = Literal["is to the left of", "is to the right of", "is above", "is below"]
Background = Literal["black", "white", "gray"]

COLOURS: tuple[Colour, ...] = get_args(Colour)
SHAPES: tuple[Shape, ...] = get_args(Shape)
MOTIONS: tuple[Motion, ...] = get_args(Motion)
RELATIONS: tuple[Relation, ...] = get_args(Relation)
BACKGROUNDS: tuple[Background, ...] = get_args(Background)
COUNTS = {"a": 1, "an": 1, "one": 1, "two": 2, "three": 3}
MAX_THINGS = 2


@dataclass(frozen=True)
class ThingWords:
    """One kind of thing as the caption names it; None is left unsaid."""

    count: int | None = None
    colour: Colour | None = None
    shape: Shape | None = None
    motion: Motion | None = None

    def is_same(self, other: "ThingWords") -> bool:
        """Whether "the …" in `other` can mean this thing: nothing it says is contradicted."""
        return all(
            theirs is None or ours is None or ours == theirs
            for ours, theirs in ((self.colour, other.colour), (self.shape, other.shape))
        )


@dataclass(frozen=True)
class Understood:
    """What the painter takes from a caption."""

    things: tuple[ThingWords, ...] = ()
    relation: Relation | None = None
    """Of the first thing to the second."""
    background: Background | None = None


_INVERSE: dict[Relation, Relation] = {
    "is to the left of": "is to the right of",
    "is to the right of": "is to the left of",
    "is above": "is below",
    "is below": "is above",
}
_TOKEN = re.compile(
    r"(?P<background>the background is (?P<b1>black|white|gray)|on an? (?P<b2>black|white|gray) background)"
    r"|(?P<motion>(?:moves?) (?:to the left|to the right|up|down)|stays? still)"
    r"|(?P<relation>(?:is|are) (?:to the left of|to the right of|above|below))"
    rf"|(?P<the>the )?(?:(?P<count>an?|one|two|three) )?(?P<thing>(?:{'|'.join(COLOURS)})(?: (?:{'|'.join(SHAPES)})s?)?"
    rf"|(?:{'|'.join(SHAPES)})s?)(?![\w-])"
)


def understand(caption: str) -> Understood:
    """The scene that a caption describes in the painter's grammar; what it can't read is left unsaid."""
    text = " ".join(re.findall(r"[a-z]+", caption.lower()))
    things: list[ThingWords] = []
    background: Background | None = None
    relation: Relation | None = None
    current: int | None = None
    relation_from: int | None = None
    for match in re.finditer(rf"(?<![a-z])(?:{_TOKEN.pattern})(?![a-z])", text):
        if match["background"]:
            background = cast("Background", match["b1"] or match["b2"])
        elif match["motion"]:
            if current is not None:
                things[current] = replace(things[current], motion=_singular_motion(match["motion"]))
        elif match["relation"]:
            relation_from = current
            relation = _singular_relation(match["relation"]) if current is not None else relation
        else:
            current = _place(_read_thing(match), things, bool(match["the"]))
            if relation_from is not None and current is not None:
                if relation and (relation_from, current) == (1, 0):
                    relation = _INVERSE[relation]
                relation_from = None
    return Understood(tuple(things), relation if len(things) == MAX_THINGS else None, background)


def _read_thing(match: re.Match[str]) -> ThingWords:
    words = match["thing"].split()
    colour = next((word for word in words if word in COLOURS), None)
    shape = next((word.removesuffix("s") for word in words if word.removesuffix("s") in SHAPES), None)
    count = COUNTS[match["count"]] if match["count"] else None
    return ThingWords(count, cast("Colour | None", colour), cast("Shape | None", shape))


def _place(thing: ThingWords, things: list[ThingWords], refers_back: bool) -> int | None:
    """Index of the thing meant: one named before, or a new one; None when there is no room for it."""
    if refers_back:
        for index, known in enumerate(things):
            if known.is_same(thing):
                return index
    if len(things) == MAX_THINGS:
        return None
    things.append(replace(thing, count=1) if refers_back and thing.count is None else thing)
    return len(things) - 1


def _singular_motion(words: str) -> Motion:
    verb, rest = words.split(" ", 1)
    return cast("Motion", f"{verb.removesuffix('s')}s {rest}")


def _singular_relation(words: str) -> Relation:
    return cast("Relation", "is " + words.split(" ", 1)[1])


def painter_captions() -> Iterator[TaggedCaption]:
    """Captions in the painter's grammar, tagged: the corpus its relation graph is built from."""
    pairs = permutations(COLOURS, 2)
    for index, ((colour, other_colour), shape, motion) in enumerate(product(pairs, SHAPES, MOTIONS)):
        other_shape = SHAPES[index % len(SHAPES)]
        other_motion = MOTIONS[(index // 2) % len(MOTIONS)]
        relation = RELATIONS[index % len(RELATIONS)]
        scene = f"on a {BACKGROUNDS[index % len(BACKGROUNDS)]} background"
        count = 1 + (index // 7) % 3
        subject, verb, stands = _name_things(count, colour, shape), _agree(motion, count), _agree(relation, count)
        other = _name_things(1, other_colour, other_shape)
        yield TaggedCaption(
            text=f"{subject[0].upper()}{subject[1:]} {verb} and {other} {other_motion} {scene}. "
            f"The {_bare(subject)} {stands} the {_bare(other)}.",
            scenes=(scene,),
            subjects=(subject, other),
            actions=(verb, other_motion, stands),
        )


def _bare(phrase: str) -> str:
    """A thing's phrase without its article or number."""
    return phrase.split(" ", 1)[1]


def _name_things(count: int, colour: Colour, shape: Shape) -> str:
    number = ("a", "two", "three")[count - 1]
    return f"{number} {colour} {shape}{'s' if count > 1 else ''}"


def _agree(words: str, count: int) -> str:
    if count == 1:
        return words
    verb, rest = words.split(" ", 1)
    return f"{'are' if verb == 'is' else verb.removesuffix('s')} {rest}"
