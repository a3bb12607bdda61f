"""Renderers by name."""

from agent.config import RenderConfig
from agent.plugins import make_part
from agent.renderer import Renderer

RENDERERS = {
    "painter": "agent.renderers.painter:Painter",
    "diffusers": "agent.renderers.diffusers_t2v:DiffusersRenderer",
}


def open_renderer(settings: RenderConfig) -> Renderer:
    """The renderer that these settings name; the user's own is made without arguments. Raises UsageError."""
    if settings.renderer != "diffusers":
        return make_part("renderer", settings.renderer, RENDERERS)
    return make_part(
        "renderer",
        settings.renderer,
        RENDERERS,
        settings.model,
        revision=settings.revision,
        device=settings.device,
        dtype=settings.dtype,
        offload=settings.offload,
    )
