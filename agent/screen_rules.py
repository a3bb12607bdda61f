"""The screen's single rules: how a model's wrapping is taken off, what a refusal and what nonsense look like."""

import re
from collections.abc import Callable, Sequence

import simplemma

from agent.prompt_flags import clean_text
from agent.prompts import read_rewrite
from agent.records import Finding


def unwrap(text: str, trigger_words: Sequence[str] = ()) -> tuple[str, list[Finding]]:
    """The text without chat tokens, JSON, preamble, markdown and quotes, on one line; and what was taken off.

    Trigger words in it stay as they are, whatever signs they are made of.
    """
    findings: dict[str, Finding] = {}
    text = change_around_triggers(text, trigger_words, lambda masked: _unwrap(masked, findings))
    return text, list(findings.values())


def _unwrap(text: str, findings: dict[str, Finding]) -> str:
    while True:
        before = text
        text = text.strip()
        for rule, detail, take_off in _WRAPPINGS:
            stripped = take_off(text)
            if "".join(stripped.split()) != "".join(text.split()):
                findings.setdefault(rule, Finding(rule=rule, detail=detail))
            text = stripped
        if text == before:
            return text


def change_around_triggers(text: str, trigger_words: Sequence[str], change: Callable[[str], str]) -> str:
    """The text after `change`, which sees a single odd sign where a trigger word stands and so can't alter it."""
    masks = _masks(text, trigger_words)
    for word, mask in masks:
        text = _whole(word).sub(mask, text)
    text = change(text)
    for word, mask in masks:
        text = text.replace(mask, word)
    return text


def missing_triggers(text: str, trigger_words: Sequence[str]) -> list[str]:
    """The trigger words that do not stand in the text, letter by letter and as words of their own."""
    return [word for word in trigger_words if not _whole(word).search(text)]


def without_triggers(text: str, trigger_words: Sequence[str]) -> str:
    """The text with the trigger words taken out: what may be judged as language."""
    for word in _longest_first(trigger_words):
        text = _whole(word).sub(" ", text)
    return text


def _masks(text: str, trigger_words: Sequence[str]) -> list[tuple[str, str]]:
    """For each trigger word in the text a character that nobody uses, the longest word first."""
    taken = set(text).union(*trigger_words)
    unused = (char for char in map(chr, range(0xE000, 0xF900)) if char not in taken)
    return list(zip(_longest_first(trigger_words), unused, strict=False))


def _longest_first(trigger_words: Sequence[str]) -> list[str]:
    return sorted(trigger_words, key=len, reverse=True)


def _whole(word: str) -> re.Pattern[str]:
    """The word where no letter or digit joins it, so that "sks" is not found in "asks"."""
    before = r"(?<!\w)" if re.match(r"\w", word) else ""
    after = r"(?!\w)" if re.search(r"\w\Z", word) else ""
    return re.compile(before + re.escape(word) + after)


def find_leak(text: str, prompt: str = "") -> Finding | None:
    """A finding when the text is still JSON after unwrapping, and the prompt is not."""
    if _JSON.match(text) and not _JSON.match(prompt):
        return Finding(rule="leak", detail="JSON without a text for the generator")
    return None


def find_refusal(text: str, prompt: str = "") -> Finding | None:
    """A finding when the text refuses the task or talks of itself as a model, and the prompt does not say the same."""
    spoken = text.replace("’", "'")
    for pattern in (_REFUSES, _SPEAKS_OF_ITSELF):
        if (match := pattern.search(spoken)) and not pattern.search(prompt.replace("’", "'")):
            return Finding(rule="refusal", detail=f"it says {match[0].strip()!r}")
    return None


def find_nonsense(text: str, prompt: str = "") -> Finding | None:
    """A finding when the text is no language: random characters or letters, or the same over and over.

    Random letters are told by a dictionary and by how a word can be spoken, so names and other European languages pass;
    scripts other than Latin are judged by repetition alone. A prompt that is like that itself excuses the text.
    """
    reason = _nonsense_in(text)
    return Finding(rule="nonsense", detail=reason) if reason and not _nonsense_in(prompt) else None


