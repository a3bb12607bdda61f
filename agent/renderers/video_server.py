"""The server renderer: a model behind `/v1/videos`, on this machine or another one."""

from typing import Any
from urllib.parse import quote

from agent.errors import RenderError, UsageError
from agent.memory.servers import ServerResident, server_resident
from agent.renderer import RendererInfo, RenderRequest, StepCallback
from agent.renderers.endpoint import Endpoint, NotThereError
from agent.renderers.server_clip import fill_sizes, read_video
from agent.renderers.server_job import JobGoneError, JobState, Order, run_job
from agent.renderers.video_dialects import MODELS_PATH, VIDEOS_PATH, Dialect, find_dialect, read_state
from feedback.clip import Clip
from feedback.resident import HoldsModel


class VideoServer(HoldsModel[ServerResident]):
    """Renderer by a vLLM-Omni, SGLang or FastVideo server, which is asked once, here, what it is and serves.

    Seed, size, frames and rate are always sent; that the same request gives the same clip is the server's to keep.
    832x480, 81 frames at 16 a second unless asked otherwise; denoising steps and guidance are the server's own unless
    asked for. How many tokens its model reads, it does not say. A `Resident`: vLLM-Omni and SGLang give memory back.

    Args:
        base_url: Where it is, such as http://127.0.0.1:8091, with or without /v1.
        model: One of those that it serves; its first one unless given.
        dialect: "auto", or one of `DIALECTS` where the server does not tell.
        timeout_seconds: Longest wait for one clip, the server's queue included.
        pause_seconds: First wait between two looks at a job; they grow to 2 s.
        answer_seconds: Longest silence of the server while it answers one request.

    Raises:
        UsageError: There is no such server, it wants another key, or does not serve that model.
    """

    def __init__(
        self,
        base_url: str,
        *,
        model: str | None = None,
        dialect: str = "auto",
        timeout_seconds: float = 1800.0,
        pause_seconds: float = 0.5,
        answer_seconds: float = 60.0,
    ) -> None:
        endpoint = Endpoint(base_url, answer_seconds)
        served = _ask_models(endpoint)
        self._dialect = find_dialect(dialect, list(dict.fromkeys(served.values())), endpoint.address)
        self._model = _choose_model(model, list(served), endpoint.address)
        self._jobs = _VideoJobs(endpoint, self._dialect)
        self._held = server_resident(endpoint.address, self._model, endpoint.key)
        self._timeout_seconds, self._pause_seconds = timeout_seconds, pause_seconds

    @property
    def info(self) -> RendererInfo:
        """The model as the server names it; the version is the dialect, for servers do not tell theirs alike."""
        return RendererInfo("server", self._model, version=self._dialect.name)

    def resolve(self, request: RenderRequest) -> RenderRequest:
        """With every size filled in, sides in multiples of 16 px and a whole number of frames a second."""
        filled = fill_sizes(request)
        return filled.model_copy(
            update={"fps": float(max(1, round(filled.fps or 0))), "negative": request.negative or None}
        )

    def count_tokens(self, text: str) -> None:
        """None: the server does not say where it cuts."""

    def render(self, request: RenderRequest, on_step: StepCallback | None = None) -> Clip:
        """The clip that the server made, checked for size, length and rate.

        Raises:
            RenderError: The server refused the request, failed at it, lost it twice, or took too long.
            ServerMemoryError: It was released and does not wake up.
            UsageError: It makes other sizes than were asked for, or wants another key.
        """
        self._held.return_if_away()
        request = self.resolve(request)
        order = self._dialect.order(request, self._model)
        steps = request.num_inference_steps
        video = run_job(self._jobs, order, steps, on_step, self._timeout_seconds, self._pause_seconds)
        return read_video(video, request, self._jobs.address)


def _ask_models(endpoint: Endpoint) -> dict[str, str]:
    """The models that the server lists, each with its owner; none where it has no such list."""
    try:
        listed = endpoint.ask_json("GET", MODELS_PATH).get("data")
    except NotThereError:
        return {}
    except RenderError as problem:
        raise UsageError(str(problem)) from None
    rows: list[Any] = listed if isinstance(listed, list) else []
    return {str(row["id"]): str(row.get("owned_by")) for row in rows if isinstance(row, dict) and row.get("id")}


def _choose_model(wanted: str | None, served: list[str], address: str) -> str:
    if wanted and served and wanted not in served:
        raise UsageError(f"{address} serves no model {wanted!r}; it serves {', '.join(served)}")
    if not wanted and not served:
        raise UsageError(f"{address} does not say which model it serves: name it with --model")
    return wanted or served[0]


class _VideoJobs:
    """The jobs of one server."""

    def __init__(self, endpoint: Endpoint, dialect: Dialect) -> None:
        self.address = endpoint.address
        self._endpoint = endpoint
        self._dialect = dialect

    def create(self, order: Order) -> str:
        content: dict[str, Any] = {"json": dict(order)}
        if self._dialect.multipart:
            content = {"files": {name: (None, str(value)) for name, value in order.items()}}
        try:
            record = self._endpoint.ask_json("POST", VIDEOS_PATH, **content)
        except NotThereError as problem:
            raise UsageError(f"{problem}; is it a server of videos?") from None
        job = record.get("id")
        if not isinstance(job, str) or not job:
            raise RenderError(f"{self.address} took the order but named no job: {self._endpoint.quote(record)}")
        return job

    def look(self, job: str) -> JobState:
        try:
            state = read_state(self._endpoint.ask_json("GET", self._path(job)))
        except NotThereError:
            raise JobGoneError(f"{self.address} no longer knows job {job}") from None
        return JobState(state.phase, self._endpoint.quote(state.said), state.share)

    def fetch(self, job: str) -> bytes:
        try:
            return self._endpoint.ask("GET", f"{self._path(job)}/content").content
        except NotThereError:
            raise JobGoneError(f"{self.address} no longer has the video of job {job}") from None

    def cancel(self, job: str) -> bool:
        if self._dialect.delete_stops:
            self._endpoint.ask("DELETE", self._path(job))
        return self._dialect.delete_stops

    def _path(self, job: str) -> str:
        return f"{VIDEOS_PATH}/{quote(job, safe='')}"
