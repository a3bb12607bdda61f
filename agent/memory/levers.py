"""How each kind of server is told to give memory back and to take it up again.

Written from what the projects publish; docs/memory.md says which pages and versions.
"""

import time
from collections.abc import Callable
from typing import Any, Protocol

from agent.memory.server_control import NoRouteError, ServerControl, ServerMemoryError, SilentServerError

SETTLE_SECONDS = 10.0
"""Longest wait for servers that answer first and let go of the memory afterwards."""
LOOK_SECONDS = 0.05


class Lever(Protocol):
    """One way to free a server's memory. Both methods raise ServerMemoryError, and do nothing when asked twice."""

    def release(self, model: str, /) -> None:
        """Frees what the model takes, or all that the server takes where it can't tell."""
        ...

    def acquire(self, model: str, /) -> None:
        """Undoes `release`. Servers that load a model when it is asked something need no more than that."""
        ...


class SleepMode:
    """vLLM and vLLM-Omni: the weights wait in the CPU's memory. Tells itself whether it sleeps."""

    def __init__(self, server: ServerControl) -> None:
        self._server = server

    def release(self, _model: str) -> None:
        """Puts the server to sleep."""
        if not self._is_sleeping():
            self._server.ask("POST", "/sleep", params={"level": "1"})

    def acquire(self, _model: str) -> None:
        """Wakes the server, whoever put it to sleep: a run that was killed leaves it sleeping."""
        if self._is_sleeping():
            self._server.ask("POST", "/wake_up")

    def _is_sleeping(self) -> bool:
        try:
            return self._server.ask("GET", "/is_sleeping").get("is_sleeping") is True
        except NoRouteError:
            return False


class MemoryOccupation:
    """SGLang, for language and for videos. It can't tell whether it is released, and ends when told twice."""

    def __init__(self, server: ServerControl) -> None:
        self._server = server
        self._is_away = False

    def release(self, _model: str) -> None:
        """Releases weights, cache and graphs; no request may be under way."""
        if self._is_away:
            return
        try:
            self._server.ask("POST", "/release_memory_occupation", json={})
        except SilentServerError:
            self._is_away = True
            raise
        self._is_away = True

    def acquire(self, _model: str) -> None:
        """Takes up what was released here."""
        if self._is_away:
            self._server.ask("POST", "/resume_memory_occupation", json={})
            self._is_away = False


class KeepAlive:
    """Ollama: unloads the one model, and loads it again by itself."""

    def __init__(self, server: ServerControl) -> None:
        self._server = server

    def release(self, model: str) -> None:
        """Unloads the model and waits until it is gone."""
        if not self._is_loaded(model):
            return
        self._server.ask("POST", "/api/generate", json={"model": model, "keep_alive": 0})
        if not _happens(lambda: not self._is_loaded(model), self._server):
            raise ServerMemoryError(f"{self._server.address} keeps {model}: does somebody else use it?")

    def acquire(self, _model: str) -> None:
        """Nothing: the next question loads it."""

    def _is_loaded(self, model: str) -> bool:
        # A name without a tag is listed with ":latest".
        names = {model.lower(), f"{model.lower()}:latest"}
        loaded = _rows(self._server.ask("GET", "/api/ps"), "models")
        return any(str(row.get("name", row.get("model"))).lower() in names for row in loaded)


class LoadedInstances:
    """LM Studio: unloads all instances of the one model, and loads them as they were."""

    SETTINGS = ("context_length", "eval_batch_size", "flash_attention", "num_experts", "offload_kv_cache_to_gpu")
    """Of an instance, that loading takes."""

    def __init__(self, server: ServerControl) -> None:
        self._server = server
        self._unloaded: dict[str, dict[str, dict[str, Any]]] = {}
        """What was unloaded for a model: how to load it again, by the instance's id."""

    def release(self, model: str) -> None:
        """Unloads what answers to this name: a model's key, or one instance's id."""
        for key, instance in self._instances():
            name = str(instance.get("id"))
            if model not in (key, name):
                continue
            self._server.ask("POST", "/api/v1/models/unload", json={"instance_id": name})
            config = instance.get("config") or {}
            kept = {setting: config[setting] for setting in self.SETTINGS if config.get(setting) is not None}
            self._unloaded.setdefault(model, {})[name] = {"model": key, **kept}

    def acquire(self, model: str) -> None:
        """Loads what was unloaded and did not come back by itself, which the server may be set not to do."""
        waiting = self._unloaded.get(model, {})
        loaded = {instance.get("id") for _, instance in self._instances()} if waiting else set()
        for name in list(waiting):
            if name not in loaded:
                self._server.ask("POST", "/api/v1/models/load", json=waiting[name])
            del waiting[name]

    def _instances(self) -> list[tuple[str, dict[str, Any]]]:
        """All that are loaded, each with its model's key."""
        models = _rows(self._server.ask("GET", "/api/v1/models"), "models")
        return [(str(row.get("key")), instance) for row in models for instance in _rows(row, "loaded_instances")]


class FreeRoute:
    """ComfyUI: drops all models and results it keeps, and loads them again by itself."""

    def __init__(self, server: ServerControl) -> None:
        self._server = server
        self._floor = 0
        """Bytes that stayed reserved the last time."""

    def release(self, _model: str) -> None:
        """Asks for it and waits until less is reserved, where the server tells; the order is carried out later."""
        before = self._reserved()
        self._server.ask("POST", "/free", json={"unload_models": True, "free_memory": True})
        if before > self._floor:
            _happens(lambda: self._reserved() < before, self._server)
            self._floor = self._reserved()

    def acquire(self, _model: str) -> None:
        """Nothing: the next workflow loads what it needs."""

    def _reserved(self) -> int:
        """Bytes that its PyTorch holds on all devices; 0 where it does not tell."""
        devices = _rows(self._server.ask("GET", "/system_stats"), "devices")
        figures = [device.get("torch_vram_total") for device in devices]
        return sum(figure for figure in figures if isinstance(figure, int))


def _rows(body: dict[str, Any], name: str) -> list[dict[str, Any]]:
    found = body.get(name)
    return [row for row in found if isinstance(row, dict)] if isinstance(found, list) else []


def _happens(is_so: Callable[[], bool], server: ServerControl) -> bool:
    """Whether it is so within SETTLE_SECONDS, or within the server's patience if that is shorter."""
    end = time.monotonic() + min(SETTLE_SECONDS, server.seconds)
    while not is_so():
        if time.monotonic() >= end:
            return False
        time.sleep(LOOK_SECONDS)
    return True
