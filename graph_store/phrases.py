"""The text rules that every caption and phrase goes through."""

import unicodedata
from collections.abc import Iterable

CAPTION_LIMIT = 4000
"""Characters. A longer "caption" is an article or a broken row."""
PHRASE_LIMIT = 200
"""Characters. A longer modifier is a sentence."""


def clean_text(text: str) -> str:
    """The text in one line, single spaces, none at its ends.

    Raises:
        ValueError: It holds a control character that is not white space.
    """
    line = " ".join(text.split())
    for character in () if line.isprintable() else line:
        if unicodedata.category(character) in ("Cc", "Cs"):
            raise ValueError(f"control character U+{ord(character):04X}")
    return line


def clean_phrases(phrases: Iterable[str]) -> tuple[str, ...]:
    """Each phrase once: cleaned, empty ones left out, those that differ only in case as first spelt.

    Raises:
        ValueError: A phrase holds a control character or is longer than 200 characters.
    """
    kept: dict[str, str] = {}
    for phrase in phrases:
        clean = clean_text(phrase)
        if len(clean) > PHRASE_LIMIT:
            raise ValueError(f"a phrase of {len(clean):,} characters (at most {PHRASE_LIMIT})")
        if clean:
            kept.setdefault(clean.casefold(), clean)
    return tuple(kept.values())


def has_words(text: str) -> bool:
    """Whether there is a letter or digit in it, of any script."""
    return any(character.isalnum() for character in text)