def shorten(text: str, fits: Callable[[str], bool], keeps_all: Callable[[str], bool]) -> str:
    """The text with sentences and clauses left out, from the end, until it fits; never one that `keeps_all` needs.

    The opening clause always stays, so the outcome may still not fit.
    """
    pieces = [piece for piece in _PIECES.findall(text) if piece]
    # Most often nothing behind some point is needed: one look instead of one for each piece.
    longest = next((end for end in range(len(pieces), 0, -1) if fits(_joined(pieces[:end]))), 0)
    if longest and keeps_all(head := _joined(pieces[:longest])):
        return head
    for index in range(len(pieces) - 1, 0, -1):
        if fits(_joined(pieces)):
            break
        shorter = pieces[:index] + pieces[index + 1 :]
        if keeps_all(_joined(shorter)):
            pieces = shorter
    return _joined(pieces)


_PIECES = re.compile(r".*?(?:[.!?;,]+\s+|[。！？；，]+|$)", re.DOTALL)


def _joined(pieces: list[str]) -> str:
    text = "".join(pieces).rstrip()
    return text if not text.endswith((",", ";", "，", "；")) else text.rstrip(" ,;，；") + "."


_CHAT_TOKENS = re.compile(
    r"<think(?:ing)?>.*?(?:</think(?:ing)?>|$)|<\|[^|<>]{1,40}\|>(?:\s*(?:system|user|assistant)\b)?|</?s>|\[/?INST\]"
    r"|<</?SYS>>|</?(?:prompt|text|candidate|modifiers|checklist|advice|failing|trigger_words|rewrite|answer|start_of_turn"
    r"|end_of_turn)>",
    re.DOTALL | re.IGNORECASE,
)
_JSON = re.compile(r"\s*[\[{]\s*[\"{\[]")
_KIND = r"(?:final|new|improved|revised|rewritten|refined|enhanced|optimi[sz]ed|updated|expanded|video|text-to-video)"
_THING = r"(?:prompt|rewrite|version|description|caption|candidate|output|answer|text)"
_PREAMBLE = re.compile(
    r"(?:\s*(?:(?:sure(?: thing)?|certainly|of course|absolutely|okay|ok|got it|understood)\s*[!.,:]\s*"
    rf"|here(?:'s|’s|\s+is|\s+are)\b[^:\n]{{0,80}}\b{_THING}\b[^:\n]{{0,40}}:\s*"
    rf"|[*_#]*(?:the\s+|your\s+)?(?:{_KIND}\s+)*{_THING}\s*[*_]*\s*[:：]\s*[*_]*"
    r"|(?:改写后的)?提示词\s*[:：]\s*))+",
    re.IGNORECASE,
)
_AFTERWORD = re.compile(
    r"\n[ \t]*[*_(]*(?:note|explanation|rationale|reasoning|changes(?: made)?|let me know|i hope|i have|i've|i added|"
    r"i kept|this (?:version|prompt|rewrite))\b.*$|\s(?:let me know if|i hope this|feel free to)\b[^\n]*$",
    re.DOTALL | re.IGNORECASE,
)
_QUOTES = (('"', '"'), ("“", "”"), ("'", "'"), ("‘", "’"), ("«", "»"), ("「", "」"), ("`", "`"))


def _take_json(text: str) -> str:
    return read_rewrite(text).text if "{" in text or "```" in text else text


def _take_markdown(text: str) -> str:
    text = re.sub(r"(\*\*|__)(?=\S)(.+?)(?<=\S)\1", r"\2", text)
    return re.sub(r"^(?:[ \t]*(?:#{1,6}|[-*•>])[ \t]+)+", "", text, flags=re.MULTILINE)


def _take_quotes(text: str) -> str:
    text = text.strip()
    for opening, closing in _QUOTES:
        inner = text[1:-1]
        if len(text) > 1 and text[0] == opening and text[-1] == closing and not {opening, closing} & set(inner):
            return inner.strip()
    return text


def _take_preamble(text: str) -> str:
    match = _PREAMBLE.match(text)
    return text[match.end() :] if match else text


