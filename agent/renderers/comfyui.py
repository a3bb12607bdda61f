"""The ComfyUI renderer: the user's own workflow, filled in and queued on a ComfyUI server."""

from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import quote

from agent.errors import RenderError, UsageError
from agent.memory.servers import ServerResident, comfyui_resident
from agent.renderer import RendererInfo, RenderRequest, StepCallback
from agent.renderers.comfyui_workflow import Workflow
from agent.renderers.endpoint import Endpoint, NotThereError, RefusedError
from agent.renderers.server_clip import fill_sizes, read_video
from agent.renderers.server_job import JobGoneError, JobState, Order, run_job
from feedback.clip import Clip
from feedback.resident import HoldsModel

VIDEO_ENDINGS = (".mp4", ".webm", ".mkv", ".mov", ".m4v", ".gif")
SETTINGS = {"steps": "--num-inference-steps", "guidance": "--guidance-scale"}
"""Slots that have no default, and the flags that fill them."""


class ComfyUI(HoldsModel[ServerResident]):
    """Renderer by a workflow on a ComfyUI server, which is asked once, here, whether it is there.

    Size, frames and rate that the workflow has no slot for are what the workflow makes: the request must say the same.
    That the same workflow and seed give the same clip is the server's to keep. A `Resident`: once released, the
    server has unloaded all its models, and loads them again by itself.

    Args:
        base_url: Where it is, such as http://127.0.0.1:8188.
        workflow: File in ComfyUI's API format, with the slots of `comfyui_workflow.SLOTS`.
        timeout_seconds: Longest wait for one clip, the server's queue included.
        pause_seconds: First wait between two looks at a job; they grow to 2 s.
        answer_seconds: Longest silence of the server while it answers one request.

    Raises:
        UsageError: The workflow can't be used, or there is no such server.
    """

    def __init__(
        self,
        base_url: str,
        workflow: str | Path,
        *,
        timeout_seconds: float = 1800.0,
        pause_seconds: float = 0.5,
        answer_seconds: float = 60.0,
    ) -> None:
        self._workflow = Workflow(Path(workflow))
        endpoint = Endpoint(base_url, answer_seconds)
        self._version = _ask_version(endpoint)
        self._jobs = _PromptQueue(endpoint)
        self._held = comfyui_resident(endpoint.address, self._workflow.name, endpoint.key)
        self._timeout_seconds, self._pause_seconds = timeout_seconds, pause_seconds

    @property
    def info(self) -> RendererInfo:
        """The workflow's file and content stand for the model; the version is ComfyUI's."""
        return RendererInfo("comfyui", self._workflow.name, version=self._version)

    def resolve(self, request: RenderRequest) -> RenderRequest:
        """With every size filled in, and nothing that the workflow has no slot for.

        Raises:
            UsageError: The workflow has a slot for denoising steps or guidance, and the request no value.
        """
        slots = self._workflow.slots
        given = {"steps": request.num_inference_steps, "guidance": request.guidance_scale}
        for slot, flag in SETTINGS.items():
            if slot in slots and given[slot] is None:
                raise UsageError(f"the workflow {self._workflow.name} has a {{{{{slot}}}}} slot: fill it with {flag}")
        return fill_sizes(request).model_copy(
            update={
                "negative": request.negative or None if "negative" in slots else None,
                "num_inference_steps": given["steps"] if "steps" in slots else None,
                "guidance_scale": given["guidance"] if "guidance" in slots else None,
            }
        )

    def count_tokens(self, text: str) -> None:
        """None: the workflow does not say where its encoder cuts."""

    def render(self, request: RenderRequest, on_step: StepCallback | None = None) -> Clip:
        """The clip that the workflow saved, checked for size, length and rate.

        Raises:
            RenderError: The workflow failed, was interrupted or lost twice, or took too long.
            UsageError: The server refuses the workflow, it saves no video, or one of other sizes than asked for.
        """
        request = self.resolve(request)
        values = {
            "prompt": request.text,
            "negative": request.negative or "",
            "seed": request.seed,
            "width": request.width,
            "height": request.height,
            "num_frames": request.num_frames,
            "fps": int(fps) if (fps := request.fps or 0.0).is_integer() else fps,
            "steps": request.num_inference_steps,
            "guidance": request.guidance_scale,
        }
        order = {"prompt": self._workflow.fill(values)}
        steps = request.num_inference_steps
        video = run_job(self._jobs, order, steps, on_step, self._timeout_seconds, self._pause_seconds)
        return read_video(video, request, self._jobs.address)


