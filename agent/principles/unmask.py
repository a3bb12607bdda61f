"""Text as a reader would hear it: look-alike letters, digits for letters, letters set apart and signs inside words.

A disguised word is only ever read as one of the words looked for. So nothing else in a text changes but its case, and
"4k", "80's" or "U.S.A." stay what they are.
"""

import re
import unicodedata
from collections.abc import Collection
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

import simplemma

LOOK_ALIKES = dict(
    zip(
        "аеорсхуіѕјкмнтвԁһԛԝпгαορτικενυχηβıɑɡɩʟ",
        "aeopcxyisjkmhtbdhqwnraoptikevuxnbiagil",
        strict=True,
    )
)
"""Cyrillic, Greek and phonetic letters that look like Latin ones."""

DIGITS = {"0": "o", "1": "i", "!": "i", "|": "i", "3": "e", "€": "e", "4": "a", "@": "a", "5": "s", "$": "s",
          "7": "t", "+": "t", "8": "b", "9": "g"}  # fmt: skip
"""What is typed for a letter; 1, ! and | are also typed for l."""

WILDCARDS = "*#"
"""What is typed in place of a letter that is left out."""

_FEWEST_LETTERS = 3
_FEWEST_INSIDE = 4
"""Of a word found among other letters that were set apart: shorter ones stand in too many words."""
_EDGES = ".,;:?!\"'`()[]{}<>…“”‘’«»-–—"
_SET_APART = re.compile(r"(?<![^\W_])[^\W_](?:[\W_]{1,3}[^\W_](?![^\W_])){2,}")
_RUN = re.compile(r"([^\W\d_])\1\1")
_CHUNK = re.compile(r"[^\s,;:]+")


@dataclass(frozen=True)
class Unmasked:
    """A text read through its disguises, and where each of its characters stood."""

    text: str
    starts: tuple[int, ...]
    ends: tuple[int, ...]
    """Of each character of `text`: the part of the original it comes from, end exclusive."""

    def span(self, start: int, end: int) -> tuple[int, int]:
        """The part of the original that `text[start:end]` comes from. Raises IndexError when it is empty."""
        if start >= end:
            raise IndexError(f"an empty part, {start}:{end}, comes from nowhere")
        return min(self.starts[start:end]), max(self.ends[start:end])


class Disguises:
    """Reads texts for disguised forms of some words."""

    def __init__(self, words: Collection[str]) -> None:
        self._words = frozenset(word for word in words if len(word) >= _FEWEST_LETTERS)
        self._by_skeleton = {_skeleton(word): word for word in sorted(self._words, key=lambda word: (len(word), word))}
        self._word_with_gaps = lru_cache(maxsize=1024)(self._find_word_with_gaps)
        self._longest = max(map(len, self._words), default=0)

    def unmask(self, text: str) -> Unmasked:
        """The text in lower case, invisible characters left out, disguised words as they are spelled.

        Unmasking it again changes nothing. The text of plain words comes back as it was, but for case.
        """
        folded = _fold(text)
        edits = self._edits_of_letters_set_apart(folded.text)
        edits += self._edits_of_chunks(folded.text, taken=edits)
        return _replace(folded, sorted(edits)) if edits else folded

    def _edits_of_letters_set_apart(self, text: str) -> list[tuple[int, int, str]]:
        edits = []
        for run in _SET_APART.finditer(text):
            for places in _words_set_apart(run):
                letters = "".join(text[place] for place in places)
                if word := self._word_of(letters):
                    edits.append((places[0], places[-1] + 1, word))
                elif (inside := self._words_inside(letters)) and not simplemma.is_known(letters, lang="en"):
                    edits += [(places[start], places[end - 1] + 1, word) for start, end, word in inside]
        return edits

    def _words_inside(self, letters: str) -> list[tuple[int, int, str]]:
        found, at = [], 0
        while at < len(letters):
            for end in range(min(len(letters), at + self._longest), at + _FEWEST_INSIDE - 1, -1):
                if word := self._word_of(letters[at:end]):
                    found.append((at, end, word))
                    at = end - 1
                    break
            at += 1
        return found

    def _edits_of_chunks(self, text: str, taken: list[tuple[int, int, str]]) -> list[tuple[int, int, str]]:
        edits = []
        occupied = {place for start, end, _ in taken for place in range(start, end)}
        has_runs = _RUN.search(text) is not None
        for chunk in _CHUNK.finditer(text):
            if not has_runs and chunk[0].strip(_EDGES).isalpha():
                continue
            for start, word in _words_and_parts(chunk):
                places = range(start, start + len(word))
                if occupied.isdisjoint(places) and _is_disguised(word) and (listed := self._word_of(word)):
                    edits.append((start, places.stop, listed))
                    occupied.update(places)
        return edits

    def _word_of(self, disguised: str) -> str | None:
        if any(char in WILDCARDS for char in disguised):
            return self._word_with_gaps(disguised)
        return self._by_skeleton.get(_skeleton(disguised))

    def _find_word_with_gaps(self, disguised: str) -> str | None:
        if sum(char in WILDCARDS for char in disguised) * 2 >= len(disguised):
            return None
        pattern = re.compile("".join("." if char in WILDCARDS else re.escape(char) for char in disguised))
        return next((word for word in sorted(self._words) if pattern.fullmatch(word)), None)


