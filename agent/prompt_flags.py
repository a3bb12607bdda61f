"""What a person typed, taken apart: the words, and the flags that users of video services put among them.

Flags are read as they are met in the wild: one dash or two, typographic dashes, no space before or after, a colon or
comma before the value (`-ar16:9`, `—negative: morphing`, `sunrise-ar 16:9`, `- GS 15`). Camera and style are wishes for
the picture and go back into the text as words; the rest are settings. Nothing is fetched and nothing is run.
"""

import html
import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from math import gcd
from typing import TypeVar

from agent.errors import UsageError
from agent.records import Record

T = TypeVar("T")

LONGEST_PROMPT = 10_000
"""In characters."""


class PromptRequest(Record):
    """A prompt as it is used from here on. None was not asked for; of a flag given twice the last counts."""

    text: str
    """The words, NFC, single-spaced, with camera and style said in words at the end."""
    raw: str
    """As it was typed."""
    negative: str | None = None
    aspect_ratio: tuple[int, int] | None = None
    """Width to height, in lowest terms."""
    motion: int | None = None
    """Strength of motion, 0 (still) to 4."""
    camera: str | None = None
    style: str | None = None
    fps: float | None = None
    guidance_scale: float | None = None
    seed: int | None = None
    """As typed, below 2**64: wider than most generators take."""
    notes: tuple[str, ...] = ()
    """One sentence for each flag that was left out."""

    def with_negative(self, configured: str | None) -> str | None:
        """What must not appear, by the config and by the prompt's own flag; None when neither says anything."""
        return ", ".join(filter(None, (configured, self.negative))) or None


def read_prompt(raw: str) -> PromptRequest:
    """The prompt in words and settings. Raises UsageError when it is blank or longer than LONGEST_PROMPT."""
    if len(raw) > LONGEST_PROMPT:
        raise UsageError(f"the prompt has {len(raw):,} characters, {LONGEST_PROMPT:,} are allowed; shorten it")
    words = _PREFIX.sub("", clean_text(html.unescape(raw)))
    found: dict[str, list[str]] = {}
    for flag in _FLAGS:
        words = flag.take(words, found)
    text = _close_gaps(words)
    if not any(char.isalnum() or unicodedata.category(char) == "So" for char in text):
        raise UsageError("the prompt is empty; say in words what the video should show")

    notes = [f"left out {flag!r}: it is no setting here" for flag in found.get("foreign", [])]
    notes += [f"left out {flag!r}: its value can't be read" for flag in found.get("unreadable", [])]

    def last(key: str, read: Callable[[str], T | None]) -> T | None:
        value = None
        for typed in found.get(key, []):
            if (value := read(typed)) is None:
                notes.append(f"left out {key.replace('_', ' ')} {typed}: it is out of range")
        return value

    camera = ", ".join(found.get("camera", [])) or None
    style = ", ".join(found.get("style", [])) or None
    return PromptRequest(
        text=_say_in_words(text, camera, style),
        raw=raw,
        negative=", ".join(value for typed in found.get("negative", []) if (value := typed.strip(' "“”(),;'))) or None,
        aspect_ratio=last("aspect_ratio", _ratio_of),
        motion=last("motion", lambda typed: int(typed) if typed.isdecimal() and int(typed) <= 4 else None),
        camera=camera,
        style=style,
        fps=last("fps", lambda typed: float(typed) if 0 < float(typed) <= 240 else None),
        guidance_scale=last("guidance_scale", lambda typed: float(typed) if float(typed) <= 100 else None),
        seed=last("seed", lambda typed: int(typed) if typed.isdecimal() and int(typed) < 2**64 else None),
        notes=tuple(notes),
    )


def clean_text(text: str) -> str:
    """The text in NFC with single spaces, without what can't be seen or printed. Emoji and right-to-left text stay."""
    spaced = re.sub(r"[\t\n\v\f\r\x1c-\x1f\x85\u2028\u2029]", " ", text)
    visible = (char for char in spaced if char in _JOINERS or unicodedata.category(char) not in ("Cc", "Cf", "Cs"))
    return " ".join(unicodedata.normalize("NFC", "".join(visible)).split())


_JOINERS = frozenset("\u200c\u200d\u200e\u200f\u061c") | {chr(code) for code in range(0xE0020, 0xE0080)}
"""Format characters that emoji and right-to-left scripts need."""

_GAP = "\0"
"""Stands where a flag was taken out; no typed text holds one once it is clean."""


@dataclass(frozen=True)
class _Flag:
    key: str | None
    """What it sets; None when the name in the pattern says so (`-gs 20`)."""
    pattern: re.Pattern[str]
    """With a group `value`."""

    def take(self, words: str, found: dict[str, list[str]]) -> str:
        """The words without this flag; its values are added to what was found."""

        def note(match: re.Match[str]) -> str:
            key = self.key or _NUMBERS[match["name"].lower()]
            found.setdefault(key, []).append(match["value"].strip(" ,;:"))
            return f" {_GAP} "

        return self.pattern.sub(note, words)


