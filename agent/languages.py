"""Languages as far as their scripts tell them apart: which script a text is in, and whether that was asked for.

Languages that share a script, such as English and German, are not told apart here.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterator
from functools import lru_cache

NAMES = {"en": "English", "zh": "Chinese", "ja": "Japanese", "ko": "Korean", "de": "German", "fr": "French",
         "es": "Spanish", "it": "Italian", "pt": "Portuguese", "ru": "Russian", "ar": "Arabic", "hi": "Hindi",
         "uk": "Ukrainian", "el": "Greek", "he": "Hebrew", "th": "Thai", "tr": "Turkish", "pl": "Polish",
         "nl": "Dutch", "vi": "Vietnamese", "id": "Indonesian"}  # fmt: skip
"""Language codes that are known by name."""

_SCRIPTS = {"zh": ("CJK",), "ja": ("KANA", "CJK"), "ko": ("HANGUL",), "ru": ("CYRILLIC",), "uk": ("CYRILLIC",),
            "ar": ("ARABIC",), "hi": ("DEVANAGARI",), "el": ("GREEK",), "he": ("HEBREW",), "th": ("THAI",)}  # fmt: skip
"""Of the languages in NAMES that are not written in Latin letters."""

_ONLY_LANGUAGE = {"LATIN": "en", "CJK": "zh", "KANA": "ja", "HANGUL": "ko", "GREEK": "el", "HEBREW": "he", "THAI": "th"}

_UNSPACED = ("CJK", "KANA", "THAI")
_KANA_SHARE = 0.1
"""More kana than this for each Chinese character make a text Japanese."""


def language_of(target: str, prompt: str) -> str:
    """The code of the language to write in: `target`, or for "auto" the prompt's own.

    "" for "auto" when several languages are written in the prompt's script. Latin letters are taken for English, which
    is what most captions are in.
    """
    if target != "auto":
        return target
    return _ONLY_LANGUAGE.get(script_of(prompt) or "LATIN", "")


def language_name(code: str) -> str:
    """The language in words; a code that is not known stands for itself."""
    return NAMES.get(_short(code), code) or "the language of the prompt"


def script_of(text: str) -> str | None:
    """The script that most of the text is in: "LATIN", "CJK", "KANA", "CYRILLIC", …; None for a text without letters.

    A character of Chinese, Japanese or Thai weighs as much as a word of the others. Japanese is "KANA".
    """
    counted = Counter(script for script, _ in _units(text))
    if counted["KANA"] > _KANA_SHARE * counted["CJK"]:
        counted["KANA"] += counted.pop("CJK", 0)
    return max(counted, key=lambda script: counted[script]) if counted.total() else None


def has_spaced_words(text: str) -> bool:
    """Whether words stand apart in the text's script; they do not in Chinese, Japanese and Thai."""
    return script_of(text) not in _UNSPACED


def count_words(text: str) -> int:
    """Words of the text; where they are written without spaces, characters."""
    return sum(max(1, sum(_script(char) in _UNSPACED for char in token)) for token in text.split())


def is_foreign(text: str, language: str, known: str = "") -> bool:
    """Whether the text is in another script than the language's; False where the language's script is not known.

    Words that stand in `known`, such as names and trigger words, count for neither.
    """
    code = _short(language)
    wanted = _SCRIPTS.get(code, ("LATIN",) if code in NAMES else None)
    if wanted is None:
        return False
    strange = {unit for script, unit in _units(known) if script not in wanted}
    rest = " ".join(unit for _, unit in _units(text) if unit not in strange)
    return script_of(rest) not in (None, *wanted)


def native_sentences(text: str, language: str, known: str = "") -> str:
    """The text without the sentences that are in another script than the language's; empty when all of them are."""
    sentences = [sentence for sentence in _SENTENCES.findall(text) if sentence]
    foreign = [is_foreign(sentence, language, known) for sentence in sentences]
    if not any(foreign):
        return text
    return "".join(sentence for sentence, out in zip(sentences, foreign, strict=True) if not out).strip()


_SENTENCES = re.compile(r".*?(?:[.!?…]+[\"”’)]?\s+|[。！？]+[」』”）]?\s*|\n+|$)", re.DOTALL)


def _short(code: str) -> str:
    return re.split(r"[-_]", code.strip().lower())[0]


@lru_cache(maxsize=4096)
def _script(char: str) -> str | None:
    if not char.isalpha():
        return None
    name = re.split(r"[ -]", unicodedata.name(char, ""), maxsplit=1)[0]
    return "KANA" if name in ("HIRAGANA", "KATAKANA") else name or None


def _units(text: str) -> Iterator[tuple[str, str]]:
    """(script, lower-cased letters): each character of a script without spaces, else each run of one script."""
    run, running = "", None
    for char in [*text.lower(), " "]:
        script = _script(char)
        if run and (script != running or script in _UNSPACED):
            yield running or "", run
            run = ""
        if script:
            run, running = run + char, script
