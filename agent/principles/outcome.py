"""What becomes of a text that is held to the principles."""

from typing import Literal

from agent.records import Finding, Record


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