_WRAPPINGS: tuple[tuple[str, str, Callable[[str], str]], ...] = (
    ("leak", "chat tokens of the model", lambda text: _CHAT_TOKENS.sub(" ", text)),
    ("leak", "JSON or a code block around the text", _take_json),
    ("preamble", "words to the reader before the text", _take_preamble),
    ("preamble", "words to the reader after the text", lambda text: _AFTERWORD.sub("", text)),
    ("markdown", "markdown", _take_markdown),
    ("quotes", "quotation marks around the text", _take_quotes),
    ("non_printing", "characters that can't be printed", clean_text),
)
"""Rule, detail, and what takes it off. None of them ever makes a text longer."""

_REFUSES = re.compile(
    r"^\W*(?:(?:i'm|i am)(?: \w+)? sorry\b|sorry,|i apologi[sz]e\b|unfortunately,? i\b|"
    r"(?:i|we) (?:can't|cannot|can not|won't|will not|am unable|am not able|must decline)\b|i'm (?:unable|not able)\b|"
    r"很?抱歉|对不起|我(?:无法|不能)|申し訳|lo siento\b|je suis désolée?\b|es tut mir leid\b|извините\b|"
    r"mi dispiace\b|desculpe\b)",
    re.IGNORECASE,
)
_SPEAKS_OF_ITSELF = re.compile(
    r"\bas an? (?:(?:large )?language model|(?:ai|artificial intelligence)(?: language)?(?: model| assistant|,? i\b))|"
    r"\bi (?:can't|cannot|can not|am unable to|won't) (?:help|assist|comply|fulfil|create|generate|write|rewrite)\b|"
    r"\b(?:violates?|against) (?:my|our|the|\w+'s) (?:content |usage |safety )?(?:polic|guideline)|"
    r"作为一个?(?:AI|人工智能)",
    re.IGNORECASE,
)

_KNOWN_SHARE, _SPEAKABLE_SHARE = 0.25, 0.8
"""Below both shares of its words, a text of four words or more is random letters."""
_VOWELS = frozenset("aeiouyàáâãäåæèéêëìíîïòóôõöøœùúûüýąęėįųūőűōāēīăơư")
_VOWEL_CLASS = "".join(sorted(_VOWELS))
_ONE_SOUND = re.compile("sch|ch|ck|sh|th|ph|ng|cz|sz|rz|tz|dz|dj")
"""Letters that are written together for one sound."""
_LATIN = re.compile(r"[a-zà-öø-ÿāăąćčďđēęěğīłńňōőœřśşšťūůűźżžơư]{3,}")


def _nonsense_in(text: str) -> str | None:
    lowered = text.lower()
    words = re.findall(r"\w+", lowered)
    if repeated := re.search(r"(\S)\1{7,}", lowered):
        return f"{repeated[1]!r} repeated"
    if repeated := re.search(r"\b([^\W\d_](?:[^.]{0,60}\w)?)(?:[\s,.;]+\1\b){3,}", lowered):
        return f"{repeated[1]!r} repeated"
    if len(words) >= 20 and len(set(words)) < len(words) / 4:
        return "the same words over and over"
    signs = sum(not (char.isalnum() or char.isspace()) and char.isascii() for char in text)
    if len(text) >= 12 and signs > len(text) / 3:
        return "more signs than words"
    latin = _LATIN.findall(lowered)
    if any(len(word) > 40 for word in latin):
        return "a word longer than any"
    if len(latin) >= 4:
        known = sum(simplemma.is_known(word, lang="en") for word in latin) / len(latin)
        if known < _KNOWN_SHARE and sum(map(_speakable, latin)) / len(latin) < _SPEAKABLE_SHARE:
            return "random letters"
    return None


def _speakable(word: str) -> bool:
    word = _ONE_SOUND.sub("s", word)
    vowels = sum(char in _VOWELS for char in word)
    return 0.2 <= vowels / len(word) <= 0.8 and not re.search(rf"[^{_VOWEL_CLASS}]{{4}}", word)
