"""The Renderer port: words in, moving pictures out."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from pydantic import BaseModel, ConfigDict

from feedback.clip import Clip

StepCallback = Callable[[int, int], None]
"""Called as (steps done, steps in all) while a clip is made, again while nothing moves; may raise to stop it."""


class RenderRequest(BaseModel):
    """One clip to make. What is None is the renderer's own default until `Renderer.resolve` fills it in."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    text: str
    seed: int
    negative: str | None = None
    width: int | None = None
    height: int | None = None
    num_frames: int | None = None
    fps: float | None = None
    num_inference_steps: int | None = None
    guidance_scale: float | None = None
    step_cache: float | None = None
    """Blocks are skipped while the first changes by less than this share of its value: faster, and less exact. None:
    none are, also where the renderer can't."""


@dataclass(frozen=True)
class RendererInfo:
    """What a run records of its renderer: enough to make the same clip again."""

    name: str
    model: str
    revision: str | None = None
    version: str = ""
    """Of the library or program that draws."""
    token_limit: int | None = None
    """How many tokens of a text it reads; None when there is no limit."""
    captions: str = "general"
    """Which relation graph fits its training captions: "general" or the renderer's own name."""
    family: str = "general"
    """Which style of captions it was trained on: wan, cogvideox, ltx, hunyuan, mochi, latte, skyreels, sana, pocket,
    painter, or "general" where nobody knows. Says nothing of the pixels."""
    lora: tuple[str, ...] = ()
    """Adapters as "model@commit:weight", in the order they were given."""
    arguments: Mapping[str, Any] = field(default_factory=dict)
    """What decides a clip beside the request, such as the shift of the noise schedule; plain JSON."""


class Renderer(Protocol):
    """Words to moving pictures.

    Same resolved request, same machine: same clip. Keeps no state between calls. May take minutes. Raises MemoryError
    when it doesn't fit and RenderError when there is no clip; both become a failed render.
    """

    @property
    def info(self) -> RendererInfo:
        """What this renderer is; may be asked before the first render and must be cheap."""
        ...

    def resolve(self, request: RenderRequest) -> RenderRequest:
        """The request with every default filled in and every size and length made legal. Idempotent."""
        ...

    def count_tokens(self, text: str) -> int | None:
        """How many of `info.token_limit` this text takes; None when there is no limit."""
        ...

    def render(self, request: RenderRequest, on_step: StepCallback | None = None) -> Clip:
        """One clip with exactly the resolved frames and size."""
        ...
