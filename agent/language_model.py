"""The LanguageModel port: messages in, a reply out."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal, Protocol, TypedDict, runtime_checkable

from pydantic import BaseModel, ConfigDict


class Message(TypedDict):
    """One turn of a chat."""

    role: Literal["system", "user", "assistant"]
    content: str


class Reply(BaseModel):
    """What the model said, and what it cost."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    text: str
    finish_reason: str | None = None
    refusal: str | None = None
    """The provider's own refusal text, when it sent one."""
    tokens_in: int | None = None
    tokens_out: int | None = None
    """None when the server did not say."""
    model: str = ""
    seed: int | None = None


class LanguageModel(Protocol):
    """A chat model.

    `schema` is a JSON schema the reply should follow: a wish, not a promise. Many servers ignore it, so callers parse
    with care. `seed` makes the reply repeatable where the server honours it. `temperature` of this one reply, 0 the
    likeliest; None is what the model was made with. Raises ModelError when there is no reply.
    """

    def reply(
        self,
        messages: Sequence[Message],
        *,
        seed: int | None = None,
        schema: Mapping[str, Any] | None = None,
        temperature: float | None = None,
    ) -> Reply:
        """The model's next turn."""
        ...


@runtime_checkable
class Recorded(Protocol):
    """A language model that knows more of itself than its name."""

    @property
    def record(self) -> dict[str, str | None]:
        """Model, revision, engine and adapter, for the trajectory's header."""
        ...
