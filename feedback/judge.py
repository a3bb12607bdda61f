"""The Judge port: frames and a question in, P(yes) out."""

from collections.abc import Sequence
from typing import Protocol

from feedback.clip import Clip
from feedback.records import Question, Verdict


class Judge(Protocol):
    """Answers yes/no questions about a clip from its pixels alone.

    One verdict per question, in the same order, with the question's id. `p_yes` is None, with the reason in `seen`,
    for a question this judge can't answer. Deterministic.
    """

    def ask(self, clip: Clip, questions: Sequence[Question]) -> list[Verdict]:
        """One verdict per question."""
        ...
