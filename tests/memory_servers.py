"""Loopback servers that hold models in a pretended memory and speak the routes by which it is freed.

Written from the servers' documentation and public sources (docs/memory.md names them), faults included: SGLang
ends when it is told twice, Ollama and ComfyUI answer before they let go, LM Studio answers 200 to unknown routes.
"""

from typing import Any

from video_servers import LoopbackComfyUI, LoopbackServer, Reply

NOT_FOUND: Reply = (404, {"detail": "Not Found"})


def models(owner: str, *names: str) -> Reply:
    return 200, {"object": "list", "data": [{"id": name, "object": "model", "owned_by": owner} for name in names]}


class LoopbackVLLM(LoopbackServer):
    """A vLLM or, with videos, a vLLM-Omni; without `dev_mode` it has no routes for sleep."""

    def __init__(self, dev_mode: bool = True) -> None:
        super().__init__()
        self.dev_mode = dev_mode
        self.is_sleeping = False

    @property
    def holds_memory(self) -> bool:
        return not self.is_sleeping

    def answer(self, method: str, path: str, fields: dict[str, Any], content_type: str) -> Reply:
        if (method, path) == ("GET", "/v1/models"):
            return models("vllm", "base", "base-lora")
        if not self.dev_mode:
            return NOT_FOUND
        match method, path:
            case "GET", "/is_sleeping":
                return 200, {"is_sleeping": self.is_sleeping}
            case "POST", "/sleep":
                self.is_sleeping = fields == {"level": "1"}
                return 200, ""
            case "POST", "/wake_up":
                self.is_sleeping = False
                return 200, ""
        return NOT_FOUND


class LoopbackSGLang(LoopbackServer):
    """An SGLang that ends, as the real one does, when told what is already so. `serves_videos` has no server info."""

    def __init__(self, memory_saver: bool = True, serves_videos: bool = False) -> None:
        super().__init__()
        self.memory_saver, self.serves_videos = memory_saver, serves_videos
        self.holds_memory = True
        self.has_crashed = False

    def answer(self, method: str, path: str, fields: dict[str, Any], content_type: str) -> Reply:
        match method, path:
            case "GET", "/v1/models":
                return models("sglang", "base")
            case "GET", "/get_server_info" if not self.serves_videos:
                return 200, {"model_path": "base", "enable_memory_saver": self.memory_saver, "version": "0.5.19"}
            case "POST", ("/release_memory_occupation" | "/resume_memory_occupation") as route:
                becomes = route.startswith("/resume")
                self.has_crashed |= becomes == self.holds_memory or content_type != "application/json"
                self.holds_memory = becomes
                return 200, None
        return NOT_FOUND


class LoopbackOllama(LoopbackServer):
    """An Ollama with these models loaded; one that is unloaded stays listed for `lingering` looks."""

    def __init__(self, *loaded: str, lingering: int = 2) -> None:
        super().__init__()
        self.loaded = dict.fromkeys(loaded, -1)
        """By name: how many more looks it is listed for, -1 while it is not told to go."""
        self.lingering = lingering

    def answer(self, method: str, path: str, fields: dict[str, Any], content_type: str) -> Reply:
        match method, path:
            case "GET", "/v1/models":
                return models("library", *self.loaded)
            case "GET", "/api/ps":
                listed = [{"name": name, "model": name, "size_vram": 5333539264} for name in self.loaded]
                self.loaded = {name: max(left - 1, -1) for name, left in self.loaded.items() if left != 0}
                return 200, {"models": listed}
            case "POST", "/api/generate":
                name = fields["model"] if ":" in fields["model"] else f"{fields['model']}:latest"
                if name not in self.loaded:
                    return 404, {"error": f"model '{fields['model']}' not found"}
                if fields.get("keep_alive") == 0:
                    self.loaded[name] = self.lingering
                    return 200, {"model": fields["model"], "response": "", "done": True, "done_reason": "unload"}
        return NOT_FOUND


class LoopbackLMStudio(LoopbackServer):
    """An LM Studio with instances by id of models by key; before 0.4 it has only /api/v0."""

    def __init__(self, loaded: dict[str, str], version: int = 1) -> None:
        super().__init__()
        self.loaded = {name: (key, {"context_length": 8192, "flash_attention": True}) for name, key in loaded.items()}
        self.keys_known = sorted(set(loaded.values()))
        self.version = version

    def answer(self, method: str, path: str, fields: dict[str, Any], content_type: str) -> Reply:
        match method, path:
            case "GET", "/v1/models":
                return models("organization_owner", *self.keys_known)
            case "GET", "/api/v0/models":
                return 200, {"object": "list", "data": [{"id": key, "state": "loaded"} for key in self.keys_known]}
            case "GET", "/api/v1/models" if self.version:
                return 200, {"models": [self._model(key) for key in self.keys_known]}
            case "POST", "/api/v1/models/unload" if self.version:
                if fields["instance_id"] not in self.loaded:
                    return 404, {"error": {"type": "model_not_found", "message": "no such instance"}}
                del self.loaded[fields["instance_id"]]
                return 200, {"instance_id": fields["instance_id"]}
            case "POST", "/api/v1/models/load" if self.version:
                key = fields.pop("model")
                numbers = [key, *(f"{key}:{number}" for number in range(2, 9))]
                name = next(name for name in numbers if name not in self.loaded)
                self.loaded[name] = (key, fields)
                return 200, {"type": "llm", "instance_id": name, "load_time_seconds": 1.5, "status": "loaded"}
        return 200, {"error": f"Unexpected endpoint or method. ({method} {path})"}

    def _model(self, key: str) -> dict[str, Any]:
        instances = [{"id": name, "config": config} for name, (own, config) in self.loaded.items() if own == key]
        return {"type": "llm", "key": key, "size_bytes": 4_000_000_000, "loaded_instances": instances}


class LoopbackComfyUIWithMemory(LoopbackComfyUI):
    """A ComfyUI that reserves memory for its models and frees it `lingering` looks after it was asked to."""

    KEPT, MODELS = 64, 9_000_000_000

    def __init__(self, lingering: int = 2) -> None:
        super().__init__()
        self.reserved = self.KEPT + self.MODELS
        self.lingering, self.left = lingering, -1

    def answer(self, method: str, path: str, fields: dict[str, Any], content_type: str) -> Reply:
        if (method, path) == ("POST", "/free"):
            if fields == {"unload_models": True, "free_memory": True}:
                self.left = self.lingering
            return 200, b""
        if (method, path) == ("GET", "/system_stats"):
            if self.left == 0:
                self.reserved = self.KEPT
            self.left = max(self.left - 1, -1)
            device = {"name": "cuda:0", "type": "cuda", "torch_vram_total": self.reserved}
            return 200, {"system": {"comfyui_version": "0.3.76"}, "devices": [device]}
        return super().answer(method, path, fields, content_type)
