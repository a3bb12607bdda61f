"""Plain English for the pocket writer's pretraining: what words mean, and sentences of everyday things.

A dictionary in sentences tells what the words that people type mean, word by word. No sentence of everyday things is of
the pocket world: what moves in it is a cat, a boat or the like.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from agent.renderers.painter_grammar import BACKGROUNDS, COLOURS
from examples.pocket.bench_prompts import MOTION_WORDS, RELATION_WORDS

HUES: Mapping[str, tuple[str, str]] = {
    "crimson": ("deep", "red"), "scarlet": ("bright", "red"), "ruby": ("dark", "red"), "cherry": ("warm", "red"),
    "maroon": ("brownish", "red"), "emerald": ("rich", "green"), "lime": ("light", "green"), "olive": ("dull", "green"),
    "azure": ("clear", "blue"), "navy": ("dark", "blue"), "cobalt": ("strong", "blue"), "sapphire": ("deep", "blue"),
    "indigo": ("dark", "blue"), "golden": ("warm", "yellow"), "lemon": ("pale", "yellow"), "amber": ("dark", "yellow"),
    "violet": ("soft", "purple"), "lilac": ("pale", "purple"), "plum": ("dark", "purple"),
    "turquoise": ("bright", "cyan"), "teal": ("dark", "cyan"), "aqua": ("light", "cyan"),
    "ebony": ("deep", "black"), "ivory": ("warm", "white"), "silver": ("shiny", "gray"),
}  # fmt: skip
"""Of a colour word: how it differs from the plain colour, and which that is."""
FORMS: Mapping[str, tuple[str, str]] = {
    "ball": ("round", "circle"), "disc": ("round and flat", "circle"), "disk": ("round and flat", "circle"),
    "dot": ("small and round", "circle"), "sphere": ("round", "circle"), "orb": ("round", "circle"),
    "coin": ("round and flat", "circle"), "wheel": ("round", "circle"), "box": ("straight at its sides", "square"),
    "cube": ("the same on all sides", "square"), "block": ("solid", "square"), "tile": ("flat", "square"),
    "window": ("straight at its sides", "square"), "pyramid": ("wide below", "triangle"),
    "wedge": ("thin at one end", "triangle"), "roof": ("wide below", "triangle"),
}  # fmt: skip
"""Of a thing: what it is like, and what is seen of it."""
WAYS: Mapping[str, tuple[str, str]] = {
    "rise": ("rises", "rising"), "climb": ("climbs", "climbing"), "sink": ("sinks", "sinking"),
    "fall": ("falls", "falling"), "drop": ("drops", "dropping"), "float": ("floats", "floating"),
    "drift": ("drifts", "drifting"), "slide": ("slides", "sliding"), "roll": ("rolls", "rolling"),
    "glide": ("glides", "gliding"), "head": ("heads", "heading"), "go": ("goes", "going"), "move": ("moves", "moving"),
    "stand": ("stands", "standing"), "sit": ("sits", "sitting"), "stay": ("stays", "staying"),
    "remain": ("remains", "remaining"),
}  # fmt: skip
"""A verb's other forms."""
MEANINGS: Mapping[str, str] = {
    "rise": "go up", "climb": "go up", "sink": "go down slowly", "fall": "go down", "drop": "go down",
    "float": "move as if on water", "drift": "move slowly", "slide": "move smoothly", "roll": "move by turning",
    "glide": "move smoothly", "head": "move on one's way", "go": "move", "remain": "stay",
}  # fmt: skip
REMARKS = (
    "What is going up moves up.", "What is going down moves down.", "Upward means up.", "Leftwards means to the left.",
    "Rightwards means to the right.", "What moves left goes to the left side.", "Sliding to the left is moving left.",
    "What moves right goes to the right side.", "What floats upward gets higher.", "What sinks slowly gets lower.",
    "What stays put does not move.", "What is not moving stays still.", "What sits still stays where it is.",
    "What remains still does not move.", "A thing that is standing still stays still.", "A rock stays still.",
    "What is under the table is below it.", "Beneath is another word for below.", "Under is another word for below.",
    "What is left of the door is to the left of it.", "What is right of the door is to the right of it.",
    "If the cat is above the dog, then the dog is below the cat.", "A lamp hangs above the table.",
    "If the cat is to the left of the dog, then the dog is to the right of the cat.", "The sea lies below the clouds.",
    "A circle is round and has no corners.", "A square has four corners.", "A triangle has three corners.",
    "Red, green, blue, yellow, purple and cyan are colours.", "Black, white and gray are colours of backgrounds.",
    "A background is what is behind all things.", "A video is a picture that moves.",
)  # fmt: skip
NOUNS = ("cat", "dog", "boat", "kite", "balloon", "car", "bus", "bird", "leaf", "cloud", "train", "fish", "flower",
         "lamp", "cup", "hat", "toy", "button", "plate", "book", "door", "shirt", "star", "feather")  # fmt: skip
