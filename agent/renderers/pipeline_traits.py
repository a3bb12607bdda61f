"""What each text-to-video pipeline of diffusers does in its own way: the names, rules and defaults a renderer needs.

Defaults are those of diffusers 0.42. Frame and size rules were found by rendering small random models of each class,
but for Allegro, whose rules follow from how far its real decoder compresses. Frame rates are the ones the models'
authors export with: a pipeline has none, unless it takes `rate_keyword`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from inspect import Parameter, Signature
from math import lcm
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


def _fit_wan(traits: PipelineTraits, read: ReadConfig) -> PipelineTraits:
    vae, patch = read("vae/config.json"), read("transformer/config.json").get("patch_size", (1, 2, 2))
    frame_step = vae.get("scale_factor_temporal") or 4
    return replace(
        traits,
        frame_step=frame_step,
        frames_added=1 if frame_step == 1 else 0,  # The pipeline rounds to a multiple of the step and adds one.
        size_multiple=lcm(16, (vae.get("scale_factor_spatial") or 8) * lcm(patch[1], patch[2])),
    )


def _fit_cogvideox(traits: PipelineTraits, read: ReadConfig) -> PipelineTraits:
    scale = 2 ** (len(read("vae/config.json")["block_out_channels"]) - 1)
    transformer = read("transformer/config.json")
    return replace(
        traits,
        height=transformer.get("sample_height", 60) * scale,
        width=transformer.get("sample_width", 90) * scale,
        num_frames=transformer.get("sample_frames", 49),
        fps=16.0 if transformer.get("patch_size_t") else 8.0,  # CogVideoX 1.5 is the one that patches time.
    )


def _fit_hunyuan15(traits: PipelineTraits, read: ReadConfig) -> PipelineTraits:
    target_px = read("transformer/config.json").get("target_size", 640)  # 16:9 of about target² pixels
    guidance = read("guider/guider_config.json").get("guidance_scale", traits.guidance)
    return replace(traits, height=target_px * 3 // 4, width=target_px * 4 // 3, guidance=guidance)


def _fit_latte(traits: PipelineTraits, read: ReadConfig) -> PipelineTraits:
    return replace(traits, num_frames=read("transformer/config.json").get("video_length", 16))


_WAN = PipelineTraits(
    480,
    832,
    81,
    steps=50,
    guidance=5.0,
    fps=16.0,
    frame_step=4,
    token_limit=512,
    float32_vae=True,
    caches_steps=True,
    family="wan",
    fit=_fit_wan,
)
_LTX = PipelineTraits(
    512,
    704,
    161,
    steps=50,
    guidance=3.0,
    fps=25.0,
    frame_step=8,
    size_multiple=32,
    rate_keyword="frame_rate",
    token_limit=128,
    caches_steps=True,
    family="ltx",
)

TRAITS: Mapping[str, PipelineTraits] = {
    "WanPipeline": _WAN,
    "SkyReelsV2Pipeline": replace(
        _WAN, height=544, width=960, num_frames=97, guidance=6.0, fps=24.0, caches_steps=False, family="skyreels"
    ),
    "CogVideoXPipeline": PipelineTraits(
        480,
        720,
        49,
        steps=50,
        guidance=6.0,
        fps=8.0,
        frame_step=8,
        token_limit=226,
        caches_steps=True,
        family="cogvideox",
        fit=_fit_cogvideox,
    ),
    "LTXPipeline": _LTX,
    "LTXConditionPipeline": replace(_LTX, token_limit=256),
    "LTX2Pipeline": replace(
        _LTX,
        width=768,
        num_frames=121,
        steps=30,
        fps=24.0,
        token_limit=1024,
        caches_steps=False,
        arguments={"enable_prompt_enhancement": False},
    ),
    "HunyuanVideoPipeline": PipelineTraits(
        720,
        1280,
        129,
        steps=50,
        guidance=6.0,
        fps=24.0,
        frame_step=4,
        negative_needs="true_cfg_scale",
        token_limit=256,
        caches_steps=True,
        family="hunyuan",
    ),
    "HunyuanVideo15Pipeline": PipelineTraits(
        480,
        848,
        121,
        steps=50,
        guidance=6.0,
        fps=24.0,
        frame_step=4,
        guidance_by="guider",
        token_limit=1000,
        family="hunyuan",
        fit=_fit_hunyuan15,
    ),
    "MochiPipeline": PipelineTraits(
        480,
        848,
        19,
        steps=64,
        guidance=4.5,
        fps=30.0,
        frame_step=6,
        token_limit=256,
        caches_steps=True,
        family="mochi",
    ),
    # Their caption cleaning depends on whether beautifulsoup4 happens to be installed.
    "LattePipeline": PipelineTraits(
        512,
        512,
        16,
        steps=50,
        guidance=7.5,
        fps=8.0,
        frame_step=None,
        frames_keyword="video_length",
        token_limit=120,
        family="latte",
        arguments={"clean_caption": False},
        fit=_fit_latte,
    ),
    "AllegroPipeline": PipelineTraits(
        720,
        1280,
        88,
        steps=100,
        guidance=7.5,
        fps=15.0,
        frame_step=8,
        frame_first=8,
        token_limit=512,
        tiled_decoding_only=True,
        arguments={"clean_caption": False},
    ),
    "SanaVideoPipeline": PipelineTraits(
        480,
        832,
        81,
        steps=50,
        guidance=6.0,
        fps=16.0,
        frame_step=4,
        size_multiple=32,
        frames_keyword="frames",
        token_limit=300,
        family="sana",
        arguments={"complex_human_instruction": None, "use_resolution_binning": False},
    ),
}
