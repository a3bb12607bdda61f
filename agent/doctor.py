"""Looks at this machine and these settings before anything is rendered."""

import platform
import shutil
from dataclasses import dataclass
from importlib.metadata import packages_distributions, version
from pathlib import Path
from typing import Literal

from agent.config import LoopConfig
from agent.errors import UsageError
from agent.language_model import Recorded
from agent.llm.registry import open_rewriter_model
from agent.models import open_configured_detector, open_configured_judge, open_configured_sources
from agent.renderer import RenderRequest
from agent.renderers.registry import open_renderer
from agent.rewriters.registry import open_rewriter
from agent.store import open_store
from feedback.errors import FeedbackError
from feedback.judge import Judge
from feedback.judge_self_test import BASICS, examine_judge

OUR_PACKAGES = ("agent", "feedback", "graph_store", "finetune")
LOW_DISK_GB = 5


@dataclass(frozen=True)
class Finding:
    """One thing the doctor looked at."""

    what: str
    state: Literal["good", "note", "broken"]
    said: str


def examine(config: LoopConfig) -> list[Finding]:
    """What is good, notable or broken, in the order of a run."""
    return [
        Finding("python", "good", platform.python_version()),
        *_foreign_packages(),
        _faiss(),
        _gpu(),
        _disk(),
        _renderer(config),
        _retrieval(config),
        _rewriter(config),
        *_sources(config),
    ]


def _foreign_packages() -> list[Finding]:
    """Other distributions that brought a package of our names, and may have overwritten ours."""
    owners = packages_distributions()
    clashes = {name: sorted({*owners.get(name, [])} - {"retake"}) for name in OUR_PACKAGES}
    found = [
        Finding(name, "broken", f"also installed by {', '.join(others)}; give Retake an environment of its own")
        for name, others in clashes.items()
        if others
    ]
    return found or [
        Finding("packages", "good", "no other distribution installs agent, feedback, graph_store or finetune")
    ]


def _faiss() -> Finding:
    owners = sorted(set(packages_distributions().get("faiss", [])))
    if len(owners) > 1:
        both = " and ".join(owners)
        return Finding("faiss", "broken", f"{both} share one folder; uninstall both, then install one")
    return Finding(
        "faiss", "good" if owners else "note", owners[0] if owners else "absent: only graphs of 500,000 scenes need it"
    )


def _gpu() -> Finding:
    try:
        import torch
    except ImportError:
        return Finding("GPU", "note", "torch is not installed; only the painter can render")
    if not torch.cuda.is_available():
        return Finding("GPU", "note", f"none; torch {version('torch')} renders on the CPU")
    free, total = torch.cuda.mem_get_info()
    return Finding("GPU", "good", f"{torch.cuda.get_device_name()}: {free / 1e9:.1f} of {total / 1e9:.1f} GB free")


def _disk() -> Finding:
    free = shutil.disk_usage(Path.cwd()).free / 1e9
    return Finding("disk", "good" if free > LOW_DISK_GB else "note", f"{free:.0f} GB free in {Path.cwd()}")


def _renderer(config: LoopConfig) -> Finding:
    try:
        renderer = open_renderer(config.render)
        request = renderer.resolve(RenderRequest(text="", seed=0))
    except UsageError as slip:
        return Finding("renderer", "broken", str(slip))
    size = f"{request.width}x{request.height}, {request.num_frames} frames at {request.fps:g} fps"
    is_remote = config.render.renderer in ("server", "comfyui")
    where = f", {renderer.info.version} at {config.render.base_url}" if is_remote else ""
    return Finding("renderer", "good", f"{renderer.info.model}: {size}{where}")


def _retrieval(config: LoopConfig) -> Finding:
    try:
        store = open_store(config.retrieve, open_renderer(config.render).info.captions)
    except UsageError as slip:
        return Finding("retrieval", "broken", str(slip))
    if store is None:
        return Finding("retrieval", "note", "off")
    found = store.retrieve("a red ball rolls to the right").modifiers
    return Finding("retrieval", "good", f"graph {config.retrieve.graph!r} answers with {len(found)} modifiers")


def _rewriter(config: LoopConfig) -> Finding:
    try:
        model = open_rewriter_model(config.rewrite)
        rewriter = open_rewriter(config.rewrite, None, model)
    except UsageError as slip:
        return Finding("rewriter", "broken", str(slip))
    record = model.record if isinstance(model, Recorded) else {}
    adapter = f", an adapter over {record['model']}" if record.get("adapter") else ""
    return Finding("rewriter", "good", f"{rewriter.name} {config.rewrite.model or ''}".strip() + adapter)


def _sources(config: LoopConfig) -> list[Finding]:
    settings = config.assess
    try:
        judge = open_configured_judge(settings, described=0)
        open_configured_sources(settings, judge, open_configured_detector(settings))
    except FeedbackError as slip:
        return [Finding("sources", "broken", str(slip))]
    said = f"{', '.join(settings.sources)}; judge {settings.judge}, detector {settings.detector}"
    return [Finding("sources", "good", said), *(_judge(judge) if settings.judge != "shapes" else ())]


def _judge(judge: Judge) -> list[Finding]:
    """How far a judge can be trusted; the shapes judge, which is deterministic and part of Retake, is not asked."""
    try:
        trusted = examine_judge(judge)
    except Exception as problem:
        reason = str(problem) if isinstance(problem, FeedbackError) else f"{type(problem).__name__}: {problem}"
        return [Finding("judge", "broken", " ".join(reason.split()))]
    return [
        Finding(
            f"judge: {one.skill}",
            "good" if one.trust == "good" else "broken" if one.trust == "none" and one.skill in BASICS else "note",
            one.said,
        )
        for one in trusted
    ]
