"""What is seen in place of what was asked for: a few words of the judge's model, for the rewriter.

Grades alone say that something is missing. For the questions that hold least, the model is asked what it sees there.
"""

import logging
import re
from collections.abc import Callable, Sequence

from feedback.clip import Clip
from feedback.judges.vlm import Shown, opening, show
from feedback.records import Question, Verdict

MOST_DESCRIBED = 3
"""Questions of one clip that are asked about at most, unless a judge is made with another number."""
ANSWER_TOKENS = 24
"""Longest answer."""
_LONGEST = 80
"""Letters of an answer that are kept."""

AskInWords = Callable[[Shown, Sequence[str]], Sequence[str]]
"""Puts questions to a model, each as its whole text after the frames: an answer in words for each. May raise."""
_log = logging.getLogger(__name__)


class Describer:
    """Puts into verdicts what is seen instead. A model that fails at it is not asked again, and no verdict is lost.

    Args:
        ask: The model.
        most: Questions asked about for one clip, those with the lowest P(yes); 0 asks nothing.
    """

    def __init__(self, ask: AskInWords, most: int = MOST_DESCRIBED):
        self._ask = ask
        self._most = most

    def describe(self, clip: Clip, questions: Sequence[Question], verdicts: Sequence[Verdict]) -> list[Verdict]:
        """The verdicts, with `seen` for those that do not hold."""
        failing = [place for place, verdict in enumerate(verdicts) if verdict.holds is False]
        told = sorted(failing, key=lambda place: verdicts[place].p_yes or 0.0)[: self._most]
        if not told:
            return list(verdicts)
        shown = show(clip)
        try:
            answers = self._ask(shown, [word_instead(questions[place], shown) for place in told])
        except Exception as error:
            self._most = 0
            why = " ".join(f"{type(error).__name__}: {error}".split())[:200]
            _log.warning("the judge can't say what is seen instead, and is not asked again: %s", why)
            return list(verdicts)
        seen = dict(zip(told, map(clean, answers), strict=True))
        return [
            verdict.model_copy(update={"seen": seen[place]}) if place in seen else verdict
            for place, verdict in enumerate(verdicts)
        ]


def word_instead(question: Question, shown: Shown) -> str:
    """The question for what is seen instead, as it follows the frames."""
    return (
        f"{opening(shown)}\nTo the question {question.text!r} the answer is no. What is seen instead? "
        "Name only what is seen, in at most eight words."
    )


_PREAMBLE = re.compile(
    r"^(?:(?:instead|actually|answer|seen|no)\s*[,:.]\s*"
    r"|(?:the|this) (?:video|clip|frames?|image|scene|picture)s? (?:shows?|depicts?|contains?|features?)\s+"
    r"|(?:i|we) (?:can )?see\s+"
    r"|(?:there (?:is|are)|it is|it's)\s+"
    r"|instead\s+)",
    re.IGNORECASE,
)
_SAYS_NOTHING = frozenset(("yes", "no", "none", "n/a", "unknown", "unclear", "i don't know", "sorry"))


def clean(answer: str) -> str:
    """The answer as a phrase on one line, without preamble, quotes and full stop; empty when it says nothing."""
    line = next((line for line in answer.splitlines() if line.strip()), "")
    phrase = " ".join(line.split()).strip(" \"'*`“”")
    while match := _PREAMBLE.match(phrase):
        phrase = phrase[match.end() :]
    phrase = re.split(r"(?<=[.!?])\s", phrase, maxsplit=1)[0].strip(" \"'*`“”.,;:!")
    if len(phrase) > _LONGEST:
        phrase = phrase[:_LONGEST].rsplit(" ", 1)[0].rstrip(" ,;:") + " …"
    return "" if phrase.lower().replace("’", "'") in _SAYS_NOTHING else phrase
