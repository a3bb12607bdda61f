"""From what a person calls a thing to what a detector is asked for: "two red balls" is looked for as "a red ball"."""

import unicodedata

from feedback import english
from feedback.lexicon import words_of

_WITHOUT_BOX = (
    english.PRONOUNS
    | english.NOBODY
    | english.FRAME_WORDS
    | english.BACKGROUND
    | english.POSITIONS
    | english.DIRECTIONS
    | english.TIMES_AND_WEATHER
)
"""What has no outline in the picture: the picture itself, a time of day, weather, a place on the screen."""
_ALWAYS_PLURAL = frozenset("glasses sunglasses jeans trousers pants shorts scissors clothes".split())  # noqa: SIM905
_IRREGULAR = {"people": "person", "mice": "mouse", "geese": "goose"}
_PREPOSITIONS = english.PLACE_PREPOSITIONS | english.OTHER_PREPOSITIONS


def query_for(label: str) -> str | None:
    """One such thing, in the singular with its article; None for a label of which no box can be drawn.

    None are: no words, letters of other scripts than Latin (zero-shot detectors learn from English), and things without
    an outline, such as "night", "the background" or "it".
    """
    words = _without_number(words_of(label))
    head = next((place for place, word in enumerate(words) if word in _PREPOSITIONS), len(words)) - 1
    if head < 0 or words[head] in _WITHOUT_BOX or not _is_latin(words):
        return None
    words[head] = _IRREGULAR.get(words[head], words[head])
    if words[head] in english.MASS_NOUNS | _ALWAYS_PLURAL:
        return " ".join(words)
    if english.is_plural(words[head]):
        words[head] = english.lemma(words[head])
    return f"{'an' if words[0][0] in 'aeiou' else 'a'} {' '.join(words)}"


def without_article(query: str) -> str:
    """The query's words that say what to look for."""
    return query.removeprefix("a ").removeprefix("an ")


def _without_number(words: list[str]) -> list[str]:
    """The words after determiners and numbers: "red balls" of "exactly two red balls" and of "a pair of red balls"."""
    for place, word in enumerate(words):
        counts = english.GROUPS.get(word) and words[place + 1 : place + 2] == ["of"]
        is_of = word == "of" and place > 0 and words[place - 1] in english.GROUPS
        is_number = word.isdecimal() or word in english.NUMBERS or word in english.EMPHASES
        if not (counts or is_of or is_number or word in english.DETERMINERS):
            return words[place:]
    return []


def _is_latin(words: list[str]) -> bool:
    letters = [letter for word in words for letter in word if letter.isalpha()]
    return bool(letters) and all("LATIN" in unicodedata.name(letter, "") for letter in letters)
