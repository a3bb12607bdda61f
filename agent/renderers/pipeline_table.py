"""The traits of each text-to-video pipeline of diffusers that Retake knows.

Defaults are those of diffusers 0.42. Frame and size rules were found by rendering small random models of each class,
but for Allegro, whose rules follow from how far its real decoder compresses. Frame rates are the ones the models'
authors export with: a pipeline has none, unless it takes `rate_keyword`.
"""

from collections.abc import Mapping
from dataclasses import replace
from math import lcm

from agent.renderers.pipeline_traits import PipelineTraits, ReadConfig


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
