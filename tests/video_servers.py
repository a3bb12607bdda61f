"""Loopback servers that speak the wire formats of vLLM-Omni, SGLang, FastVideo and ComfyUI, and fail when told to.

Written from the servers' documentation and public sources: they check what is sent as strictly as those do, and their
videos are plain H.264 files without Retake's notes. The clips are the painter's, so that words and seeds show.
"""

import json
import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from email.parser import BytesParser
from email.policy import HTTP
from fractions import Fraction
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from typing import Any, TypeVar
from urllib.parse import parse_qs, urlsplit

import av

from agent.renderer import RenderRequest
from agent.renderers.painter import Painter

KEY = "sk-render-0123456789"
MODEL = "Wan-AI/Wan2.1-T2V-1.3B-Diffusers"

Reply = tuple[int, Any]
"""Status, and a body: JSON, bytes for a file, or text for a page."""
Fault = Reply | str
"""A reply instead of the right one, or "drop", "cut" (half the body), "silence" (until the test is over)."""


def paint_video(text: str, seed: int, width: int, height: int, num_frames: int, fps: float) -> bytes:
    """The painter's clip as an MP4 file of any program."""
    request = RenderRequest(text=text, seed=seed, width=width, height=height, num_frames=num_frames, fps=fps)
    clip = Painter().render(request)
    file = BytesIO()
    with av.open(file, "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=Fraction(fps).limit_denominator(1001))
        stream.width, stream.height, stream.pix_fmt = clip.width, clip.height, "yuv420p"
        stream.options = {"crf": "12", "preset": "veryfast", "x264-params": "mbtree=0"}
        stream.codec_context.thread_count = 1
        for frame in clip.frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        container.mux(stream.encode())
    return file.getvalue()


class LoopbackServer:
    """A server on a free loopback port; `answer` is what a kind of server adds.

    `seen` holds every request as (method, path, fields). `faults` are consumed first in, first out, by the requests
    whose "METHOD path" their pattern finds.
    """

    def __init__(self) -> None:
        self.seen: list[tuple[str, str, dict[str, Any]]] = []
        self.keys: set[str | None] = set()
        self.faults: list[tuple[str, Fault]] = []
        self.base_url = ""
        self.over = threading.Event()
        self.lock = threading.Lock()

    def fail(self, pattern: str, *faults: Fault) -> None:
        """Makes the next requests like this fail, one after the other."""
        self.faults += [(pattern, fault) for fault in faults]

    def count(self, pattern: str) -> int:
        """How many requests like this have come."""
        return sum(re.search(pattern, f"{method} {path}") is not None for method, path, _ in self.seen)

    def answer(self, method: str, path: str, fields: dict[str, Any], content_type: str) -> Reply:
        raise NotImplementedError

    def respond(self, method: str, target: str, body: bytes, content_type: str, key: str | None) -> Fault:
        address = urlsplit(target)
        fields = _read_fields(body, content_type) | {name: row[0] for name, row in parse_qs(address.query).items()}
        with self.lock:
            self.seen.append((method, address.path, fields))
            self.keys.add(key)
            for index, (pattern, fault) in enumerate(self.faults):
                if re.search(pattern, f"{method} {address.path}"):
                    del self.faults[index]
                    return fault
            return self.answer(method, address.path, fields, content_type)


def _read_fields(body: bytes, content_type: str) -> dict[str, Any]:
    if content_type.startswith("multipart/form-data"):
        message = BytesParser(policy=HTTP).parsebytes(f"Content-Type: {content_type}\r\n\r\n".encode() + body)
        return {
            str(part.get_param("name", header="content-disposition")): part.get_payload(decode=True).decode()  # type: ignore[union-attr]
            for part in message.iter_parts()  # type: ignore[attr-defined]
        }
    return json.loads(body) if body else {}


Server = TypeVar("Server", bound=LoopbackServer)


@contextmanager
def serving(server: Server) -> Iterator[Server]:
    """The server, running."""

    class RequestHandler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            content_type = self.headers.get("Content-Type", "")
            reply = server.respond(self.command, self.path, body, content_type, self.headers.get("Authorization"))
            if reply == "silence":
                server.over.wait(30)
                reply = "drop"
            cut = reply == "cut"
            if cut:
                reply = server.respond(self.command, self.path, body, content_type, None)
            if isinstance(reply, str):
                self.close_connection = True
                return
            status, content = reply
            kind, payload = _pack(content)
            try:
                self.send_response(status)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(payload)))
                self.end_headers()
                self.wfile.write(payload[: len(payload) // 2] if cut else payload)
            except ConnectionError:
                return

        do_POST = do_DELETE = do_GET  # noqa: N815 - names that http.server looks for

        def log_message(self, format: str, *arguments: Any) -> None:
            return

    http = ThreadingHTTPServer(("127.0.0.1", 0), RequestHandler)
    http.daemon_threads = True
    thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    server.base_url = f"http://127.0.0.1:{http.server_port}"
    try:
        yield server
    finally:
        server.over.set()
        http.shutdown()
        thread.join()
        http.server_close()


def _pack(content: Any) -> tuple[str, bytes]:
    if isinstance(content, bytes):
        return "video/mp4", content
    if isinstance(content, str):
        return "text/html", content.encode()
    return "application/json", json.dumps(content).encode()


class LoopbackVideos(LoopbackServer):
    """A `/v1/videos` server of one dialect.

    A job goes through `states`, one a look, and stays in the last one; by default it is completed at the first look.
    `changes` are put over what was asked for before a clip is painted: a server with a will of its own.
    """

    def __init__(self, dialect: str) -> None:
        super().__init__()
        self.dialect = dialect
        self.owner = {"vllm-omni": "vllm"}.get(dialect, dialect)
        self.states: list[dict[str, Any]] = [{"status": "completed", "progress": 100}]
        self.jobs: dict[str, dict[str, Any]] = {}
        self.looks: dict[str, int] = {}
        self.changes: dict[str, Any] = {}

    def answer(self, method: str, path: str, fields: dict[str, Any], content_type: str) -> Reply:
        if (method, path) == ("GET", "/v1/models"):
            return 200, {"object": "list", "data": [{"id": MODEL, "object": "model", "owned_by": self.owner}]}
        if (method, path) == ("POST", "/v1/videos"):
            return self._create(fields, content_type)
        if not (found := re.fullmatch(r"/v1/videos/([^/]+)(/content)?", path)):
            return 404, {"detail": "Not Found"}
        job = found[1]
        if job not in self.jobs:
            return 404, {"detail": "Video not found"}
        if method == "DELETE":
            record = self._record(job)
            del self.jobs[job]
            if self.dialect == "vllm-omni":
                return 200, {"id": job, "deleted": True, "object": "video.deleted"}
            return 200, record | {"status": "deleted"}
        if found[2]:
            return 200, self._video(job)
        self.looks[job] += 1
        return 200, self._record(job)

    def _create(self, fields: dict[str, Any], content_type: str) -> Reply:
        is_form = content_type.startswith("multipart/form-data")
        match self.dialect:
            case "vllm-omni" if not is_form:
                missing = {"type": "missing", "loc": ["body", "prompt"], "msg": "Field required", "input": None}
                return 422, {"detail": [missing]}
            case "sglang" if is_form:
                return 400, {"detail": "input_reference file or reference_url is required"}
        if problem := _problem_in(fields, is_form):
            return 400, {"detail": f"Invalid request body: {problem}"}
        job = f"video_gen_{len(self.looks):032x}"
        self.jobs[job] = fields
        self.looks[job] = 0
        return 200, self._record(job) | {"status": "queued", "progress": 0}

    def _record(self, job: str) -> dict[str, Any]:
        state = self.states[min(max(self.looks[job] - 1, 0), len(self.states) - 1)]
        width, height = _sides(self.jobs[job])
        return {
            "id": job,
            "object": "video",
            "model": MODEL,
            "created_at": 1_790_000_000,
            "size": f"{width}x{height}",
            "seconds": "4",
            "quality": "standard",
        } | state

    def _video(self, job: str) -> bytes:
        fields = self.jobs[job] | self.changes
        width, height = _sides(fields)
        return paint_video(
            fields["prompt"], int(fields["seed"]), width, height, int(fields["num_frames"]), int(fields["fps"])
        )


def _sides(fields: dict[str, Any]) -> tuple[int, int]:
    width, height = fields["size"].split("x") if "size" in fields else (fields["width"], fields["height"])
    return int(width), int(height)


def _problem_in(fields: dict[str, Any], is_form: bool) -> str | None:
    """What a server of these kinds would refuse."""
    if not fields.get("prompt"):
        return "prompt is required"
    if "size" in fields and not re.fullmatch(r"\d+x\d+", fields["size"]):
        return f"size {fields['size']!r}"
    numbers = ("width", "height", "num_frames", "fps", "seed", "num_inference_steps")
    for name in numbers:
        value = fields.get(name)
        if value is not None and not (re.fullmatch(r"\d+", value) if is_form else type(value) is int):
            return f"{name} {value!r} is not a valid integer"
    return None


class LoopbackComfyUI(LoopbackServer):
    """A ComfyUI server. A prompt waits for `queued` looks at the queue, runs for `running`, and is then in the history.

    `save` makes the outputs of a prompt from its file's name; `error` ends every prompt with these messages.
    """

    NODES = ("CLIPTextEncode", "EmptyHunyuanLatentVideo", "KSampler", "VAEDecode", "CreateVideo", "SaveVideo")

    def __init__(self) -> None:
        super().__init__()
        self.queued, self.running = 0, 0
        self.error: list[Any] = []
        self.save: Callable[[str], dict[str, Any]] = lambda name: {
            "9": {"images": [{"filename": name, "subfolder": "video", "type": "output"}], "animated": [True]}
        }
        self.jobs: dict[str, dict[str, Any]] = {}
        self.looks: dict[str, int] = {}

    def answer(self, method: str, path: str, fields: dict[str, Any], content_type: str) -> Reply:
        match method, path.split("/")[1:]:
            case "GET", ["system_stats"]:
                return 200, {"system": {"comfyui_version": "0.3.76", "os": "linux"}, "devices": []}
            case "POST", ["prompt"]:
                return self._queue(fields)
            case "GET", ["queue"]:
                for job in self.jobs:
                    self.looks[job] += 1
                return 200, {"queue_running": self._rows("running"), "queue_pending": self._rows("queued")}
            case "POST", ["queue"]:
                for job in fields.get("delete", []):
                    if self._place(job) == "queued":
                        del self.jobs[job]
                return 200, b""
            case "POST", ["interrupt"]:
                if self._place(fields.get("prompt_id", "")) == "running":
                    self.looks[fields["prompt_id"]] = 1_000_000
                    self.error = [["execution_interrupted", {"prompt_id": fields["prompt_id"]}]]
                return 200, b""
            case "GET", ["history", job]:
                return 200, {job: self._entry(job)} if self._place(job) == "ended" else {}
            case "GET", ["view"]:
                job = fields["filename"].rpartition(".")[0]
                known = job in self.jobs and fields["subfolder"] == "video" and fields["type"] == "output"
                return (200, self._video(job)) if known else (404, "")
        return 404, "404: Not Found"

    def _queue(self, fields: dict[str, Any]) -> Reply:
        prompt = fields.get("prompt")
        if not isinstance(prompt, dict):
            return 400, {"error": {"type": "no_prompt", "message": "No prompt provided", "details": ""}}
        for node, content in prompt.items():
            seed = content["inputs"].get("seed", 0)
            if content["class_type"] not in self.NODES:
                error = {"type": "missing_node_type", "message": "Node not found", "details": content["class_type"]}
                return 400, {"error": error, "node_errors": {}}
            if not isinstance(seed, int):
                wrong = {"type": "invalid_input_type", "message": "Failed to convert", "details": f"seed, {seed}, INT"}
                error = {"type": "prompt_outputs_failed_validation", "message": "Prompt outputs failed validation"}
                return 400, {
                    "error": error | {"details": ""},
                    "node_errors": {node: {"errors": [wrong], "class_type": content["class_type"]}},
                }
        job = f"00000000-0000-4000-8000-{len(self.looks):012x}"
        self.jobs[job], self.looks[job] = prompt, 0
        return 200, {"prompt_id": job, "number": len(self.looks), "node_errors": {}}

    def _place(self, job: str) -> str | None:
        if job not in self.jobs:
            return None
        looks = self.looks[job]
        return "queued" if looks <= self.queued else "running" if looks <= self.queued + self.running else "ended"

    def _rows(self, place: str) -> list[Any]:
        return [[0, job, prompt, {}, ["9"]] for job, prompt in self.jobs.items() if self._place(job) == place]

    def _entry(self, job: str) -> dict[str, Any]:
        status = {
            "status_str": "error" if self.error else "success",
            "completed": not self.error,
            "messages": [["execution_start", {"prompt_id": job}], *self.error],
        }
        outputs = {} if self.error else self.save(f"{job}.mp4")
        return {"prompt": [0, job, self.jobs[job], {}, ["9"]], "outputs": outputs, "status": status, "meta": {}}

    def _video(self, job: str) -> bytes:
        inputs = {node["class_type"]: node["inputs"] for node in self.jobs[job].values()}
        latent, text = inputs["EmptyHunyuanLatentVideo"], inputs["CLIPTextEncode"]["text"]
        return paint_video(
            text,
            inputs["KSampler"]["seed"],
            latent["width"],
            latent["height"],
            latent["length"],
            inputs["CreateVideo"]["fps"],
        )


def wait_until(happened: Callable[[], bool], seconds: float = 20) -> None:
    """Returns when it happened; AssertionError when it does not."""
    end = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < end
        time.sleep(0.005)
