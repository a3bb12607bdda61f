"""Rows of training data: TRL's conversational columns, and where each row comes from."""

import hashlib
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, Literal

from agent.rewriter_card import RewriterBrief
from finetune.data.near import plain_words

Kind = Literal["render", "screen", "imported"]
"""What told better from worse: measured videos, the screen of texts, or whoever published the row."""
Columns = dict[str, Any]


def item_id(prompt: str) -> str:
    """Names a prompt for good: the same words have the same id, whatever their case and punctuation."""
    return hashlib.sha256(plain_words(prompt).encode()).hexdigest()[:16]


@dataclass(frozen=True, kw_only=True)
class Row(ABC):
    """What every row has."""

    prompt: str
    why: str
    """One sentence: why the row is there."""
    kind: Kind
    run_id: str
    """Name of the run folder, or of the file it was imported from."""
    renderer: str | None = None
    """Model that made the videos; None where that is not known."""
    seeds: tuple[int, ...] = ()
    """On which it was measured."""

    @property
    def item_id(self) -> str:
        """Names the prompt."""
        return item_id(self.prompt)

    @property
    @abstractmethod
    def texts(self) -> tuple[str, ...]:
        """The candidates' texts in it, the better one first."""
        ...

    def columns(self, brief: RewriterBrief) -> Columns:
        """The row as it is written: what the rewriter is told, what it should answer, where that comes from."""
        return {
            "prompt": [dict(message) for message in brief.messages(self.prompt)],
            **self._answers(),
            "item_id": self.item_id,
            "run_id": self.run_id,
            "renderer": self.renderer,
            "kind": self.kind,
            "why": self.why,
            "seeds": list(self.seeds),
            **self._figures(),
        }

    @abstractmethod
    def _answers(self) -> Columns: ...

    @abstractmethod
    def _figures(self) -> Columns: ...


@dataclass(frozen=True, kw_only=True)
class SftRow(Row):
    """A text to teach."""

    text: str
    score: float | None = None
    """Overall, on the loop's seeds."""
    verified_gain: float | None = None
    """Over the prompt as typed, on the row's seeds, which chose nothing."""

    @property
    def texts(self) -> tuple[str, ...]:  # noqa: D102 - as in Row
        return (self.text,)

    def _answers(self) -> Columns:
        return {"completion": [answer(self.text)]}

    def _figures(self) -> Columns:
        return {"score": self.score, "verified_gain": self.verified_gain}


@dataclass(frozen=True, kw_only=True)
class DpoRow(Row):
    """A better and a worse text for one prompt."""

    chosen: str
    rejected: str
    score_chosen: float | None = None
    score_rejected: float | None = None
    margin: float | None = None
    """Difference of the two scores."""

    @property
    def texts(self) -> tuple[str, ...]:  # noqa: D102 - as in Row
        return self.chosen, self.rejected

    def _answers(self) -> Columns:
        return {"chosen": [answer(self.chosen)], "rejected": [answer(self.rejected)]}

    def _figures(self) -> Columns:
        return {"score_chosen": self.score_chosen, "score_rejected": self.score_rejected, "margin": self.margin}


@dataclass(frozen=True, kw_only=True)
class KtoRow(Row):
    """A text that is wanted, or is not."""

    text: str
    label: bool
    score: float | None = None
    margin: float | None = None
    """By how much an unwanted text is below the prompt as typed."""
    verified_gain: float | None = None
    """Of a wanted one over the prompt as typed."""

    @property
    def texts(self) -> tuple[str, ...]:  # noqa: D102 - as in Row
        return (self.text,)

    def _answers(self) -> Columns:
        return {"completion": [answer(self.text)], "label": self.label}

    def _figures(self) -> Columns:
        return {"score": self.score, "margin": self.margin, "verified_gain": self.verified_gain}


def answer(text: str) -> Columns:
    """The one message that a distilled rewriter is taught: the candidate's text alone."""
    return {"role": "assistant", "content": text}
