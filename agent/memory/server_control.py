"""HTTP to the routes by which a server is told to give memory back, with what can go wrong."""

from functools import cached_property
from typing import Any
from urllib.parse import urlsplit

import httpx

from agent.errors import StageError
from feedback.server_key import quote

CONNECT_SECONDS = 5.0
SWITCH_SECONDS = 180.0
"""Longest silence while tens of GB move between the accelerator and the CPU's memory."""
SAID_LENGTH = 200


class ServerMemoryError(StageError):
    """A server did not give its memory back, or did not take it up again."""


class NoRouteError(ServerMemoryError):
    """The server has no such route."""


class SilentServerError(ServerMemoryError):
    """The request was sent and not answered: nobody knows whether it was done."""


class ServerControl:
    """One server. Follows no redirects, so that the key goes nowhere else; the key stands in no message and no repr.

    Args:
        base_url: With or without /v1.
        api_key: Sent as a bearer token, if given.
        seconds: Longest silence of the server at one request.
    """

    def __init__(self, base_url: str, api_key: str | None = None, seconds: float = SWITCH_SECONDS) -> None:
        root = base_url.rstrip("/").removesuffix("/v1")
        parts = urlsplit(root)
        self.address = parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
        """Without user and password."""
        self.seconds = seconds
        self._root, self._key = root, api_key

    def __repr__(self) -> str:
        return f"ServerControl({self.address!r})"

    @cached_property
    def _client(self) -> httpx.Client:
        return httpx.Client(
            base_url=self._root,
            headers={"Authorization": f"Bearer {self._key}"} if self._key else {},
            timeout=httpx.Timeout(self.seconds, connect=min(CONNECT_SECONDS, self.seconds)),
            limits=httpx.Limits(max_keepalive_connections=0),
        )

    def ask(self, method: str, path: str, **content: Any) -> dict[str, Any]:
        """The server's JSON object, empty when it answers with anything else; `content` is httpx's json or params.

        Raises:
            NoRouteError: It has no such route.
            SilentServerError: It did not answer.
            ServerMemoryError: It can't be reached, or refuses.
        """
        try:
            answer = self._client.request(method, path, **content)
        except (httpx.ConnectError, httpx.ConnectTimeout):
            raise ServerMemoryError(f"can't reach {self.address}") from None
        except httpx.TimeoutException:
            raise SilentServerError(f"{self.address} was silent for {self.seconds:g} s at {method} {path}") from None
        except httpx.TransportError as problem:
            raise SilentServerError(f"{self.address} broke the connection at {method} {path}: {problem}") from None
        if answer.status_code in (404, 405, 501):
            raise NoRouteError(f"{self.address} has no {method} {path}")
        if answer.status_code >= 300:
            said = quote(answer.text.strip() or "nothing", self._key, SAID_LENGTH)
            raise ServerMemoryError(f"{self.address} answered {answer.status_code} to {method} {path}: {said}")
        try:
            body = answer.json()
        except ValueError:
            return {}
        return body if isinstance(body, dict) else {}