PLACES = ("in the garden", "in the park", "by the lake", "near the station", "at the beach", "in the kitchen",
          "on a quiet street", "in the snow", "in the morning", "at night", "in an old film",
          "on the stage")  # fmt: skip
SURFACES = ("wall", "table", "floor", "road", "field", "sky", "screen", "carpet")
TYPED_MOTIONS = tuple(words for ways in MOTION_WORDS.values() for words in ways)
TYPED_RELATIONS = tuple(words for ways in RELATION_WORDS.values() for words in ways)
ALL_COLOURS = (*COLOURS, *HUES, *BACKGROUNDS)


def meaning(rng: np.random.Generator) -> str:
    """A sentence of the dictionary."""

    def one_of(*sentences: str) -> str:
        return sentences[int(rng.integers(len(sentences)))]

    match int(rng.integers(4)):
        case 0:
            word, (shade, hue) = _pick(tuple(HUES.items()), rng)
            other = _pick([w for w, (_, h) in HUES.items() if h == hue], rng)
            return one_of(
                f"The colour {word} is a {shade} {hue}.",
                f"Something {word} looks {hue}.",
                f"People call a {shade} {hue} {word}.",
                f"What is {word} is {hue}, only {shade}.",
                f"Both {word} and {other} are kinds of {hue}.",
                f"{_with_article(f'{word} {_pick(NOUNS, rng)}').capitalize()} is {hue}.",
            )
        case 1:
            word, (like, shape) = _pick(tuple(FORMS.items()), rng)
            other = _pick([w for w, (_, s) in FORMS.items() if s == shape], rng)
            return one_of(
                f"{_with_article(word).capitalize()} is {like} and looks like a {shape}.",
                f"Seen from the front, {_with_article(word)} is a {shape}.",
                f"To draw {_with_article(word)}, draw a {shape}.",
                f"{_with_article(word).capitalize()} has the shape of a {shape}.",
                f"Both a {other} and {_with_article(word)} are drawn as a {shape}.",
            )
        case 2:
            word, told = _pick(tuple(MEANINGS.items()), rng)
            third, ongoing = WAYS[word]
            return one_of(
                f"To {word} is to {told}.",
                f"What {third} is {ongoing}: to {word} means to {told}.",
                f"When a thing is {ongoing}, we say that it {third}; it means to {told}.",
            )
        case _:
            return _pick(REMARKS, rng)


def everyday(rng: np.random.Generator) -> str:
    """A sentence of things in the words that people type; what moves, or is told of first, is in no scene."""

    def painted(names: Sequence[str]) -> str:
        return _with_article(f"{_pick(ALL_COLOURS, rng)} {_pick(names, rng)}")

    thing, motion, relation = painted(NOUNS), _pick(TYPED_MOTIONS, rng), _pick(TYPED_RELATIONS, rng)
    other = painted((*NOUNS, *FORMS))
    place = _pick((_pick(PLACES, rng), f"on {painted(SURFACES)}", f"on a {_pick(BACKGROUNDS, rng)} background"), rng)
    said = _pick(
        (
            f"{thing} {motion} {place}",
            f"{thing} {motion}, {relation} {other}",
            f"{thing} {motion} {relation} {other} {place}",
            f"{thing} {relation} {other} {place}",
            f"{thing} {relation} {other}",
            f"{thing} {motion} and {painted(NOUNS)} {_pick(TYPED_MOTIONS, rng)} {place}",
        ),
        rng,
    )
    return f"{said[0].upper()}{said[1:]}."


def _with_article(words: str) -> str:
    return f"{'an' if words[0] in 'aeiou' else 'a'} {words}"


def _pick(choices: Sequence[Any], rng: np.random.Generator) -> Any:
    return choices[int(rng.integers(len(choices)))]
