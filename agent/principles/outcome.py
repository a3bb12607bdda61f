"""What becomes of a text that is held to the principles."""

from typing import Literal, get_args

from agent.records import Finding, Record

Principle = Literal["harmless", "accurate", "helpful"]
PRINCIPLES: tuple[Principle, ...] = get_args(Principle)


class Principled(Record):
    """A text the generator may get, or the reason why it gets none."""

    text: str
    """What may be rendered; of a refused text, the text as it was."""
    findings: tuple[Finding, ...] = ()
    """What was unsafe in the text as it came, and what went wrong on the way."""
    softened: bool = False
    """Whether `text` is another than the one that came."""
    refused: str | None = None
    """Why nothing may be rendered, in one line; None when it may."""
    softened_by: Literal["rules", "model"] | None = None
    llm_calls: int = 0
    tokens_in: int | None = 0
    tokens_out: int | None = 0
    """None when the server did not say."""


class Verdict(Record):
    """Whether a text keeps one principle."""

    principle: Principle
    holds: bool | None
    """None when it is not known; `reason` says why."""
    reason: str


class TextJudgement(Record):
    """One verdict for each principle, in the order of PRINCIPLES; and what they cost."""

    verdicts: tuple[Verdict, ...]
    llm_calls: int = 0
    tokens_in: int | None = 0
    tokens_out: int | None = 0
    """None when the server did not say."""

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What is broken, for the record of the candidate; nothing of what is not known."""
        return tuple(
            Finding(rule=verdict.principle, detail=f"by the model: {verdict.reason}")
            for verdict in self.verdicts
            if verdict.holds is False
        )