def _fold(text: str) -> Unmasked:
    if text.isascii() and text.isprintable():
        starts = tuple(range(len(text)))
        return Unmasked(text.lower().replace("_", " "), starts, tuple(range(1, len(text) + 1)))
    chars: list[str] = []
    places: list[int] = []
    for place, char in enumerate(text):
        for plain in _plain(char):
            chars.append(plain)
            places.append(place)
    return Unmasked("".join(chars), tuple(places), tuple(place + 1 for place in places))


def _plain(char: str) -> str:
    if "a" <= char <= "z" or char == " ":
        return char
    if char == "_" or char.isspace():
        return " "
    folded = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", char).casefold())
    return "".join(
        LOOK_ALIKES.get(part, part)
        for part in folded
        if unicodedata.category(part) not in ("Mn", "Me", "Cf", "Cc") and not part.isspace()
    )


def _replace(folded: Unmasked, edits: list[tuple[int, int, str]]) -> Unmasked:
    chars: list[str] = []
    starts: list[int] = []
    ends: list[int] = []
    at = 0
    for start, end, word in [*edits, (len(folded.text), len(folded.text), "")]:
        chars.append(folded.text[at:start] + word)
        starts += [*folded.starts[at:start], *[min(folded.starts[start:end], default=0)] * len(word)]
        ends += [*folded.ends[at:start], *[max(folded.ends[start:end], default=0)] * len(word)]
        at = end
    return Unmasked("".join(chars), tuple(starts), tuple(ends))


def _words_set_apart(run: re.Match[str]) -> list[list[int]]:
    """Where the letters of each word stand: words are further apart than letters."""
    places = [run.start() + at for at, char in enumerate(run[0]) if char.isalnum()]
    gaps = [run.string[place + 1 : following] for place, following in pairwise(places)]
    least = min(gaps, key=lambda gap: (len(gap), gap.count(" ")))
    words = [[places[0]]]
    for gap, place in zip(gaps, places[1:], strict=True):
        if len(gap) > len(least) or gap.count(" ") > least.count(" "):
            words.append([])
        words[-1].append(place)
    return words


def _words_and_parts(chunk: re.Match[str]) -> list[tuple[int, str]]:
    """The chunk without the signs around it; and where it has hyphens or slashes, its parts."""
    whole = chunk[0].strip(_EDGES)
    start = chunk.start() + len(chunk[0]) - len(chunk[0].lstrip(_EDGES))
    if not whole:
        return []
    parts = [(start + part.start(), part[0]) for part in re.finditer(r"[^-/–—]+", whole)]
    return [(start, whole), *parts] if len(parts) > 1 else [(start, whole)]


def _is_disguised(word: str) -> bool:
    if not any(char.isalpha() for char in word):
        return False
    return not word.isalpha() or _RUN.search(word) is not None


def _skeleton(word: str) -> str:
    """What is left of a word in all its disguises: letters only, i for l, none twice in a row."""
    letters = "".join(DIGITS.get(char, char) for char in word)
    return re.sub(r"(.)\1+", r"\1", "".join(char for char in letters if char.isalpha()).replace("l", "i"))
