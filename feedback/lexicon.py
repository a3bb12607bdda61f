"""Plain words for colours, shapes and motions, and what they mean; the relations by name.

This is the vocabulary of the rule-made checklist and of the classical-vision judge and detector: what a person may call
the things that pixels alone can show. Vision language models need none of it.
"""

import re
from typing import Literal, get_args

Colour = Literal[
    "red", "green", "blue", "yellow", "purple", "cyan", "orange", "pink", "white", "black", "gray", "brown"
]
Shape = Literal["circle", "square", "triangle"]
Motion = Literal["left", "right", "up", "down", "still", "moving"]
"""A direction on the screen; "still" is asked stillness, "moving" is motion without a direction."""
Relation = Literal["left of", "right of", "above", "below"]

COLOURS: tuple[Colour, ...] = get_args(Colour)
SHAPES: tuple[Shape, ...] = get_args(Shape)
OPPOSITE: dict[Relation, Relation] = {"left of": "right of", "right of": "left of", "above": "below", "below": "above"}

_COLOUR_WORDS: dict[str, Colour] = {
    "crimson": "red", "scarlet": "red", "ruby": "red", "cherry": "red",
    "emerald": "green", "lime": "green",
    "azure": "blue", "navy": "blue", "cobalt": "blue", "sapphire": "blue",
    "golden": "yellow", "gold": "yellow", "lemon": "yellow", "amber": "yellow",
    "violet": "purple", "lilac": "purple", "magenta": "purple",
    "turquoise": "cyan", "teal": "cyan", "aqua": "cyan",
    "rose": "pink", "grey": "gray", "silver": "gray", "ebony": "black", "ivory": "white",
}  # fmt: skip
_COLOUR_WORDS.update((colour, colour) for colour in COLOURS)

_SHAPE_WORDS: dict[str, Shape] = {
    "circle": "circle", "ball": "circle", "disc": "circle", "disk": "circle", "dot": "circle", "sphere": "circle",
    "orb": "circle", "round": "circle",
    "square": "square", "box": "square", "cube": "square", "block": "square", "tile": "square",
    "triangle": "triangle", "pyramid": "triangle", "wedge": "triangle",
}  # fmt: skip

_MOVE = (
    r"(?:mov|slid|drift|glid|roll|travel|shift|fl(?:y|oat)|go|head|run|walk|driv|rac|rush|dash|swim|crawl|rid|push|pull|"
    r"pan|float|com)(?:es|ing|s|e|ed|ning|ming)?"
)
_HOW = r"(?:(?:\w+ly|fast(?:er)?|quick(?:er)?|slow(?:er)?)\s+)?"
_MOTIONS: tuple[tuple[Motion, str], ...] = (
    ("still", r"\b(?:(?:stay|stand|sit|remain|keep|hold|hang|rest)\w*\s+(?:completely\s+|perfectly\s+)?"
              r"(?:still|in place|put)"
              r"|does(?: not|n't) move|not moving|motionless|stationary|unmoving|static|at rest|immobile)\b"),
    ("left", rf"\b{_MOVE}\s+{_HOW}(?:to(?:wards?)? (?:the )?)?left(?:wards?)?\b|\bleftwards?\b"),
    ("right", rf"\b{_MOVE}\s+{_HOW}(?:to(?:wards?)? (?:the )?)?right(?:wards?)?\b|\brightwards?\b"),
    ("up", rf"\b{_MOVE}\s+{_HOW}(?:up(?:wards?)?|skywards?|to(?:wards?)? the top)\b|\bupwards?\b"
           r"|\b(?:ris(?:es|ing|e)|ascend\w*|climb\w*|lift(?:s|ing) off)\b"),
    ("down", rf"\b{_MOVE}\s+{_HOW}(?:down(?:wards?)?|to(?:wards?)? the bottom)\b|\bdownwards?\b"
             r"|\b(?:fall(?:s|ing)?|descend\w*|sink(?:s|ing)?|drop(?:s|ping)?)\b"),
    ("moving", rf"\b(?:{_MOVE})\b"),
)  # fmt: skip


def words_of(text: str) -> list[str]:
    """Lower-cased words and numbers of a text, in order."""
    return re.findall(r"[^\W_]+(?:'[^\W_]+)?", text.lower())


def _singular(word: str) -> str:
    return word[:-2] if word in ("boxes",) else word[:-1] if len(word) > 3 and word.endswith("s") else word


def colour_in(text: str) -> Colour | None:
    """The first colour that the text names."""
    return next((_COLOUR_WORDS[word] for word in words_of(text) if word in _COLOUR_WORDS), None)


def shape_in(text: str) -> Shape | None:
    """The first shape that the text names, also in the plural."""
    for word in words_of(text):
        if shape := _SHAPE_WORDS.get(word) or _SHAPE_WORDS.get(_singular(word)):
            return shape
    return None


def motion_in(text: str) -> Motion | None:
    """What motion the text asks for: a screen direction, stillness, or motion without a direction."""
    lowered = text.lower()
    return next((motion for motion, pattern in _MOTIONS if re.search(pattern, lowered)), None)
