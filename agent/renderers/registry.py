"""Renderers by name."""

from typing import Any

from agent.config import RenderConfig
from agent.plugins import make_part
from agent.renderer import Renderer

RENDERERS = {
    "pocket": "agent.renderers.pocket:PocketRenderer",
    "painter": "agent.renderers.painter:Painter",
    "diffusers": "agent.renderers.diffusers_t2v:DiffusersRenderer",
}


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
        }
    return make_part("renderer", settings.renderer, RENDERERS, **arguments)
