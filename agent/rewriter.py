"""The Rewriter port: prompt, modifiers and history in, new candidate texts out."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, Protocol

from agent.caption_styles import GENERAL
from agent.item_memory import ItemMemory
from agent.records import Candidate, Fault
from feedback.lexicon import words_of
from feedback.records import Question
from graph_store.records import Modifier


@dataclass(frozen=True)
class Attempt:
    """One candidate that was rendered, and what feedback said of it."""

    candidate: Candidate
    score: float | None
    """Overall, mean over its renders, 0..1, higher is better; None when it could not be scored."""
    dimensions: Mapping[str, float | None] = field(default_factory=dict[str, float | None])
    """Feedback source to its score, 0..1."""
    critique: str = ""
    failing: tuple[str, ...] = ()
    """Ids of the checklist's questions that do not hold and are not given up."""


@dataclass(frozen=True)
class Advice:
    """What to change in the champion's text for one question that does not hold, as a model reads the measurements."""

    question: str
    """The question's text."""
    change: str
    """What to change, in one sentence."""
    fault: Fault = "unclear"


@dataclass(frozen=True)
class RewriteTask:
    """Everything a rewriter may know: the anchor, the material, and what became of earlier candidates."""

    prompt: str
    checklist: tuple[Question, ...] = ()
    modifiers: tuple[Modifier, ...] = ()
    history: tuple[Attempt, ...] = ()
    """In the order they were made; empty for the first candidates."""
    tried: tuple[str, ...] = ()
    """All texts that were candidates already, those that the screen dropped included."""
    champion: str | None = None
    """Id of the leading candidate of the history."""
    parents: tuple[str, ...] = ()
    """Ids of the candidates to breed from, the best first; empty when the champion is to be refined."""
    items: tuple[ItemMemory, ...] = ()
    """What became of each question of the checklist, over all texts so far; empty when that is not to be known."""
    unreachable: tuple[str, ...] = ()
    """Ids of the questions that no wording brought about: to be said as the prompt says them, and worked on no more."""
    iteration: int = 0
    n: int = 1
    """How many drafts are wanted."""
    seed: int = 0
    target_lang: str = "en"
    """Language code; "" is the language of the prompt."""
    word_limit: int = 120
    generator_words: int | None = None
    """About how many words the generator reads; None when there is no limit."""
    style: str = GENERAL
    """Family of the generator, a key of `agent.caption_styles`."""
    trigger_words: tuple[str, ...] = ()
    """Words that every candidate holds, letter by letter: what a LoRA of the generator listens to."""
    advice: tuple[Advice, ...] = ()
    """What a critique of the champion advised; empty without one."""

    @property
    def is_first(self) -> bool:
        """Whether no text but the prompt's own was tried before."""
        return all(text == self.prompt for text in self.tried)

    def attempt_of(self, candidate_id: str | None) -> Attempt | None:
        """The attempt with this candidate, None when there is none."""
        return next((attempt for attempt in self.history if attempt.candidate.id == candidate_id), None)


@dataclass(frozen=True)
class Draft:
    """One text a rewriter proposes, unscreened, and what it cost."""

    text: str
    rationale: str = ""
    origin: Literal["retrieval", "instruction", "distilled", "refine", "fallback"] = "instruction"
    fault: Fault = "unclear"
    parent: str | None = None
    """Id of the candidate it was rewritten from; None when it was written from the prompt."""
    modifiers: tuple[str, ...] = ()
    """Modifiers it was given."""
    advice: str = ""
    """What a critique advised before it was written, a line for each finding."""
    faults: Mapping[str, Fault] = field(default_factory=dict[str, Fault])
    """Whom the critique blamed, by the text of the question."""
    unusable: str | None = None
    """Why this reply is no rewrite (a refusal, cut off, empty); it was paid for all the same. None when it is one."""
    tokens_in: int | None = 0
    tokens_out: int | None = 0
    """None when the server did not say; 0 for a rewriter without a model."""
    llm_calls: int = 0


def same_words(one: str, other: str) -> bool:
    """Whether two texts differ at most in case, punctuation and spaces: no renderer needs to see both."""
    return words_of(one) == words_of(other)


class Rewriter(Protocol):
    """Writes candidates.

    Same task, same drafts, as far as the model behind it honours a seed. The texts are raw: the screen judges them.
    """

    @property
    def name(self) -> str:
        """What a run records of it, e.g. "rules" or "llm"."""
        ...

    def rewrite(self, task: RewriteTask) -> list[Draft]:
        """At most `task.n` drafts, none when there is nothing left to try.

        Raises ModelError when the model behind it failed, UsageError for a wrong key or model.
        """
        ...
