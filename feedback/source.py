"""The FeedbackSource port: a clip and the prompt in, scores and a critique out."""

from collections.abc import Sequence
from typing import Protocol

from feedback.clip import Clip
from feedback.records import Feedback, Question


class FeedbackSource(Protocol):
    """Looks at one clip and says how well it shows the prompt.

    The prompt is the user's, never a rewrite; the source learns nothing of how the clip was made. `checklist` holds the
    prompt's questions, the same for all sources. Scores are 0..1, higher is better, None with a reason when the source
    can't tell (also: when the prompt asks nothing this source measures). Deterministic: same clip, prompt and
    checklist, same feedback. May raise anything; `gather_feedback` turns that into an unscored feedback.
    """

    @property
    def name(self) -> str:
        """The dimension's name in records and tables, e.g. "motion"."""
        ...

    def assess(self, clip: Clip, prompt: str, checklist: Sequence[Question]) -> Feedback:
        """Feedback on this clip, with `source == self.name`."""
        ...
