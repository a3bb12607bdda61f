"""Long texts for models that read short ones: in pieces at sentences, else clauses, else words. Nothing is lost."""

import re
from collections.abc import Callable
from typing import NamedTuple

_SEAMS = (
    r"(?<=[.!?])(?=\s)|(?<=[。！？])|(?<=\n)",
    r"(?<=[,;:])(?=\s)|(?<=[，；：、])",
    r"(?=\s)",
    r"(?=.)",
)
"""Where a text may come apart, the best place first: sentences, clauses, words, characters."""


class TextPiece(NamedTuple):
    """A part of a text that a model reads whole."""

    text: str
    tokens: int
    """Its weight: how many tokens it is, without those that the tokenizer adds to every text."""


def split_text(text: str, count_tokens: Callable[[str], int], limit: int) -> list[TextPiece]:
    """The text as one piece if it has at most `limit` tokens, else as few as its seams allow, in order.

    Without the white space at their ends the pieces are the text again. Empty for a text without tokens. A single
    character of more than `limit` tokens stays a piece of its own.
    """
    pieces = (piece.strip() for piece in _fitting(text, count_tokens, limit, 0))
    return [TextPiece(piece, tokens) for piece in pieces if (tokens := count_tokens(piece))]


def _fitting(text: str, count_tokens: Callable[[str], int], limit: int, level: int) -> list[str]:
    if level == len(_SEAMS) or count_tokens(text.strip()) <= limit:
        return [text]
    pieces: list[str] = []
    for unit in re.split(_SEAMS[level], text):
        if pieces and count_tokens((pieces[-1] + unit).strip()) <= limit:
            pieces[-1] += unit
        else:
            pieces += _fitting(unit, count_tokens, limit, level + 1)
    return pieces
