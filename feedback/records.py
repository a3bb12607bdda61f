"""What feedback says: questions asked of a clip, answers, scores, and all of it for one render.

Every score is a number in 0..1, higher is better, or None with the reason why it is missing. Nothing turns None into 0.
"""

from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

QuestionKind = Literal["object", "attribute", "count", "relation", "action", "scene", "style", "camera"]


class Record(BaseModel):
    """A plain value that is written to disk: frozen, and strict about its keys."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Question(Record):
    """One atomic thing that the prompt asks for, as a yes/no question and in parts.

    A vision language model reads `text`; classical vision reads the parts. `phrase` is the piece of the prompt it came
    from, in the user's own words.
    """

    id: str
    kind: QuestionKind
    text: str
    phrase: str
    subject: str = ""
    """The noun phrase asked about, as the user put it ("red ball"); empty for scene, style and camera."""
    value: str = ""
    """What is asked of the subject: "red", "2", "left of", "moves right", "black background"."""
    object: str = ""
    """The other noun phrase of a relation ("blue box")."""


class Verdict(Record):
    """A judge's answer to one question."""

    question_id: str
    p_yes: float | None = Field(ge=0.0, le=1.0)
    """Probability that the answer is yes, or None when the judge can't tell."""
    seen: str = ""
    """What is seen instead, in a few words for the rewriter; the reason, when p_yes is None."""

    @property
    def holds(self) -> bool | None:
        """Whether the clip shows it, None when the judge can't tell."""
        return None if self.p_yes is None else self.p_yes >= 0.5


class Score(Record):
    """One number of one source: 0..1, higher is better, or None with `why`."""

    name: str
    value: float | None = Field(ge=0.0, le=1.0)
    why: str = ""

    @model_validator(mode="after")
    def _missing_has_a_reason(self) -> Self:
        if self.value is None and not self.why:
            raise ValueError(f"score {self.name!r} is None without a reason")
        return self


class Feedback(Record):
    """What one source says of one clip. The first score is the one the source is ranked by."""

    source: str
    scores: list[Score] = Field(min_length=1)
    concerns: Literal["prompt", "clip"] = "prompt"
    """Whether the leading score says how well the clip shows the prompt, or only how good a clip it is."""
    verdicts: list[Verdict] = []
    critique: str = ""
    """What is wrong, in words the rewriter can use; empty when nothing is."""
    evidence: dict[str, Any] = {}
    """Measured figures behind the scores, JSON-plain, units in the key names (`speed_px_per_frame`)."""

    @property
    def score(self) -> Score:
        """The score this source is ranked by."""
        return self.scores[0]


class Assessment(Record):
    """All sources on one render, combined."""

    feedbacks: list[Feedback]
    dimensions: dict[str, float | None]
    """Source name to its leading score."""
    overall: float | None = Field(ge=0.0, le=1.0)
    """Weighted mean of the dimensions that have a score; None when they don't say how well the prompt is shown."""
    intent: float | None = Field(ge=0.0, le=1.0)
    """Share of the prompt's questions that hold, as graded by the sources; None when none could be answered."""
    failing: list[str] = []
    """Ids of the questions that do not hold."""
    critique: str = ""
