"""A language model that says what it is told to say: for tests, examples and dry runs."""

from collections.abc import Callable, Mapping, Sequence
from threading import Lock
from typing import Any

from agent.errors import ModelError
from agent.language_model import Message, Reply

Script = Sequence[str | Reply | Exception] | Callable[[Sequence[Message], int | None], str | Reply]
"""Replies in their order, an exception to be raised in its turn; or a function of messages and seed."""


class ScriptedLanguageModel:
    """Replies from a list or a function; the same on every run.

    Counts a token for every word. Keeps every call's messages, seed and schema in `calls`, and its temperature. Raises
    ModelError when the list is used up. Safe to use from several threads.
    """

    def __init__(self, replies: Script) -> None:
        self._replies = replies
        self._lock = Lock()
        self.calls: list[tuple[list[Message], int | None, Mapping[str, Any] | None]] = []
        self.temperatures: list[float | None] = []

    def reply(
        self,
        messages: Sequence[Message],
        *,
        seed: int | None = None,
        schema: Mapping[str, Any] | None = None,
        temperature: float | None = None,
    ) -> Reply:
        """The script's next turn."""
        with self._lock:
            turn = len(self.calls)
            self.calls.append((list(messages), seed, schema))
            self.temperatures.append(temperature)
        if callable(self._replies):
            said = self._replies(messages, seed)
        elif turn < len(self._replies):
            said = self._replies[turn]
        else:
            raise ModelError(f"the script holds {len(self._replies)} replies and this is call {turn + 1}")
        if isinstance(said, Exception):
            raise said
        if isinstance(said, Reply):
            return said
        return Reply(
            text=said,
            finish_reason="stop",
            tokens_in=sum(len(message["content"].split()) for message in messages),
            tokens_out=len(said.split()),
            model="scripted",
            seed=seed,
        )
