"""What the authors of a model recommend, where that differs from the defaults of its pipeline class.

Each row is a fact with its source. A model that is not here is rendered with its class's defaults and what its own
files say; so are HunyuanVideo, HunyuanVideo-1.5, CogVideoX-2b and -5b, LTX-2.3, Latte-1 and SANA-Video, whose authors
recommend nothing else. Default negative prompts, which some authors have, are left to the user.
"""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import PurePath
from typing import Any

from agent.renderers.pipeline_traits import PipelineTraits

_SHIFT_BY_SIZE = {480: 3.0, 720: 5.0}
"""Wan2.1's README and diffusers' example of WanPipeline: 3 for 480p, 5 for 720p."""

# configs/ltxv-2b-*.yaml and ltx_video/inference.py of Lightricks/LTX-Video: decoding and steps; size, length and rate.
_LTX_2B: Mapping[str, Any] = {
    "height": 704,
    "width": 1216,
    "num_frames": 121,
    "fps": 30.0,
    "steps": 40,
    "arguments": {"decode_timestep": 0.05, "decode_noise_scale": 0.025},
}
# diffusers' docs on LTX-Video 0.9.7: its first pass, which is 2/3 of 1152 x 768.
_LTX_13B: Mapping[str, Any] = {
    "height": 512,
    "width": 768,
    "num_frames": 161,
    "fps": 24.0,
    "steps": 30,
    "guidance": 5.0,
    "arguments": {"decode_timestep": 0.05, "decode_noise_scale": 0.025, "guidance_rescale": 0.7},
}
# diffusers' docs on LTX-Video 0.9.7 and 0.9.8 distilled: time steps of the first pass, no guidance. The authors' own
# configs/ltxv-13b-0.9.*-distilled.yaml have the same steps but for the last, 0.03, which is next to nothing. For 0.9.8
# the docs draw 361 frames for 832 x 480; here it keeps the size and length of 0.9.7.
_LTX_13B_DISTILLED = {
    **_LTX_13B,
    "steps": 8,
    "guidance": 1.0,
    "steps_arguments": {"timesteps": [1000, 993, 987, 981, 975, 909, 725, 0.03]},
}
# diffusers' docs on LTX-2 and LTX-2.5: DISTILLED_SIGMA_VALUES of diffusers.pipelines.ltx2.utils. No guidance of any
# kind, as in ltx_pipelines/distilled.py of Lightricks/LTX-2; the docs' calls leave two kinds on, which cost three runs
# of the transformer a step instead of one.
_LTX_2_DISTILLED: Mapping[str, Any] = {
    "steps": 8,
    "guidance": 1.0,
    "steps_arguments": {"sigmas": [1.0, 0.99375, 0.9875, 0.98125, 0.975, 0.909375, 0.725, 0.421875]},
    "guidance_arguments": {
        "stg_scale": 0.0,
        "modality_scale": 1.0,
        "audio_guidance_scale": 1.0,
        "audio_stg_scale": 0.0,
        "audio_modality_scale": 1.0,
    },
}
# README of SkyworkAI/SkyReels-V2, its tables of models and of parameters: shift 8 for text to video; 720p is longer.
_SKYREELS_540P: Mapping[str, Any] = {"height": 544, "width": 960, "num_frames": 97, "flow_shift": {540: 8.0}}
_SKYREELS_720P: Mapping[str, Any] = {"height": 720, "width": 1280, "num_frames": 121, "flow_shift": {720: 8.0}}

PRESETS: Mapping[str, Mapping[str, Any]] = {
    # README of Wan-Video/Wan2.1, the note on the 1.3B model: guidance 6, shift from 8 on.
    "Wan-AI/Wan2.1-T2V-1.3B-Diffusers": {"guidance": 6.0, "flow_shift": {480: 8.0}},
    # generate.py of Wan-Video/Wan2.1: 1280*720 is its default size.
    "Wan-AI/Wan2.1-T2V-14B-Diffusers": {"height": 720, "width": 1280, "flow_shift": _SHIFT_BY_SIZE},
    # wan/configs/wan_t2v_A14B.py of Wan-Video/Wan2.2: guidance 4 while the noise is high, 3 then.
    "Wan-AI/Wan2.2-T2V-A14B-Diffusers": {
        "height": 720,
        "width": 1280,
        "steps": 40,
        "guidance": 4.0,
        "guidance_arguments": {"guidance_scale_2": 3.0},
        "flow_shift": {720: 12.0},
    },
    # wan/configs/wan_ti2v_5B.py of Wan-Video/Wan2.2; 1280 x 704 by its README.
    "Wan-AI/Wan2.2-TI2V-5B-Diffusers": {
        "height": 704,
        "width": 1280,
        "num_frames": 121,
        "fps": 24.0,
        "flow_shift": {704: 5.0},
    },
    # The model card of zai-org/CogVideoX1.5-5B: 1360 x 768, 16n + 1 frames, 81 of them, 16 a second.
    "zai-org/CogVideoX1.5-5B": {"height": 768, "width": 1360, "num_frames": 81, "frame_step": 16, "fps": 16.0},
    # diffusers' docs on LTX-Video, the example of LTXPipeline.
    "Lightricks/LTX-Video": {
        "width": 768,
        "fps": 24.0,
        "arguments": {"decode_timestep": 0.03, "decode_noise_scale": 0.025},
    },
    "Lightricks/LTX-Video-0.9.1": _LTX_2B,
    "Lightricks/LTX-Video-0.9.5": _LTX_2B,
    "Lightricks/LTX-Video-0.9.7-dev": _LTX_13B,
    "Lightricks/LTX-Video-0.9.7-distilled": _LTX_13B_DISTILLED,
    "Lightricks/LTX-Video-0.9.8-13B-distilled": _LTX_13B_DISTILLED,
    # LTX_2_PARAMS in ltx_pipelines/utils/constants.py of Lightricks/LTX-2: 40 steps, STG in another block than LTX-2.3.
    "Lightricks/LTX-2": {"steps": 40, "arguments": {"spatio_temporal_guidance_blocks": [29]}},
    "Lightricks/LTX-2.5-Diffusers": _LTX_2_DISTILLED,
    "rootonchair/LTX-2-19b-distilled": _LTX_2_DISTILLED,
    # The model card of FastVideo/FastHunyuan: 6 steps, shift 17, 125 frames of 1280 x 720.
    "FastVideo/FastHunyuan-diffusers": {"num_frames": 125, "steps": 6, "flow_shift": {720: 17.0}},
    # diffusers' docs on Mochi: 85 frames, which take up to 64 steps.
    "genmo/mochi-1-preview": {"num_frames": 85},
    "Skywork/SkyReels-V2-T2V-14B-540P-Diffusers": _SKYREELS_540P,
    "Skywork/SkyReels-V2-T2V-14B-720P-Diffusers": _SKYREELS_720P,
}
"""Fields of `PipelineTraits` by id on the hub. `arguments` are added to those of the class."""

_BY_NAME = {hub_id.partition("/")[2].lower(): preset for hub_id, preset in PRESETS.items()}


def with_preset(traits: PipelineTraits, model: str) -> PipelineTraits:
    """The traits with what the authors of this model recommend.

    A model is known by the last part of its id, and so is a copy of it in a folder of that name.
    """
    preset = dict(_BY_NAME.get(PurePath(model).name.lower(), {}))
    return replace(traits, **preset | {"arguments": {**traits.arguments, **preset.get("arguments", {})}})
