"""What the servers of `/v1/videos` call things: vLLM-Omni, SGLang and FastVideo.

All three create a job by POST /v1/videos, tell its state by GET /v1/videos/{id} and give the file by
GET /v1/videos/{id}/content. They differ in how the order is packed and in what DELETE does. Which one a server is, it
says itself: `owned_by` in GET /v1/models.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from agent.errors import RenderError, UsageError
from agent.renderer import RenderRequest
from agent.renderers.server_job import JobState, Order

MODELS_PATH = "/v1/models"
VIDEOS_PATH = "/v1/videos"
WAITING = ("queued", "in_progress")
FAILED = ("failed", "cancelled", "expired")


@dataclass(frozen=True)
class Dialect:
    """One kind of server."""

    name: str
    owner: str
    """What it says of its models in `owned_by`."""
    multipart: bool
    """Orders are form fields (the server refuses JSON), else one JSON object."""
    size_in_one: bool
    """The size is "832x480" in `size`, else `width` and `height`."""
    delete_stops: bool
    """DELETE ends the work; else it only forgets the job, which goes on working and can't be fetched any more."""

    def order(self, request: RenderRequest, model: str) -> Order:
        """The fields of POST /v1/videos for a resolved request; what is None is left to the server."""
        size: dict[str, Any] = {"width": request.width, "height": request.height}
        if self.size_in_one:
            size = {"size": f"{request.width}x{request.height}"}
        fields = {
            "model": model,
            "prompt": request.text,
            "negative_prompt": request.negative,
            **size,
            "num_frames": request.num_frames,
            "fps": int(request.fps or 0),
            # Never left out: without one SGLang takes 1024 for every video, and FastVideo did.
            "seed": request.seed,
            "num_inference_steps": request.num_inference_steps,
            "guidance_scale": request.guidance_scale,
        }
        return {name: value for name, value in fields.items() if value is not None}


DIALECTS = {
    dialect.name: dialect
    for dialect in (
        Dialect("vllm-omni", owner="vllm", multipart=True, size_in_one=False, delete_stops=True),
        Dialect("sglang", owner="sglang", multipart=False, size_in_one=True, delete_stops=False),
        Dialect("fastvideo", owner="fastvideo", multipart=False, size_in_one=True, delete_stops=False),
    )
}


def find_dialect(name: str, owners: Sequence[str], address: str) -> Dialect:
    """The dialect of that name; for "auto" the one whose server owns the models there. Raises UsageError."""
    known = ", ".join(DIALECTS)
    if name != "auto":
        if name not in DIALECTS:
            raise UsageError(f"unknown dialect {name!r}; known: auto, {known}")
        return DIALECTS[name]
    for dialect in DIALECTS.values():
        if dialect.owner in owners:
            return dialect
    said = f"its models are owned by {', '.join(owners)}" if owners else "it lists no models"
    raise UsageError(
        f"can't tell what kind of video server {address} is ({said}): name it with --render-dialect {known}"
    )


def read_state(record: dict[str, Any]) -> JobState:
    """How far a job is by its record, as GET /v1/videos/{id} gives it. Raises RenderError when it does not say."""
    status = record.get("status")
    if status in WAITING:
        progress = record.get("progress")
        return JobState("waiting", str(status), progress / 100 if isinstance(progress, int | float) else 0.0)
    if status == "completed":
        return JobState("done", "completed", 1.0)
    if status in FAILED:
        error = record.get("error")
        reason = error.get("message") if isinstance(error, dict) else error
        return JobState("failed", f"job {record.get('id')} {status}: {reason or 'it does not say why'}")
    raise RenderError(f"job {record.get('id')} is in a state that no video server of these kinds has: {status!r}")
