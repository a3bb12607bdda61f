"""The fake source: says what it is told."""

from collections.abc import Callable, Sequence

from feedback.clip import Clip
from feedback.records import Feedback, Question, Score

Say = Callable[[Clip, str, Sequence[Question]], Feedback | float | None]
"""From clip, prompt and checklist to a whole feedback, or only its score."""


class ScriptedSource:
    """Says what a function or a list tells it: for tests and rehearsals.

    A list is told one item a call, its last item ever after. An item is a `Feedback`, a score in 0..1, None
    (unscored), or an exception, which is raised. An empty list is a ValueError.
    """

    def __init__(self, say: Say | Sequence[Feedback | float | Exception | None], name: str = "scripted"):
        if not callable(say) and not say:
            raise ValueError("a scripted source needs something to say, got an empty list")
        self.name = name
        self._say = say
        self._calls = 0

    def assess(self, clip: Clip, prompt: str, checklist: Sequence[Question]) -> Feedback:
        """The next thing it was told to say."""
        if callable(self._say):
            said = self._say(clip, prompt, checklist)
        else:
            said = self._say[min(self._calls, len(self._say) - 1)]
        self._calls += 1
        if isinstance(said, Exception):
            raise said
        if isinstance(said, Feedback):
            return said.model_copy(update={"source": self.name})
        why = "" if said is not None else "told to give no score"
        return Feedback(source=self.name, scores=[Score(name=self.name, value=said, why=why)])