def _ask_version(endpoint: Endpoint) -> str:
    try:
        system = endpoint.ask_json("GET", "/system_stats").get("system")
    except RenderError as problem:
        raise UsageError(f"{problem} (asked as a ComfyUI server)") from None
    return str(system.get("comfyui_version", "")) if isinstance(system, dict) else ""


class _PromptQueue:
    """The jobs of one ComfyUI server, which calls them prompts."""

    def __init__(self, endpoint: Endpoint) -> None:
        self.address = endpoint.address
        self._endpoint = endpoint

    def create(self, order: Order) -> str:
        try:
            job = self._endpoint.ask_json("POST", "/prompt", json=dict(order)).get("prompt_id")
        except RefusedError as problem:
            if reasons := _node_errors(problem.body):
                raise UsageError(
                    f"{self.address} refuses the workflow: {self._endpoint.quote('; '.join(reasons))}"
                ) from None
            raise
        if not isinstance(job, str) or not job:
            raise RenderError(f"{self.address} took the workflow but gave it no prompt_id")
        return job

    def look(self, job: str) -> JobState:
        queued = self._place(job)
        entry = self._entry(job)
        if entry is None:
            if queued is None:
                raise JobGoneError(f"{self.address} no longer knows prompt {job}")
            return JobState("waiting", queued)
        status = entry.get("status") or {}
        if status.get("status_str") == "error":
            return JobState("failed", f"prompt {job} {self._endpoint.quote(_why_failed(status))}")
        return JobState("done", "completed", 1.0)

    def fetch(self, job: str) -> bytes:
        entry = self._entry(job)
        if entry is None:
            raise JobGoneError(f"{self.address} no longer knows prompt {job}")
        files = _saved_files(entry)
        videos = [file for file in files if PurePosixPath(file["filename"]).suffix.lower() in VIDEO_ENDINGS]
        if not videos:
            found = ", ".join(file["filename"] for file in files) or "nothing"
            raise UsageError(
                f"the workflow saved no video but {self._endpoint.quote(found)}: end it with a node that saves one, "
                "such as SaveVideo"
            )
        kept = [file for file in videos if file.get("type") == "output"] or videos
        place = {name: str(kept[0].get(name, "")) for name in ("filename", "subfolder", "type")}
        try:
            return self._endpoint.ask("GET", "/view", params=place).content
        except NotThereError:
            raise JobGoneError(f"{self.address} no longer has {place['filename']} of prompt {job}") from None

    def cancel(self, job: str) -> bool:
        place = self._place(job)
        if place == "running":
            # Older servers overlook the id and interrupt whatever runs: it must be ours.
            self._endpoint.ask("POST", "/interrupt", json={"prompt_id": job})
        elif place == "queued":
            self._endpoint.ask("POST", "/queue", json={"delete": [job]})
        return place is not None

    def _place(self, job: str) -> str | None:
        """Whether it is "running" or "queued", or None. To be asked before the history, where a job turns up next."""
        queue = self._endpoint.ask_json("GET", "/queue")
        for place, name in (("running", "queue_running"), ("queued", "queue_pending")):
            if any(job in row[:2] for row in queue.get(name, [])):
                return place
        return None

    def _entry(self, job: str) -> dict[str, Any] | None:
        """What the history holds of a job that has ended."""
        return self._endpoint.ask_json("GET", f"/history/{quote(job, safe='')}").get(job)


def _node_errors(body: Any) -> list[str]:
    """What ComfyUI finds wrong with a workflow, node by node; nothing when its answer is about something else."""
    if not isinstance(body, dict):
        return []
    reasons = [
        f"node {node} ({problem.get('class_type')}): {error.get('message')}: {error.get('details')}"
        for node, problem in (body.get("node_errors") or {}).items()
        for error in problem.get("errors", [])
    ]
    error = body.get("error")
    if not reasons and isinstance(error, dict):
        reasons = [f"{error.get('message')}: {error.get('details')}"]
    return reasons


def _why_failed(status: dict[str, Any]) -> str:
    for event, data in status.get("messages") or []:
        if event == "execution_interrupted":
            return "was interrupted on the server"
        if event == "execution_error":
            return f"failed in {data.get('node_type')}: {data.get('exception_message')}"
    return "failed: it does not say why"


def _saved_files(entry: dict[str, Any]) -> list[dict[str, Any]]:
    """What all nodes saved: core nodes list videos among "images" or "video", Video Helper Suite among "gifs"."""
    return [
        file
        for output in (entry.get("outputs") or {}).values()
        for files in output.values()
        if isinstance(files, list)
        for file in files
        if isinstance(file, dict) and isinstance(file.get("filename"), str)
    ]