def _flag(key: str | None, pattern: str) -> _Flag:
    return _Flag(key, re.compile(pattern, re.IGNORECASE))


_DASH = r"(?<!-)(?:--?|[—–−‐‑]{1,2})"
_OPEN = rf"(?<![\w/?=&#]){_DASH}"
"""A dash that does not follow a word directly, nor stands in a URL."""
_GLUED = rf"(?<!\bstop)(?<!\bslow){_DASH}"
"""A dash that may (`sunrise-ar 16:9`), which is safe only before a name with a value that can't be words."""
_IS = r"[\s:=,]*"
_END = rf"(?=[,.;{_GAP}\]]|\s{_DASH}\s?[a-z]|$)"
_NUMBERS = {"motion": "motion", "m": "motion", "fps": "fps", "gs": "guidance_scale", "guidance": "guidance_scale",
            "seed": "seed"}  # fmt: skip
_TURNS = r"(?:in|out|left|right|up|down|around|clockwise|(?:counter|anti)-?clockwise|cw|ccw)"
_MOVES = r"(?:zoom|pan|tilt|rotat|roll|dolly|truck|orbit|crane|push|pull)(?:e|s|ed|ing)?"

_PREFIX = re.compile(r"^(?:/\w+\s+)?prompt\s*:\s*(?=\S)|^:\s+(?=\S)", re.IGNORECASE)
_FLAGS = (
    _flag(
        "aspect_ratio", rf"{_GLUED}\s?(?:ar|air|aspect|size){_IS}(?P<value>\d{{1,5}}\s?[:;x×/.]\s?\d{{1,5}})(?![\w:])"
    ),
    _flag(
        None, rf"{_GLUED}\s?(?P<name>motion|fps|gs|guidance|seed){_IS}(?P<value>\d{{1,30}}(?:\.\d{{1,6}})?)(?![\w:])"
    ),
    _flag(None, rf"{_OPEN}\s?(?P<name>m){_IS}(?P<value>\d)(?![\w:])"),
    _flag("fps", rf"{_OPEN}\s?(?P<value>\d{{1,4}})\s?fps\b"),
    _flag("camera", rf"{_OPEN}\s?camera{_IS}(?P<value>{_MOVES}(?:\s{_TURNS})*)\b(?:\s\d+\b)?"),
    _flag("camera", rf"{_OPEN}\s?(?P<value>{_MOVES}(?:\s{_TURNS})+)\b-?"),
    _flag("camera", rf"{_OPEN}camera\b{_IS}(?P<value>[^,.;{_GAP}]{{1,60}}?){_END}"),
    _flag("style", rf"{_OPEN}style\b{_IS}(?P<value>[^,.;{_GAP}]{{1,60}}?){_END}"),
    _flag(
        "foreign",
        rf"(?P<value>{_OPEN}(?:stylize|s|version|v|quality|q|iw|w|chaos|c|size|image|niji)\s?\d+(?:\.\d+)?)\b",
    ),
    _flag("foreign", rf"(?P<value>{_OPEN}(?:tile|hide|animate|niji))\b"),
    _flag(
        "negative",
        rf"(?:{_OPEN}(?:neg|negative)\b|{_OPEN}\s(?:neg|negative)\s?:|(?<!\S)--no\b){_IS}"
        rf"(?P<value>\"[^\"{_GAP}]*\"?|“[^”{_GAP}]*”?|\([^){_GAP}]*\)?|[^{_GAP}\]]*?(?=\s{_DASH}[a-z]|[{_GAP}\]]|$))",
    ),
    _flag("unreadable", rf"(?P<value>{_OPEN}(?:ar|motion|fps|gs|seed|neg|camera)(?![^\W\d_]|-)[\d.:]*)"),
)
"""In the order they are taken; a negative prompt is last, for it ends where another flag began."""


def _ratio_of(typed: str) -> tuple[int, int] | None:
    width, height = (int(side) for side in re.findall(r"\d+", typed))
    if not width or not height or not 1 / 8 <= width / height <= 8:
        return None
    shared = gcd(width, height)
    return width // shared, height // shared


def _close_gaps(words: str) -> str:
    def bridge(match: re.Match[str]) -> str:
        before, after = words[: match.start()], words[match.end() :]
        if not before or not after or after[0] in ")]}":
            return ""
        mark = next((char for char in match[0] if char in ",;."), "")
        return (mark if before[-1] not in ".,;:!?" else "") + " "

    return re.sub(rf"[\s,;]*(?:{_GAP}[\s,;.]*)+", bridge, words).strip(" ,;")


def _say_in_words(text: str, camera: str | None, style: str | None) -> str:
    wishes = []
    if style:
        wishes.append(style if "style" in style.lower() else f"{style} style")
    if camera:
        wishes.append(camera if "camera" in camera.lower() else f"camera {camera}")
    for wish in wishes:
        if wish.lower() not in text.lower():
            text = f"{text} {wish[0].upper()}{wish[1:]}." if text[-1] in ".!?…" else f"{text}, {wish}"
    return text
