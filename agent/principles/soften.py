"""Unsafe texts made harmless with the rest of what they ask for kept, by rules: words are taken out or exchanged."""

import re
from collections.abc import Sequence

from agent.principles.harmless import Hazard, find_hazards
from agent.principles.outcome import Principled

_ROUNDS = 4
"""What was taken out may have hidden something else; more than this is a text that is harmful through and through."""
_REACH = 80
"""How many characters before a word its removal can change."""


def soften(text: str) -> Principled:
    """The text made harmless; refused when that can't be done. Pure, never raises.

    A harmless text comes through unchanged. A softened one holds no hazard: softening it again changes nothing.
    Refused is what has no harmless way to be said (minors in sexual content, hatred, instructions for crimes), and what
    has nothing left to show without its harm.
    """
    hazards = find_hazards(text)
    findings = tuple(hazard.finding for hazard in hazards)
    if not hazards:
        return Principled(text=text)
    if refused := refuse(hazards):
        return Principled(text=text, findings=findings, refused=refused)
    softer = text
    for _ in range(_ROUNDS):
        if not (left := find_hazards(softer)):
            break
        if refused := refuse(left):
            return Principled(text=text, findings=findings, refused=refused)
        softer = _say_softer(softer, left)
    if find_hazards(softer) or not _has_meaning(softer):
        words = ", ".join(dict.fromkeys(repr(hazard.words) for hazard in hazards))
        return Principled(
            text=text, findings=findings, refused=f"without {words} there is nothing left to show; say something else"
        )
    return Principled(text=softer, findings=findings, softened=True, softened_by="rules")


def refuse(hazards: Sequence[Hazard]) -> str | None:
    """Why no text with these hazards may be rendered, in one line; None when all of them can be softened."""
    hard = [hazard for hazard in hazards if hazard.softer is None]
    worst = next((hazard for hazard in hard if hazard.category == "minors"), hard[0] if hard else None)
    if worst is None:
        return None
    return f"{worst.words!r} is not rendered ({worst.why}), and it can't be softened; ask for something else"


def _say_softer(text: str, hazards: Sequence[Hazard]) -> str:
    begins_large = text[:1].isupper()
    for hazard in reversed(_apart(hazards)):
        near = max(0, hazard.start - _REACH)
        text = text[:near] + _join(text[near : hazard.start], hazard.softer or "", text[hazard.end :])
    return text[:1].upper() + text[1:] if begins_large else text


def _apart(hazards: Sequence[Hazard]) -> list[Hazard]:
    """Those that change something, in the order of the text; of those that overlap the first, then the longer one."""
    apart: list[Hazard] = []
    for hazard in sorted(hazards, key=lambda hazard: (hazard.start, -hazard.end)):
        if hazard.softer != hazard.words and (not apart or hazard.start >= apart[-1].end):
            apart.append(hazard)
    return apart


def _join(before: str, softer: str, after: str) -> str:
    """The three in one, with articles, commas and what dangles put right where they meet."""
    if not softer:
        before, after = before.rstrip(), after.lstrip()
        if _ENDS_OPEN.search(before):
            after = re.sub(r"^(?:,\s*)?(?:and|or)\s+|^,\s*", "", after)
        if _ENDS_WITH_ARTICLE.search(before) and _GOES_ON_WITHOUT_NOUN.match(after):
            softer = "scene"
        elif not after or after[0] in _STOPS:
            before = _DANGLING.sub("", before).rstrip(" ,;")
        if not before:
            after = re.sub(r"^[ ,;:.]+|^of\s+", "", after)
        if _NAME.match(after):
            before = _ENDS_WITH_ARTICLE.sub("", before).rstrip()
        before += _gap(before, softer or after)
        softer += _gap(softer, after)
    following = re.match(r"\s*([^\W\d_])", softer + after)
    if following and (article := re.search(r"\b([Aa])n?(\s*)$", before)):
        an = "n" if following[1].lower() in "aeiou" else ""
        before = f"{before[: article.start()]}{article[1]}{an}{article[2]}"
    return before + softer + after


def _gap(before: str, after: str) -> str:
    return "" if not before or not after or after[0] in _STOPS or before[-1] in "(-" else " "


_STOPS = ".,;:!?)'’"
_ENDS_WITH_ARTICLE = re.compile(r"\b(?:an?|the)$", re.IGNORECASE)
_GOES_ON_WITHOUT_NOUN = re.compile(
    r"(?:in|of|on|at|with|from|by|near|under|over|is|are|was|were|that|who|and|while)\b", re.IGNORECASE
)
_NAME = re.compile(r"[A-Z][a-z]+ [A-Z][a-z]+\b")
_ENDS_OPEN = re.compile(r"(?:^|[,;:.!?(]|\b(?:an?|the|is|are|with|of|in|his|her|their|and|or))$", re.IGNORECASE)
_DANGLING = re.compile(
    r"(?:[\s,;]*\b(?:an?|the|is|are|was|were|being|with|without|of|in|on|from|and|or|while|who|that|his|her|their|having"
    r"|some|to|by|for))+$",
    re.IGNORECASE,
)
_SMALL = re.compile(
    r"(?:an?|the|is|are|was|were|being|with|without|of|in|on|at|from|to|and|or|while|who|that|his|her|their|some|by|for"
    r"|its?|as|video|scene|film|clip|movie|image|picture|photo|shot|content|everywhere)"
)
"""Words that show nothing by themselves."""


def _has_meaning(text: str) -> bool:
    return any(not _SMALL.fullmatch(word) for word in re.findall(r"[^\W_]+", text.lower()))
