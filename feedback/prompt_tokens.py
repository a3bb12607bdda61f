"""Cuts a prompt into words, relations and stops, and takes camera and style phrases out of it."""

import html
import re
from collections.abc import Callable
from typing import Literal, NamedTuple

_MAX_WORDS = 600

_RELATION_WORDS = (
    ("left of", r"(?:(?:to|on|at|from) (?:the|its) )?left(?:[- ]hand)?(?: side)? of"),
    ("right of", r"(?:(?:to|on|at|from) (?:the|its) )?right(?:[- ]hand)?(?: side)? of"),
    ("above", r"above|on (?:the )?top of|atop"),
    ("below", r"below|under|underneath|beneath|on the bottom of"),
    ("in front of", r"in front of"),
    ("behind", r"behind"),
    ("next to", r"next to|beside|alongside|adjacent to"),
    ("over", r"over"),
    ("on", r"on|upon"),
)
_TOKEN = re.compile(
    "|".join(f"(?P<r{i}>\\b(?:{words})\\b)" for i, (_, words) in enumerate(_RELATION_WORDS))
    + r"|(?P<word>[^\W_]+(?:['’-][^\W_]+)*|&)|(?P<stop>[.!?;:\n]+)|(?P<comma>[,()\"“”—–|]+)",
    re.IGNORECASE,
)


def _any_of(*phrases: str) -> re.Pattern[str]:
    return re.compile(rf"\b(?:{'|'.join(phrases)})(?!\w)", re.IGNORECASE)


_CAMERA = _any_of(
    r"(?:extreme |medium |cropped )?close[- ]?ups?(?: (?:shot|view))?(?: of)?",
    r"(?:extreme |ultra )?(?:wide|long|medium|full)[- ](?:angle )?(?:shot|view)(?: of)?",
    r"(?:an? )?(?:aerial|drone|bird'?s[- ]eye|overhead|top[- ]down|front|side|back|rear|first[- ]person|macro|pov|"
    r"tracking|static|handheld|establishing|low[- ]angle|high[- ]angle|eye[- ]level)"
    r"[- ](?:view|shot|footage|camera|perspective|angle)(?: of)?",
    r"(?:a )?(?:moving|shaky|steady|fixed) camera",
    r"(?:the )?(?:camera )?(?:slowly )?(?:pan(?:s|ning)?|tilt(?:s|ing)?|zoom(?:s|ing)?|doll(?:y|ies|ying))"
    r"(?: (?:slowly|to the|shot))? ?(?:left|right|up|down|in|out)",
    r"(?:(?:in )?a )?still frame", "frozen in time", "portrait", r"facing (?:the )?camera",
    r"slow[- ]?mo(?:tion)?", r"time[- ]?lapse", "hyperlapse", r"rack(?:ing)? focus", "shallow depth of field", "bokeh",
    r"(?:with )?an? intense shaking effect", "featuring a steady and smooth perspective", "wide[- ]angle", "macro",
    r"the camera [^,.;]{1,60}",
)  # fmt: skip
_STYLE = _any_of(
    r"(?:in|by) the style of [^,.;]{1,40}", r"in (?:an? )?(?:[\w-]+ ){1,3}style", r"(?:van gogh|[\w-]+) style",
    r"(?:watercolou?r|oil|acrylic|ink) painting", "(?:pixel|line|concept|digital) art", "black and white", "anime",
    "cartoon", "cinematic", r"photo-?realis(?:tic|m)", "photoreal", "hyper-?realistic", "realistic", "surrealism",
    "cyberpunk", "claymation", r"stop[- ]motion", r"(?:8|16|35)\s?mm(?: film)?", r"vhs(?: footage)?", "[48]k",
    "uhd", "hdr?",
    r"3d (?:render|model|animation)(?: of)?", r"vibrant colou?rs?", "a tranquil tableau of", r"\d0'?s", "by hokusai",
)  # fmt: skip
_FLAG = re.compile(r"(?:^|\s)--?(?:neg\w*\s*(?:\([^)]*\)|.*$)|[a-z]+(?: +[\d.:]+)?(?=\s|$))", re.IGNORECASE)
_TAG = re.compile(r"<[^<>]{0,200}>")


class Token(NamedTuple):
    """One word, relation phrase or stop of a text."""

    kind: str
    """"word", "stop", "comma" or "relation"."""
    word: str
    """Lower case."""
    relation: str
    """The canonical relation, else empty."""
    start: int
    end: int


class Look(NamedTuple):
    """A phrase about style or camera."""

    kind: Literal["camera", "style"]
    value: str
    phrase: str
    position: int


def split_prompt(prompt: str) -> tuple[str, list[Token], list[Look]]:
    """The cleaned text, its tokens (600 at most), and the style and camera phrases, which are not among the tokens."""
    text = clean(prompt)
    looks: list[Look] = []

    def take(kind: Literal["camera", "style"]) -> Callable[[re.Match[str]], str]:
        def replace(match: re.Match[str]) -> str:
            phrase = match[0].strip()
            value = re.sub(r"^(?:in )?(?:an? )(?=still|tranquil)|\s+of$", "", phrase, flags=re.IGNORECASE)
            looks.append(Look(kind, value, phrase, match.start()))
            return ",".ljust(len(match[0]))

        return replace

    rest = _STYLE.sub(take("style"), _CAMERA.sub(take("camera"), text))
    return text, _tokens(rest), looks


def clean(prompt: str) -> str:
    """The prompt without markup, generator flags and surplus space."""
    text = _TAG.sub(" ", html.unescape(prompt[:20_000]))
    text = _FLAG.sub(" ", text)
    return re.sub(r"[^\S\n]+", " ", text).strip()


def _tokens(text: str) -> list[Token]:
    tokens = []
    for match in _TOKEN.finditer(text):
        kind = match.lastgroup or "word"
        relation = _RELATION_WORDS[int(kind[1:])][0] if re.fullmatch(r"r\d", kind) else ""
        tokens.append(Token("relation" if relation else kind, match[0].lower(), relation, match.start(), match.end()))
        if len(tokens) == _MAX_WORDS:
            break
    return tokens
