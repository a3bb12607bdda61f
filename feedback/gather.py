"""Asks every source about one clip; one that fails becomes an unscored feedback."""

import logging
from collections.abc import Sequence

from feedback.clip import Clip
from feedback.records import Feedback, Question, Score
from feedback.source import FeedbackSource

_log = logging.getLogger(__name__)


def gather_feedback(
    sources: Sequence[FeedbackSource], clip: Clip, prompt: str, checklist: Sequence[Question]
) -> list[Feedback]:
    """One feedback per source, in their order.

    A source that raises gives an unscored one with the exception's type and message as the reason, and a warning in the
    log. KeyboardInterrupt and SystemExit pass through.
    """
    return [_ask(source, clip, prompt, checklist) for source in sources]


def _ask(source: FeedbackSource, clip: Clip, prompt: str, checklist: Sequence[Question]) -> Feedback:
    try:
        return source.assess(clip, prompt, checklist)
    except Exception as error:
        why = " ".join(f"{type(error).__name__}: {error}".split())[:300]
        _log.warning("feedback source %r failed: %s", source.name, why)
        return Feedback(source=source.name, scores=[Score(name=source.name, value=None, why=why)])
