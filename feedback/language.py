"""How sources ask a language model: they are handed a function, and know nothing of who answers."""

import json
import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol, TypeVar

_MOST_BRACES = 50
_Answer = TypeVar("_Answer")
_log = logging.getLogger(__name__)


class Said(Protocol):
    """What a language model said, and what that cost."""

    @property
    def text(self) -> str:
        """Its words."""
        ...

    @property
    def tokens_in(self) -> int | None:
        """None when the server does not say."""
        ...

    @property
    def tokens_out(self) -> int | None:
        """None when the server does not say."""
        ...


ChatTurn = dict[str, str]
"""`role` ("system", "user" or "assistant") and `content`."""
AskLanguageModel = Callable[[list[ChatTurn], Mapping[str, Any]], Said]
"""Puts messages to a model, with the JSON schema that its reply should follow. May raise anything."""


class UnusableReplyError(ValueError):
    """A reply is not what was asked for; the message says why, in words for the model."""


class NoAnswerError(Exception):
    """The model gave no answer that can be used; the message says why."""


class Interview:
    """Questions put to a language model one after the other, and what they cost together."""

    def __init__(self, ask: AskLanguageModel):
        self._ask = ask
        self._said: list[Said] = []
        self._calls = 0

    def ask(self, messages: list[ChatTurn], schema: Mapping[str, Any], read: Callable[[str], _Answer]) -> _Answer:
        """The reply, read; when `read` raises UnusableReplyError, that of a second try. Raises NoAnswerError."""
        reply = self._reply(messages, schema)
        try:
            return read(reply)
        except UnusableReplyError as problem:
            _log.info("the language model's reply can't be used (%s); asking once more", problem)
            complaint = f"This can't be used: {problem}. Answer again with the JSON object alone."
        turns = [{"role": "assistant", "content": reply}, {"role": "user", "content": complaint}]
        try:
            return read(self._reply([*messages, *turns], schema))
        except UnusableReplyError as problem:
            raise NoAnswerError(f"the language model's answer can't be used, asked twice: {problem}") from None

    @property
    def cost(self) -> dict[str, int | None]:
        """`llm_calls`, `tokens_in` and `tokens_out`; None for tokens when one of the replies did not say."""
        is_told = len(self._said) == self._calls
        return {
            "llm_calls": self._calls,
            "tokens_in": _sum([said.tokens_in for said in self._said]) if is_told else None,
            "tokens_out": _sum([said.tokens_out for said in self._said]) if is_told else None,
        }

    def _reply(self, messages: list[ChatTurn], schema: Mapping[str, Any]) -> str:
        self._calls += 1
        try:
            self._said.append(self._ask(messages, schema))
        except Exception as error:
            why = " ".join(f"{type(error).__name__}: {error}".split())[:300]
            raise NoAnswerError(f"the language model gave no answer: {why}") from error
        return self._said[-1].text


def json_in(reply: str) -> Any:
    """The first JSON object in a reply, whatever stands around it. Raises UnusableReplyError when there is none."""
    decoder = json.JSONDecoder(strict=False)
    starts = [place for place, letter in enumerate(reply) if letter == "{"]
    for start in starts[:_MOST_BRACES]:
        try:
            return decoder.raw_decode(reply, start)[0]
        except (ValueError, RecursionError):
            continue
    raise UnusableReplyError(f"no JSON object in {reply.strip()[:60]!r}")


def _sum(tokens: Sequence[int | None]) -> int | None:
    known = [count for count in tokens if count is not None]
    return sum(known) if len(known) == len(tokens) else None
