"""Servers as residents: what a server is, and so how it gives memory back, is asked of the server itself."""

from threading import Lock
from weakref import WeakValueDictionary

from agent.memory.levers import FreeRoute, KeepAlive, Lever, LoadedInstances, MemoryOccupation, SleepMode
from agent.memory.server_control import (
    SWITCH_SECONDS,
    NoRouteError,
    ServerControl,
    ServerMemoryError,
    SilentServerError,
)
from feedback.resident import Holding

WHY_UNKNOWN = "a server does not say how much memory its model takes"


class NoLeverError(ServerMemoryError):
    """The server knows no way to give memory back, or was started without it."""


class Server:
    """One server, whichever parts talk to it: is asked once what it is, and told one thing at a time.

    Args:
        control: Its HTTP.
        lever: Where what it is needs not be asked.
    """

    def __init__(self, control: ServerControl, lever: Lever | None = None) -> None:
        self.address = control.address
        self._control = control
        self._lever = lever
        self._refusal: NoLeverError | None = None
        self._lock = Lock()

    def release(self, model: str) -> None:
        """Frees the model's memory. Raises ServerMemoryError, a NoLeverError where it can't be done at all."""
        with self._lock:
            if self._lever is None:
                self._lever = self._find_lever()
            self._lever.release(model)

    def acquire(self, model: str) -> None:
        """Undoes `release`, and wakes a server that sleeps. Raises ServerMemoryError."""
        with self._lock:
            (self._lever or SleepMode(self._control)).acquire(model)

    def _find_lever(self) -> Lever:
        if self._refusal is None:
            try:
                return find_lever(self._control)
            except NoLeverError as refusal:
                self._refusal = refusal
        raise self._refusal


class ServerResident:
    """A model on a server; a `Resident`. Safe to use from threads.

    `release` raises ServerMemoryError when the server can't or won't; `acquire` does when it won't wake up.
    """

    def __init__(self, server: Server, model: str) -> None:
        self._server = server
        self._model = model
        self.is_away = False
        """Released here and not acquired since."""

    @property
    def holdings(self) -> list[Holding]:
        """The model, at the server's address, with an unknown size."""
        return [Holding(self._model, self._server.address, None, WHY_UNKNOWN)]

    def release(self) -> None:
        """Has the server give back what the model takes."""
        try:
            self._server.release(self._model)
        except SilentServerError:
            self.is_away = True
            raise
        self.is_away = True

    def acquire(self) -> None:
        """Has the server take it up again; one that was found sleeping is woken."""
        self._server.acquire(self._model)
        self.is_away = False

    def return_if_away(self) -> None:
        """Acquires what was released here; asks nothing of the server otherwise."""
        if self.is_away:
            self.acquire()


def server_resident(
    base_url: str, model: str, api_key: str | None = None, *, seconds: float = SWITCH_SECONDS
) -> ServerResident:
    """The model on the server at this URL, with or without /v1. Asks nothing yet.

    Parts that name the same URL and key are told apart by their model only: the server is asked once what it is.

    Args:
        base_url: Where the part that uses the model finds it.
        model: As that part calls it.
        api_key: The one that part uses.
        seconds: Longest silence of the server while it releases or takes up memory.
    """
    control = ServerControl(base_url, api_key, seconds)
    with _known_lock:
        server = _known.get((control.address, api_key))
        if server is None:
            server = _known[control.address, api_key] = Server(control)
    return ServerResident(server, model)


def comfyui_resident(
    base_url: str, workflow: str, api_key: str | None = None, *, seconds: float = SWITCH_SECONDS
) -> ServerResident:
    """The models that a workflow needs, on the ComfyUI server at this URL. Arguments as of `server_resident`."""
    control = ServerControl(base_url, api_key, seconds)
    return ServerResident(Server(control, FreeRoute(control)), workflow)


_known: WeakValueDictionary[tuple[str, str | None], Server] = WeakValueDictionary()
_known_lock = Lock()


def find_lever(server: ServerControl) -> Lever:
    """How this server gives memory back, by what it says it is.

    Raises:
        NoLeverError: It knows no way, or was started without it; says how to start it.
        ServerMemoryError: It can't be reached or wants another key.
    """
    owners = _ask_owners(server)
    if "vllm" in owners:
        return _vllm_lever(server)
    if "sglang" in owners:
        return _sglang_lever(server)
    if _has_list(server, "/api/ps", "models"):
        return KeepAlive(server)
    if _has_list(server, "/api/v1/models", "models"):
        return LoadedInstances(server)
    if _has_list(server, "/api/v0/models", "data"):
        raise NoLeverError(f"the LM Studio at {server.address} can't be told to unload: update it to 0.4 or later")
    raise NoLeverError(
        f"{server.address} is no server that gives memory back (known: vLLM, SGLang, Ollama, LM Studio, ComfyUI): "
        "its model stays where it is"
    )


def _ask_owners(server: ServerControl) -> set[str]:
    try:
        listed = server.ask("GET", "/v1/models").get("data")
    except NoRouteError:
        return set()
    return {str(row.get("owned_by")) for row in listed if isinstance(row, dict)} if isinstance(listed, list) else set()


def _vllm_lever(server: ServerControl) -> Lever:
    try:
        server.ask("GET", "/is_sleeping")
    except NoRouteError:
        raise NoLeverError(
            f"the vLLM at {server.address} can't sleep: start it with VLLM_SERVER_DEV_MODE=1 and --enable-sleep-mode, "
            "reachable from this machine only (vLLM-Omni needs the flag alone)"
        ) from None
    return SleepMode(server)


def _sglang_lever(server: ServerControl) -> Lever:
    try:
        saves = server.ask("GET", "/get_server_info").get("enable_memory_saver")
    except NoRouteError:
        saves = None
    if saves is False:
        raise NoLeverError(f"the SGLang at {server.address} keeps its memory: start it with --enable-memory-saver")
    return MemoryOccupation(server)


def _has_list(server: ServerControl, path: str, name: str) -> bool:
    """Whether the route answers with a list of that name. LM Studio answers 200 to routes that it does not have."""
    try:
        return isinstance(server.ask("GET", path).get(name), list)
    except NoRouteError:
        return False
