"""What a text-to-video pipeline of diffusers does in its own way: the names, rules and defaults a renderer needs."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from inspect import Parameter, Signature
from typing import Any, Literal

ReadConfig = Callable[[str], Mapping[str, Any]]
"""Reads one JSON file of the model, such as "vae/config.json"."""


@dataclass(frozen=True)
class PipelineTraits:
    """One pipeline class: its defaults, its rules, and how it is called."""

    height: int
    """In pixels, when none is asked for."""
    width: int
    num_frames: int
    steps: int
    guidance: float | None
    """Guidance scale when none is asked for; None when the pipeline takes none."""
    fps: float
    frame_step: int | None
    """Frames come as `frame_first`, plus any number of these; None when only `num_frames` itself can be made."""
    frame_first: int = 1
    frames_added: int = 0
    """How many more frames come back than the pipeline was asked for."""
    size_multiple: int = 16
    """Height and width are multiples of it, in pixels."""
    frames_keyword: str = "num_frames"
    rate_keyword: str | None = None
    """The argument that tells the model its frame rate."""
    guidance_by: Literal["argument", "guider"] = "argument"
    """How the scale gets there: `guidance_scale=…`, or a new `pipe.guider`."""
    negative_needs: str | None = "guidance_scale"
    """The scale that must be above 1 for a negative prompt to be read; None when it never is."""
    token_limit: int | None = None
    """What `max_sequence_length` is by default, or the fixed limit where there is no such argument."""
    float32_vae: bool = False
    """Whether the decoder stays in float32 when the rest runs in a half precision."""
    tiled_decoding_only: bool = False
    caches_steps: bool = False
    """Whether diffusers' first-block cache knows its blocks, and it has the two that takes."""
    family: str = "general"
    """Whose captions it was trained on; see `RendererInfo.family`."""
    flow_shift: Mapping[int, float] = field(default_factory=dict)
    """Shift of the noise schedule by the short side of a clip in pixels; the nearest counts. Empty: the model's own."""
    guidance_arguments: Mapping[str, Any] = field(default_factory=dict)
    """Passed while the guidance scale is the default; one that is asked for is the only one."""
    steps_arguments: Mapping[str, Any] = field(default_factory=dict)
    """Passed while the number of steps is the default, such as the time steps of a distilled model."""
    arguments: Mapping[str, Any] = field(default_factory=dict)
    """Always passed: switches off what would rewrite the prompt or resize the frames behind our back."""
    fit: "Callable[[PipelineTraits, ReadConfig], PipelineTraits]" = lambda traits, _: traits
    """The same traits for one model, by what its own files say."""


def legal_frames(traits: PipelineTraits, wanted: int) -> int:
    """The number of frames nearest to `wanted` that the pipeline returns as asked; the larger of two equally near."""
    if traits.frame_step is None:
        return traits.num_frames
    steps = (2 * (wanted - traits.frame_first) + traits.frame_step) // (2 * traits.frame_step)
    return traits.frame_first + max(0, steps) * traits.frame_step


def legal_side(traits: PipelineTraits, wanted_px: int) -> int:
    """The height or width in pixels nearest to `wanted_px` that is a positive multiple of `size_multiple`."""
    multiple = traits.size_multiple
    return max(1, (2 * wanted_px + multiple) // (2 * multiple)) * multiple


def flow_shift_at(traits: PipelineTraits, height: int, width: int) -> float | None:
    """The shift of the noise schedule for clips of this size in pixels; None: what the model's own files say."""
    if not traits.flow_shift:
        return None
    return traits.flow_shift[min(traits.flow_shift, key=lambda side: abs(side - min(height, width)))]


def fixed_arguments(traits: PipelineTraits) -> dict[str, Any]:
    """What decides a clip beside the request, for the record."""
    shifts = {str(side): shift for side, shift in traits.flow_shift.items()}
    return {
        **({"flow_shift": shifts} if shifts else {}),
        **traits.guidance_arguments,
        **traits.steps_arguments,
        **traits.arguments,
    }


def infer_traits(call: Signature) -> PipelineTraits:
    """Cautious traits for a pipeline class that the table lacks, from the signature of its `__call__`.

    Frames are 8n + 1 and sides multiples of 32, which nearly every video model takes.

    Raises:
        ValueError: The pipeline makes no video from text alone; the message says why.
    """
    parameters = call.parameters
    frames_keyword = next((name for name in ("num_frames", "video_length", "frames") if name in parameters), None)
    if frames_keyword is None or "prompt" not in parameters:
        raise ValueError(f"it has no {'frame count' if 'prompt' in parameters else 'prompt'} to set")
    needed = [
        name
        for name, parameter in parameters.items()
        if parameter.default is Parameter.empty
        and parameter.kind not in (Parameter.VAR_KEYWORD, Parameter.VAR_POSITIONAL)
        and name not in ("self", "prompt")
    ]
    if needed:
        raise ValueError(f"it also needs {', '.join(needed)}")

    def default(name: str, fallback: Any) -> Any:
        value = parameters[name].default if name in parameters else None
        return fallback if value is None or value is Parameter.empty else value

    rate_keyword = next((name for name in ("frame_rate", "fps") if name in parameters), None)
    return PipelineTraits(
        height=default("height", 480),
        width=default("width", 832),
        num_frames=default(frames_keyword, 49),
        steps=default("num_inference_steps", 50),
        guidance=default("guidance_scale", 5.0) if "guidance_scale" in parameters else None,
        fps=float(default(rate_keyword, 16.0)) if rate_keyword else 16.0,
        frame_step=8,
        size_multiple=32,
        frames_keyword=frames_keyword,
        rate_keyword=rate_keyword,
        negative_needs="guidance_scale" if "negative_prompt" in parameters else None,
        token_limit=default("max_sequence_length", None),
    )
