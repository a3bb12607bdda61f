"""What VideoScore2 is told, and how its answer is read: three digits, each 1 to 5, after its reasons.

The form of the answer is that of the model's card (https://huggingface.co/TIGER-Lab/VideoScore2): lines such as
"(1) visual quality: 4", after thoughts that may stand in <think> tags. The instruction is our own.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from string import Template

from feedback.errors import FeedbackError

DIMENSIONS: Mapping[str, str] = {
    "visual_quality": "visual quality",
    "text_alignment": "text-to-video alignment",
    "physical_consistency": "physical/common-sense consistency",
}
"""Name of the score to what the model calls it."""
PLACEHOLDER = "$t2v_prompt"
"""Where a template takes the prompt: as the model's authors write it, so that their text can be used as it is."""
OWN_TEMPLATE = """\
This video was generated from a text prompt. Rate it in three respects, each with a whole number from 1 (very bad) to \
5 (very good). Visual quality: is it sharp and smooth, free of artefacts? Text-to-video alignment: does it show what \
the prompt asks for? Physical/common-sense consistency: does what happens look natural and possible? Give your reasons \
first.

The prompt: $t2v_prompt

End with these three lines:
visual quality: <number>
text-to-video alignment: <number>
physical/common-sense consistency: <number>
"""
_LONGEST_REASONS = 400
"""Letters of the reasons that are kept for the rewriter."""


@dataclass(frozen=True)
class Answer:
    """What the model said, taken apart."""

    digits: Mapping[str, int]
    """Score's name to its digit, 1..5; those that could not be found are missing."""
    places: Mapping[str, int]
    """Score's name to where its digit stands in the text."""
    reasons: str
    """What stands before the scores, on one line, cut."""

    @property
    def missing(self) -> list[str]:
        """What the model calls the scores that could not be found."""
        return [label for name, label in DIMENSIONS.items() if name not in self.digits]


def read_template(path: Path) -> str:
    """The instruction in a text file, which must hold $t2v_prompt. Raises FeedbackError."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as problem:
        raise FeedbackError(f"the template {path} can't be read as UTF-8: {problem}") from None
    if PLACEHOLDER not in text:
        raise FeedbackError(f"the template {path} has no {PLACEHOLDER}, where the prompt goes in")
    return text


def instruction(template: str, prompt: str) -> str:
    """The template with the prompt in it; other dollar signs stay as they are."""
    return Template(template).safe_substitute({PLACEHOLDER[1:]: prompt})


def read_answer(text: str) -> Answer:
    """The scores in an answer, those named last, and only after the model's thoughts. Never raises.

    "4", "4/5", "4 out of 5" and "4.0" are read as 4; "10", "3.5" and "4/10" are none.
    """
    start = _end_of_thoughts(text)
    found = {name: list(pattern.finditer(text, start)) for name, pattern in _PATTERNS.items()}
    last = {name: matches[-1] for name, matches in found.items() if matches}
    return Answer(
        digits={name: int(match[1]) for name, match in last.items()},
        places={name: match.start(1) for name, match in last.items()},
        reasons=_reasons(text[: min((match.start() for match in last.values()), default=len(text))]),
    )


_NUMBER = r"[^:\n]{0,80}:[ \t*_]*([1-5])(?:\.0+)?(?!\d|[.,]\d|\s*(?:/|out of)\s*(?!5\b)\d)"
_PATTERNS = {name: re.compile(re.escape(label) + _NUMBER, re.IGNORECASE) for name, label in DIMENSIONS.items()}


def _end_of_thoughts(text: str) -> int:
    end = text.lower().rfind("</think>")
    return end + len("</think>") if end >= 0 else 0


def _reasons(text: str) -> str:
    line = " ".join(re.sub(r"</?think>|\(\d\)\s*$|[*#]+", " ", text, flags=re.IGNORECASE).split())
    if len(line) <= _LONGEST_REASONS:
        return line
    return line[:_LONGEST_REASONS].rsplit(" ", 1)[0] + " …"
