"""One render task becomes a video file, or a failure that is data. What is on disk is never rendered again."""

import hashlib
import json
import time
from dataclasses import asdict
from pathlib import Path

from agent.config import LoopConfig
from agent.errors import Interrupted, UsageError
from agent.ports import Ports
from agent.records import Render
from agent.renderer import Renderer, RendererInfo, RenderRequest
from agent.state import RenderTask
from feedback.errors import ClipError
from feedback.video_file import read_metadata, write_clip


def render_to_file(task: RenderTask, ports: Ports) -> Render:
    """The render of this task: found on disk by its content key, or made now."""
    record = Render(
        candidate=task["candidate"],
        seed=task["seed"],
        iteration=task["iteration"],
        purpose=task["purpose"],
    )
    path = ports.folder.video(record.id)
    started = time.monotonic()
    try:
        request = ask_for_render(task, ports.config, ports.renderer)
        key = content_key(request, ports.renderer.info)
        relative = str(path.relative_to(ports.folder.path))
        if (seconds := _seconds_of_finished(path, key)) is not None:
            return record.model_copy(update={"path": relative, "seconds": seconds})
        ports.enter("render")
        ports.notify("render_started", render=record, text=task["text"])
        clip = ports.renderer.render(request, lambda done, total: _step(record, done, total, ports))
        seconds = round(time.monotonic() - started, 3)
        write_clip(clip, path, _metadata(task, request, key, seconds, ports))
    except (Interrupted, UsageError):
        raise
    except Exception as problem:
        reason = f"{type(problem).__name__}: {' '.join(str(problem).split())}"
        seconds = round(time.monotonic() - started, 3)
        return record.model_copy(update={"failure": reason, "seconds": seconds})
    return record.model_copy(update={"path": relative, "seconds": seconds})


def ask_for_render(task: RenderTask, config: LoopConfig, renderer: Renderer) -> RenderRequest:
    """The resolved request of this task: in full, or cheaper where the run drafts and the task is one of the loop's."""
    settings, draft = config.render, config.draft
    request = renderer.resolve(
        RenderRequest(
            text=task["text"],
            seed=task["seed"],
            negative=settings.negative_prompt,
            width=settings.width,
            height=settings.height,
            num_frames=settings.num_frames,
            fps=settings.fps,
            num_inference_steps=settings.num_inference_steps,
            guidance_scale=settings.guidance_scale,
        )
    )
    if not (draft.enabled and task["purpose"] == "loop"):
        return request
    steps = draft.steps or max(1, (request.num_inference_steps or 0) // 2)
    return renderer.resolve(request.model_copy(update={"num_inference_steps": steps, "step_cache": draft.step_cache}))


def content_key(request: RenderRequest, info: RendererInfo) -> str:
    """Equal for renders that must have equal pixels: everything that is asked, and what draws it.

    What is not set is left out, so that a setting that is new changes no key where it is not used.
    """
    drawn_by = {name: value for name, value in asdict(info).items() if value and name != "family"}
    identity = json.dumps(
        [request.model_dump(exclude_none=True), drawn_by], sort_keys=True, ensure_ascii=False, default=str
    )
    return hashlib.sha256(identity.encode()).hexdigest()


def _step(record: Render, done: int, total: int, ports: Ports) -> None:
    ports.stop.check()
    ports.notify("render_step", render=record, done=done, total=total)


def _seconds_of_finished(path: Path, key: str) -> float | None:
    """How long the finished render of this key took; None when it is not on disk."""
    if not path.exists():
        return None
    try:
        metadata = read_metadata(path)
    except ClipError:
        return None
    return float(metadata.get("seconds", 0.0)) if metadata.get("key") == key else None


def _metadata(task: RenderTask, request: RenderRequest, key: str, seconds: float, ports: Ports) -> dict[str, str]:
    """What the file itself says of how it was made: both prompts, seed and model."""
    info = ports.renderer.info
    return {
        "title": ports.prompt,
        "prompt": ports.prompt,
        "candidate": task["text"],
        "seed": str(request.seed),
        "model": info.model,
        "revision": info.revision or "",
        "seconds": str(seconds),
        "key": key,
    }
