"""Renderers by name, and what they say of a prompt before they are loaded."""

from typing import Any

from agent.config import RenderConfig
from agent.plugins import load_part, make_part
from agent.renderer import Renderer

RENDERERS = {
    "pocket": "agent.renderers.pocket:PocketRenderer",
    "painter": "agent.renderers.painter:Painter",
    "diffusers": "agent.renderers.diffusers_t2v:DiffusersRenderer",
    "server": "agent.renderers.video_server:VideoServer",
    "comfyui": "agent.renderers.comfyui:ComfyUI",
}
LIMITS = {"pocket": "agent.renderers.pocket_limits:note_limits"}
"""Of renderers that can't show everything: `(prompt, settings) -> notes`, in a module that loads no model."""


def note_limits(prompt: str, settings: RenderConfig) -> list[str]:
    """A line each on what the renderer won't show of a prompt or not use. Raises UsageError where it shows nothing."""
    if settings.renderer not in LIMITS:
        return []
    return load_part("limits of renderer", settings.renderer, LIMITS)(prompt, settings)


def open_renderer(settings: RenderConfig) -> Renderer:
    """The renderer that these settings name; the user's own is made without arguments. Raises UsageError."""
    arguments: dict[str, Any] = {}
    if settings.renderer == "pocket":
        arguments = {"device": settings.device, "dtype": settings.dtype}
        if settings.model:
            arguments["model"] = settings.model
    elif settings.renderer == "diffusers":
        arguments = {
            "model": settings.model,
            "revision": settings.revision,
            "device": settings.device,
            "dtype": settings.dtype,
            "offload": settings.offload,
            "vae_tiling": settings.vae_tiling,
            "lora": settings.lora,
        }
    elif settings.renderer == "server":
        arguments = {
            "base_url": settings.base_url,
            "model": settings.model,
            "dialect": settings.dialect,
            "timeout_seconds": settings.timeout_seconds,
        }
    elif settings.renderer == "comfyui":
        arguments = {
            "base_url": settings.base_url,
            "workflow": settings.workflow,
            "timeout_seconds": settings.timeout_seconds,
        }
    return make_part("renderer", settings.renderer, RENDERERS, **arguments)
