"""Is a text helpful to a generator? Rules: it describes what is seen, as fully as its prompt, and nothing else."""

import re

from agent.errors import UsageError
from agent.languages import has_spaced_words
from agent.prompt_flags import read_prompt
from agent.records import Finding

_FEWEST_WORDS = 3
_SHARE_OF_PROMPT = 0.5
"""A rewrite with fewer words than this share of its prompt's has left something out."""
_VAGUE_SHARE = 0.25

_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)?")
_VAGUE = re.compile(
    r"(?:something|someone|somewhere|somehow|stuff|things?|etc|various|whatever|nice|good|great|cool|amazing|awesome"
    r"|interesting|incredible|beautiful|wonderful|perfect|best|very|really|kind|sort)",
    re.IGNORECASE,
)


def _any_of(*patterns: str) -> re.Pattern[str]:
    return re.compile("|".join(patterns), re.IGNORECASE)


_SPEAKERS = r"(?:the|this|our) (?:video|clip|film|scene|footage|animation|camera footage|sequence|prompt)"
_RULES: tuple[tuple[str, re.Pattern[str]], ...] = (
    (
        "it tells of a video instead of describing what is seen",
        _any_of(
            rf"\b{_SPEAKERS} (?:\w+ly )?(?:shows?|opens?|begins?|starts?|ends?|depicts?|features?|captures?|presents?"
            r"|portrays?|follows|should|will|then (?:shows?|cuts?))\b",
            r"\bin (?:this|the) (?:video|clip|footage)\b",
            r"^\W*an? (?:short |brief )?(?:video|clip) (?:of|that|showing|which|where)\b",
            r"\b(?:we|viewers?|the audience) (?:can )?(?:sees?|watch(?:es)?|hears?|feels?|(?:are|is) shown)\b",
        ),
    ),
    (
        "it asks for sound, which a video generator does not make",
        _any_of(
            r"\b(?:background|soft|dramatic|upbeat|epic|ambient|sad|happy|orchestral) (?:music|sound(?:s|track)?)\b"
            r"(?! (?:box|hall|room|stage|school|band))",
            r"\b(?:soundtrack|voice-?over|sound effects?|audio|narration|dubbed)\b",
            r"\b(?:with|add|to) (?:the )?sounds? of\b",
            r"\bthe sounds? of [\w ]{1,40} (?:can be heard|fills?|is heard|are heard)\b",
        ),
    ),
    (
        "it asks for a format or a length, which are settings",
        _any_of(
            r"\b(?:mp4|mov|avi|webm|gif|h\.?26[45])\b(?: (?:file|format))?",
            r"\b(?:aspect ratio|frame ?rate|bit ?rate|fps|file (?:format|size))\b",
            r"\b\d{1,2}\s?:\s?\d{1,2} (?:format|ratio|video|aspect)\b",
            r"\b(?:length|duration)(?: of| is|:)? \d+",
            r"\b\d+[- ]?(?:seconds?|sec|minutes?|mins?)[- ](?:long|video|clip)\b",
        ),
    ),
    (
        "it speaks to the reader",
        _any_of(
            r"(?:^|[.!?]\s+)\W*(?:please|imagine|picture this|envision|visuali[sz]e|make sure|ensure|remember to"
            r"|note that|create|generate|make (?:a|an|me)|show me|give me|produce|design|render|write|describe|try to"
            r"|do not|don't|avoid|feel free|let's|let us)\b",
            r"\b(?:you can|you should|you could|you must|as requested|as you (?:asked|wished)|your (?:video|prompt))\b",
        ),
    ),
)


def find_unhelpful(text: str, prompt: str = "") -> list[Finding]:
    """What makes the text less useful to a generator, each rule once. Pure, never raises.

    What the prompt itself says in that way is excused: those are the person's words. Without a prompt nothing is
    excused and no length is compared; nor is it where words are written without spaces.
    """
    details = [
        f"{why}: {match[0].strip()!r}"
        for why, pattern in _RULES
        if (match := pattern.search(text)) and not pattern.search(prompt)
    ]
    details += [reason for reason in (_left_flag(text), _too_short(text, prompt), _too_vague(text, prompt)) if reason]
    return [Finding(rule="helpful", detail=detail) for detail in details]


def _left_flag(text: str) -> str | None:
    """Says so when a flag stands in the text: a generator reads it as words, and the setting is lost."""
    try:
        request = read_prompt(text)
    except UsageError:
        return None
    flags = request.model_dump(exclude={"text", "raw", "notes"}, exclude_none=True)
    return f"flags stand in it as words: {', '.join(flags)}" if flags else None


def _too_short(text: str, prompt: str) -> str | None:
    if not has_spaced_words(text) or not has_spaced_words(prompt):
        return None
    words, asked = len(_WORD.findall(text)), len(_WORD.findall(prompt))
    if words < min(_FEWEST_WORDS, asked or _FEWEST_WORDS):
        return f"{words} word{'' if words == 1 else 's'} can't say what is seen"
    if words < _SHARE_OF_PROMPT * asked:
        return f"it has {words} words, the prompt {asked}"
    return None


def _too_vague(text: str, prompt: str) -> str | None:
    vague, asked = _vague_share(text), _vague_share(prompt)
    return f"{vague:.0%} of its words say nothing that can be seen" if vague > max(_VAGUE_SHARE, asked) else None


def _vague_share(text: str) -> float:
    words = _WORD.findall(text)
    return sum(_VAGUE.fullmatch(word) is not None for word in words) / len(words) if words else 0.0
