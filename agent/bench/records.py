"""What a bench writes down: renders with their scores, what each method hands over, and how that was measured."""

from typing import Literal, get_args

from pydantic import Field

from agent.config import LoopConfig, RewriteConfig
from agent.records import Record
from agent.rewriter_card import RewriterBrief

Measure = Literal["text_held_out", "text_own", "delivered_held_out", "delivered_own"]
MEASURES: tuple[Measure, ...] = get_args(Measure)


class Entrant(Record):
    """A rewriter that takes part under a name of its own, beside the methods that the bench knows."""

    rewrite: RewriteConfig
    brief: RewriterBrief | None = None
    """What its model is told; None is what its rewriter tells it."""
    few_shot: bool = False
    """Whether it is shown examples first, as the method few_shot shows them."""
    renders: int | None = None
    """Renders it may spend on a prompt; None is as many as the others."""
    tries: int = Field(default=1, ge=1)
    """Times that it is asked for a text, while the screen drops all."""
    sha256: str | None = None
    """Of its weights, where they are in a folder of this machine."""


class BenchSettings(Record):
    """What all methods have in common."""

    config: LoopConfig
    """Of the loop and of every part that the methods share; `stop.max_renders` is `renders`."""
    renders: int = Field(ge=1)
    """Renders a method may spend on a prompt."""
    verify_seeds: int = Field(ge=0)
    """Unseen seeds on which each method's text is measured."""
    held_out: str | None = None
    """The judge that chooses nothing, as NAME or NAME:MODEL; None when there is none."""
    held_out_base_url: str | None = None
    entrants: dict[str, Entrant] = Field(default_factory=dict)
    """By their names in tables."""
    margin: float = Field(default=0.05, ge=0.0, le=1.0)
    """A text that is worse than the prompt as typed by more than this is a regression."""


class Look(Record):
    """What one assessment says of one video."""

    score: float | None = Field(ge=0.0, le=1.0)
    dimensions: dict[str, float | None] = Field(default_factory=dict)
    why: str = ""
    """Why there is no score."""
    seconds: float = 0.0
    llm_calls: int = 0
    tokens_in: int | None = 0
    tokens_out: int | None = 0


class ScoredRender(Record):
    """One video with what the method that chooses among them knows of it."""

    text: str
    seed: int
    video: str | None
    """Relative to the bench's folder; None when it failed."""
    seconds: float
    """To make it."""
    look: Look


class Answer(Record):
    """What a method hands over for one prompt, and what that took."""

    method: str
    prompt: str
    text: str
    """The wording that it ends with."""
    renders: list[ScoredRender]
    """All that it paid for, in the order in which they were made."""
    delivered: int | None
    """Which of the renders is the clip that it hands over; None when all failed."""
    llm_calls: int = 0
    tokens_in: int | None = 0
    tokens_out: int | None = 0
    """None when the server did not say."""
    seconds: float | None = None
    """To write, render and assess; None when a part of it was done by an earlier process and nobody kept the time."""
    stop: str = ""
    """Why it ended, where it can end before its renders are spent."""
    note: str = ""
    """What a reader should know, such as why the prompt was left as it was."""

    @property
    def clip(self) -> ScoredRender | None:
        """The render that is handed over."""
        return None if self.delivered is None else self.renders[self.delivered]


class Measured(Record):
    """One method on one prompt. Scores are 0..1, higher is better; None is unknown."""

    method: str
    prompt: str
    text: str
    delivered_own: float | None = None
    """Of the clip that was handed over, by the assessment that chose it: it flatters."""
    delivered_held_out: float | None = None
    """Of that clip, by the held-out judge."""
    text_own: float | None = None
    """Mean over the verification seeds on which the text has a score."""
    text_held_out: float | None = None
    dimensions: dict[str, float | None] = Field(default_factory=dict)
    """Of the text on the verification seeds, by source."""
    curve: list[float | None] = Field(default_factory=list)
    """After 1, 2, … renders, the score of the clip that the method would hand over then: the one that its own
    assessment likes best. By the held-out judge where there is one, else by that assessment."""
    renders: int
    llm_calls: int
    tokens_in: int | None
    tokens_out: int | None
    seconds: float | None
    stop: str = ""
    note: str = ""

    def score(self, measure: Measure) -> float | None:
        """The score of this name."""
        return getattr(self, measure)


class Failed(Record):
    """A method that gave no answer for a prompt. It is tried again when the bench is run again."""

    method: str
    prompt: str
    why: str
