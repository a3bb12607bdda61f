"""Renderers by name."""

from agent.config import RenderConfig
from agent.plugins import load_part
from agent.renderer import Renderer

RENDERERS = {
    "painter": "agent.renderers.painter:Painter",
    "diffusers": "agent.renderers.diffusers_t2v:DiffusersRenderer",
}


def open_renderer(settings: RenderConfig) -> Renderer:
    """The renderer that these settings name; the user's own is made without arguments. Raises UsageError."""
    make = load_part("renderer", settings.renderer, RENDERERS)
    if settings.renderer != "diffusers":
        return make()
    return make(
        settings.model,
        revision=settings.revision,
        device=settings.device,
        dtype=settings.dtype,
        offload=settings.offload,
    )
