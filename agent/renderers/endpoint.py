"""One server's HTTP, with what can go wrong sorted by what to do about it.

UsageError          the user's slip: the address or the key
BusyError           nothing was done; the same again may work (no connection, 429, 502, 503, 504)
ConnectionLostError a BusyError after which nobody knows whether the server did it (broken or silent connection)
NotThereError       404
RefusedError        every other answer of 400 and above
"""

import re
from typing import Any

import httpx

from agent.errors import RenderError, UsageError
from feedback.errors import FeedbackError
from feedback.server_key import find_key, quote

KEY_VARIABLE = "RETAKE_RENDER_API_KEY"
"""Environment variable with the render server's key. No other key is ever sent there."""
CONNECT_SECONDS = 10.0
BUSY_STATUSES = (429, 502, 503, 504)


class BusyError(RenderError):
    """The server did nothing this time; asking again may work."""


class ConnectionLostError(BusyError):
    """The connection broke, or stayed silent, after the request was sent."""


class NotThereError(RenderError):
    """The server knows no such thing."""


class RefusedError(RenderError):
    """The server answered with an error; `body` is its JSON, None when it sent none."""

    def __init__(self, message: str, body: Any) -> None:
        super().__init__(message)
        self.body = body


class Endpoint:
    """A server at a base URL, asked with the key of RETAKE_RENDER_API_KEY if there is one. Safe to use from threads.

    `key` is that key, None where there is none. A base URL that ends in /v1 means the same as one that does not.
    Redirects are not followed. No connection is kept open between requests.

    Args:
        base_url: http or https, without user, password and query.
        answer_seconds: Longest silence of the server while it answers one request.

    Raises:
        UsageError: The URL is none, or the key has characters that no key has.
    """

    def __init__(self, base_url: str, answer_seconds: float = 60.0) -> None:
        if any(sign in base_url for sign in "@?#"):
            raise UsageError(f"the server's address must hold no user, password or query: set {KEY_VARIABLE} instead")
        if not re.fullmatch(r"https?://[^\s/]+(/\S*)?", base_url):
            raise UsageError(f"{base_url!r} is no address of a server, expected something like http://127.0.0.1:8091")
        self.address = base_url.rstrip("/").removesuffix("/v1")
        self._answer_seconds = answer_seconds
        try:
            self.key = find_key([KEY_VARIABLE])
            self._client = httpx.Client(
                base_url=self.address,
                headers={"Authorization": f"Bearer {self.key}"} if self.key else {},
                timeout=httpx.Timeout(answer_seconds, connect=min(CONNECT_SECONDS, answer_seconds)),
                limits=httpx.Limits(max_keepalive_connections=0),
            )
        except FeedbackError as problem:
            raise UsageError(str(problem)) from None
        except httpx.InvalidURL as problem:
            raise UsageError(f"{base_url!r} is no address of a server: {problem}") from None

    def __repr__(self) -> str:
        return f"Endpoint({self.address!r}, key={'***' if self.key else None})"

    def ask(self, method: str, path: str, **content: Any) -> httpx.Response:
        """The server's answer, of a status below 400; `content` is httpx's json, files or params."""
        try:
            answer = self._client.request(method, path, **content)
        except (httpx.ConnectError, httpx.ConnectTimeout):
            raise BusyError(f"can't reach {self.address}; is the server running, is the address right?") from None
        except httpx.TimeoutException:
            raise ConnectionLostError(
                f"{self.address} was silent for {self._answer_seconds:g} s at {method} {path}"
            ) from None
        except httpx.TransportError as problem:
            raise ConnectionLostError(f"{self.address} broke the connection at {method} {path}: {problem}") from None
        status = answer.status_code
        if status < 300:
            return answer
        message = f"{self.address} answered {status} to {method} {path}: {self._said(answer)}"
        if status in (401, 403):
            wanted = "the key was refused" if self.key else "it wants a key"
            raise UsageError(f"{self.address}: {wanted}; set {KEY_VARIABLE} to one that may be used there")
        if status in BUSY_STATUSES:
            raise BusyError(message)
        if status == 404:
            raise NotThereError(message)
        raise RefusedError(message, _json_of(answer))

    def ask_json(self, method: str, path: str, **content: Any) -> dict[str, Any]:
        """The JSON object that the server answers with; RefusedError when it is none."""
        answer = self.ask(method, path, **content)
        body = _json_of(answer)
        if not isinstance(body, dict):
            raise RefusedError(f"{self.address} answered {method} {path} with something that is no JSON object", body)
        return body

    def _said(self, answer: httpx.Response) -> str:
        """The server's own words."""
        words: Any = _json_of(answer)
        for name in ("error", "detail", "message"):
            if isinstance(words, dict) and words.get(name):
                words = words[name]
        return self.quote(words or answer.text or answer.reason_phrase)

    def quote(self, words: Any) -> str:
        """What a server said, on one line, cut, and without the key."""
        return quote(words, self.key)


def _json_of(answer: httpx.Response) -> Any:
    try:
        return answer.json()
    except ValueError:
        return None
