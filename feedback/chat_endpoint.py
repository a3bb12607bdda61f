"""A model behind OpenAI's chat completions, whoever asks it: its address, its key, and its failures in words."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast
from urllib.parse import urlsplit

import openai
from openai.types.chat import ChatCompletion

from feedback.errors import FeedbackError
from feedback.server_key import find_key, quote


@dataclass(frozen=True)
class Failure:
    """Why there was no answer."""

    text: str
    """One sentence with the address: what happened, and what to do where that is known."""
    is_slip: bool = False
    """Whether address, key or model are wrong, so that no request will ever do; else another one may."""


class NoChatError(openai.OpenAIError):
    """What came back is no chat completion."""


class ChatEndpoint:
    """One model of one server.

    The SDK retries timeouts, 429 and 5xx with growing pauses, `max_retries` times. The key stands in no message and no
    repr, nor does a password in the URL.

    Args:
        base_url: Of most servers it ends in /v1.
        model: As the server calls it.
        whose: Who asks it, in messages: "the judge".
        key_variables: Environment variables that are looked at for the key, in this order.
        api_key: In place of those.
        timeout_seconds: Longest wait for one answer.
        max_retries: Of one request.

    Raises:
        FeedbackError: The URL is none, or the key has characters that no key has.
    """

    def __init__(
        self,
        base_url: str,
        model: str,
        whose: str,
        *,
        key_variables: Sequence[str],
        api_key: str | None,
        timeout_seconds: float,
        max_retries: int,
    ) -> None:
        self.url = checked_url(base_url, whose)
        """As it may be shown."""
        self.model = model
        self._key_variable = key_variables[0]
        self._key = find_key(key_variables, api_key)
        self._timeout_seconds = timeout_seconds
        self._client = openai.OpenAI(
            base_url=base_url,
            api_key=self._key or "none",  # The SDK insists on one; servers that want none accept anything.
            timeout=timeout_seconds,
            max_retries=max_retries,
        )

    def __repr__(self) -> str:
        return f"ChatEndpoint({self.url!r}, {self.model!r})"

    def complete(self, messages: Sequence[Mapping[str, Any]], **wishes: Any) -> ChatCompletion:
        """The server's answer, with at least one choice that has a message; `wishes` are parameters of the API.

        Raises:
            openai.OpenAIError: There was none; NoChatError where it is something else.
        """
        try:
            completion = self._client.chat.completions.create(
                model=self.model, messages=cast("Any", list(messages)), **wishes
            )
        except ValueError:
            raise NoChatError("no JSON") from None
        if not _is_chat_completion(completion):
            raise NoChatError("no chat completion; the base URL of most servers ends in /v1")
        return completion

    def explain(self, problem: openai.OpenAIError) -> Failure:
        """Why `complete` raised this."""
        said = self.said_by(problem)
        match problem:
            case NoChatError():
                return Failure(f"{self.url} answered with something that is {problem}")
            case openai.APITimeoutError():
                return Failure(f"{self.url} did not answer within {self._timeout_seconds:g} s")
            case openai.APIConnectionError():
                return Failure(f"can't reach {self.url}; is the server running, is the URL right?")
            case openai.AuthenticationError() | openai.PermissionDeniedError():
                given = "the key was refused" if self._key else "it wants a key"
                return Failure(
                    f"{self.url}: {given}; set {self._key_variable} to a key that may use {self.model!r}", is_slip=True
                )
            case openai.NotFoundError():
                return Failure(f"{self.url} knows no model {self.model!r} or is no chat server: {said}", is_slip=True)
            case openai.APIStatusError():
                return Failure(f"{self.url} answered {problem.status_code}: {said}")
            case _:
                return Failure(f"{self.url}: {said}")

    def said_by(self, problem: openai.OpenAIError) -> str:
        """The server's own words, on one line, cut, and without the key."""
        body = getattr(problem, "body", None)
        words = body.get("message") or body.get("detail") if isinstance(body, dict) else body
        return quote(words or problem, self._key)


def checked_url(base_url: str, whose: str) -> str:
    """The URL as it may be shown: without user name and password. Raises FeedbackError when it is none of a server."""
    try:
        parts = urlsplit(base_url)
        shown = parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
    except ValueError:
        parts, shown = urlsplit(""), re.sub(r"//.*@", "//", base_url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise FeedbackError(
            f"{whose}'s base URL is {shown!r}, expected that of a server, like http://127.0.0.1:8000/v1"
        )
    return shown


def _is_chat_completion(completion: object) -> bool:
    """Whether it has a message; the SDK makes an object of any JSON, unchecked."""
    choices = getattr(completion, "choices", None)
    return isinstance(choices, list) and bool(choices) and getattr(choices[0], "message", None) is not None
