"""The small language in which the terms are listed, and how a term is found in a text.

    {stab+|slash+} .. [person] => confront+

`a|b` is one of them, `word+` any form of the word, `word?` may be missing, `take_off` is two words, `[person]` a word
of that group, `..` up to five words of the same sentence. Braces are around the part that does the harm; without them
it is all of it. After `=>` stands what the part becomes when it is softened, `word+` in the form that it had; nothing
after `=>` takes it out; no `=>` says that it can't be softened.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

_BETWEEN = r"[^\w.!?;:]+"
_GAP = rf"(?:{_BETWEEN}\w+){{0,5}}"
_WORD = re.compile(r"\w+")
_IRREGULAR = {"shoot": "shot", "beat": "beaten", "slit": "slit", "cut": "cut", "burn": "burnt", "hang": "hung",
              "take": "took", "make": "made", "have": "had", "bleed": "bled", "tear": "torn", "rip": "ripped",
              "show": "shown", "shed": "shed", "set": "set", "build": "built", "sell": "sold", "do": "did",
              "blow": "blew", "eat": "ate", "steal": "stole", "drink": "drank", "buy": "bought",
              "put": "put"}  # fmt: skip

_ONE_SHORT_SYLLABLE = re.compile(r"[^aeiou]+[aeiou][bdgklmnprt]$")
_DOUBLED = ("commit",)


@dataclass(frozen=True, eq=False)
class Term:
    """One line of a list, ready to be looked for."""

    pattern: re.Pattern[str]
    """With a group `harm`."""
    first_words: frozenset[str]
    """Those that a match can begin with."""
    words: frozenset[str]
    softer: str | None
    """What the harmful part becomes; "" takes it out, None when it can't be softened."""
    forms: Mapping[str, str]
    """Inflected words to their ending."""

    def soften(self, harm: str) -> str | None:
        """What these words, a match's harmful part, become."""
        if self.softer is None:
            return None
        first = _WORD.search(harm)
        ending = self.forms.get(first[0], "") if first else ""
        return " ".join(
            next(form for form, its in inflect(word[:-1]).items() if its == ending) if word.endswith("+") else word
            for word in self.softer.split()
        )


def read_terms(lines: str, groups: Mapping[str, str]) -> tuple[Term, ...]:
    """The terms of a list, one a line. Raises ValueError for an unknown group or a term that begins with a gap."""
    return tuple(_read_term(line.strip(), groups) for line in lines.splitlines() if line.strip())


class TermFinder:
    """Looks for many terms at once: only those are tried that can begin with the word at hand."""

    def __init__(self, terms: Sequence[Term]) -> None:
        self._by_first: dict[str, list[Term]] = {}
        for term in terms:
            for word in term.first_words:
                self._by_first.setdefault(word, []).append(term)

    def find(self, text: str) -> Iterator[tuple[Term, re.Match[str]]]:
        """Every term that stands in the text, in lower case, with where; in the order of the text."""
        for word in _WORD.finditer(text):
            for term in self._by_first.get(word[0], ()):
                if match := term.pattern.match(text, word.start()):
                    yield term, match


def inflect(word: str) -> dict[str, str]:
    """The forms of a regular verb or noun to their ending, "", "s", "ing" or "ed"; the past form of some others."""
    hissing = re.search(r"(?:[sxz]|ch|sh)$", word)
    after_y = re.search(r"[^aeiou]y$", word)
    doubled = word + word[-1] if _ONE_SHORT_SYLLABLE.match(word) or word in _DOUBLED else word
    stem = word[:-1] if word.endswith("e") and not word.endswith("ee") else doubled
    forms = {
        word: "",
        f"{word[:-1]}ies" if after_y else f"{word}{'es' if hissing else 's'}": "s",
        f"{stem}ing": "ing",
        f"{word[:-1]}ied" if after_y else f"{stem}ed": "ed",
    }
    if past := _IRREGULAR.get(word):
        forms.setdefault(past, "ed")
    return forms


def _read_term(line: str, groups: Mapping[str, str]) -> Term:
    left, arrow, softer = (part.strip() for part in line.partition("=>"))
    if "{" not in left:
        left = f"{{ {left} }}"
    forms: dict[str, str] = {}
    words: set[str] = set()
    first_words: set[str] = set()
    pattern, between = "", ""
    for piece in left.replace("{", " { ").replace("}", " } ").split():
        if piece == "{":
            pattern, between = f"{pattern}{between}(?P<harm>", ""
        elif piece == "}":
            pattern += ")"
        elif piece == "..":
            if not first_words:
                raise ValueError(f"the term {line!r} begins with a gap; begin it with a word")
            pattern += _GAP
        else:
            optional = piece.endswith("?")
            choices = list(_choices(piece.rstrip("?"), groups, forms))
            words |= {word for choice in choices for word in choice.split()}
            first_words = first_words or {choice.split()[0] for choice in choices}
            either = "|".join(re.escape(choice).replace(r"\ ", _BETWEEN) for choice in choices)
            pattern += f"(?:{between}(?:{either}))" + ("?" if optional else "")
            between = _BETWEEN
    return Term(
        pattern=re.compile(rf"{pattern}(?!\w)"),
        first_words=frozenset(first_words),
        words=frozenset(words),
        softer=softer if arrow else None,
        forms=forms,
    )


def _choices(piece: str, groups: Mapping[str, str], forms: dict[str, str]) -> Iterator[str]:
    for choice in piece.split("|"):
        if choice.startswith("["):
            name = choice.strip("[]")
            if name not in groups:
                raise ValueError(f"unknown group {name!r}; known: {', '.join(sorted(groups))}")
            yield from (_spaced(word) for word in groups[name].split())
            continue
        head, *rest = _spaced(choice).split()
        inflected = inflect(head[:-1]) if head.endswith("+") else {head: ""}
        forms |= {form: ending for form, ending in inflected.items() if head.endswith("+")}
        yield from (" ".join([form, *rest]) for form in inflected)


def _spaced(choice: str) -> str:
    """Its words with spaces between: what is hyphenated is also written as two words."""
    return choice.replace("_", " ").replace("-", " ")
