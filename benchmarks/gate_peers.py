"""The peer of `benchmarks/gate.py` that spoils a prompt in ways it knows, and can tell afterwards whether they show."""

import random
import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

from feedback.english import CLOSED
from feedback.lexicon import words_of

ORNAMENT = "in the glow of an evening, a hushed mood"
LONG_ORNAMENT = " ".join(
    f"The {what} {does} {how}, {where}."
    for what, does, how, where in zip(
        ("dust", "haze", "glow", "mist", "gleam", "breeze", "dew", "murmur", "shimmer", "hush", "scent", "drizzle",
         "silence", "frost", "twilight", "moonlight", "vapour", "pollen", "echo", "warmth"),
        ("drifts", "lingers", "spreads", "thins", "wanders", "settles", "rises", "fades", "hovers", "deepens",
         "returns", "softens", "gathers", "dissolves", "trembles", "brightens", "curls", "floats", "dwindles", "grows"),
        ("gently", "slowly", "faintly", "evenly", "idly", "lightly", "steadily", "gradually", "calmly", "barely",
         "freely", "subtly", "thinly", "vaguely", "mildly", "tenderly", "dimly", "loosely", "finely", "richly"),
        ("as hours pass", "far away", "without haste", "once more", "beyond reach", "with ease", "before dawn",
         "after noon", "by degrees", "in between", "all along", "at length", "now and then", "for a while",
         "near and far", "little by little", "at times", "as ever", "in turn", "to the end"),
        strict=True,
    )
)  # fmt: skip
PREAMBLE = "Sure! Here is the rewritten prompt:"
REFUSALS = (
    "I'm sorry, but I can't help with that request.",
    "As an AI language model, I can't create this video.",
    "I cannot assist with this content.",
)
CHINESE = "一个宁静的傍晚，柔和的光线洒在画面上，镜头缓缓推进。"

_COUNTS = ("two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
_COLOURS = ("red", "blue", "green", "yellow", "black", "white", "purple", "orange", "pink", "brown")
_SIDES = (
    ("left", "right"), ("above", "below"), ("in front of", "behind"), ("on top of", "under"), ("upwards", "downwards"),
)  # fmt: skip
_CLAUSE = re.compile(r"(?:,\s+|\s+(?:and|with|in|on|while|under|near|at)\s+)")


class Spoiled(NamedTuple):
    """A rewrite that lost or broke one thing."""

    how: str
    text: str
    is_left: Callable[[str], bool]
    """Whether the damage still stands in a text made of it. Looks at letters only, never through the parser."""


def spoil(prompt: str, draw: random.Random) -> Iterator[Spoiled]:
    """The prompt in every way of damage that it has a place for, one at a time, with an ornament."""
    if clause := _last_clause(prompt):
        lost = {word for word in words_of(clause[1]) if word not in CLOSED} - set(words_of(clause[0]))
        if lost:
            yield Spoiled(
                "a clause dropped", _dress(clause[0]), lambda text: 2 * len(lost - set(words_of(text))) > len(lost)
            )
    swaps: tuple[tuple[str, dict[str, str]], ...] = (
        ("another count", dict(zip(_COUNTS, draw.sample(_COUNTS, len(_COUNTS)), strict=True))),
        ("another colour", dict(zip(_COLOURS, (*_COLOURS[1:], _COLOURS[0]), strict=True))),
        ("another side", {**dict(_SIDES), **{second: first for first, second in _SIDES}}),
    )
    for how, other in swaps:
        yield from _swap(how, prompt, other)
    yield from _negate(prompt)
    yield Spoiled("a preamble", f"{PREAMBLE} {_dress(prompt)}", lambda text: "rewritten prompt" in text)
    yield Spoiled("a refusal", draw.choice(REFUSALS), lambda _: True)
    yield Spoiled("in Chinese", CHINESE, lambda text: any("一" <= char <= "鿿" for char in text))
    yield Spoiled(
        "far too long", f"{prompt.rstrip(' .')}. {LONG_ORNAMENT}", lambda text: len(text.split()) > _longest(prompt)
    )
    yield Spoiled("nothing lost", _dress(prompt), lambda _: False)


WORD_LIMIT = 120


def _longest(prompt: str) -> int:
    return max(WORD_LIMIT, len(prompt.split()))


def _dress(text: str) -> str:
    return f"{text.rstrip(' .,;')}, {ORNAMENT}"


def _last_clause(prompt: str) -> tuple[str, str] | None:
    places = [match for match in _CLAUSE.finditer(prompt) if match.start() > 0]
    return (prompt[: places[-1].start()], prompt[places[-1].end() :]) if places else None


def _swap(how: str, prompt: str, other: dict[str, str]) -> Iterator[Spoiled]:
    """The first word of `other` in the prompt exchanged; the damage is left while it stands beside its neighbours."""
    pattern = re.compile(r"\b(?:" + "|".join(sorted(other, key=len, reverse=True)) + r")\b(\s+\w+)?", re.IGNORECASE)
    if match := pattern.search(prompt):
        word = match[0][: len(match[0]) - len(match[1] or "")]
        new = other[word.lower()]
        wrong = f"{new}{match[1] or ''}"
        if new != word.lower() and wrong.lower() not in prompt.lower():
            spoiled = prompt[: match.start()] + wrong + prompt[match.end() :]
            yield Spoiled(how, _dress(spoiled), lambda text: wrong.lower() in text.lower())


def _negate(prompt: str) -> Iterator[Spoiled]:
    """The first thing with an article denied: "a dog" becomes "no dog"."""
    if match := re.search(r"\b(?:a|an|the)\s+((?:\w+\s+)?\w+)", prompt, re.IGNORECASE):
        denied = f"no {match[1]}"
        spoiled = prompt[: match.start()] + denied + prompt[match.end() :]
        yield Spoiled("a thing denied", _dress(spoiled), lambda text: denied.lower() in text.lower())
