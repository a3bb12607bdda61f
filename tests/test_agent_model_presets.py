"""A model that is known by its id is rendered as its authors recommend, and otherwise as the user says."""

import shutil
from inspect import signature

import diffusers
import numpy as np
import pytest
from tiny_pipelines import QUIET, SMALL, save_tiny
from torch.nn.modules.module import register_module_forward_hook

from agent.render_clip import content_key
from agent.renderer import RendererInfo, RenderRequest
from agent.renderers.diffusers_t2v import DiffusersRenderer
from agent.renderers.model_presets import PRESETS, with_preset
from agent.renderers.pipeline_table import TRAITS
from agent.renderers.pipeline_traits import PipelineTraits, flow_shift_at, legal_frames, legal_side

pytestmark = QUIET

ASK = RenderRequest(text="a cat", seed=0)
CLASS_OF = {
    "Wan-AI": "WanPipeline",
    "zai-org": "CogVideoXPipeline",
    "Lightricks": "LTXConditionPipeline",
    "rootonchair": "LTX2Pipeline",
    "FastVideo": "HunyuanVideoPipeline",
    "genmo": "MochiPipeline",
    "Skywork": "SkyReelsV2Pipeline",
}


def class_of(model: str) -> str:
    return "LTX2Pipeline" if "LTX-2" in model else CLASS_OF[model.split("/")[0]]


def known_as(model: str, tiny: str, tmp_path):
    return save_tiny(tiny, tmp_path / model.split("/")[1])


@pytest.mark.parametrize("model", PRESETS)
def test_what_is_recommended_is_legal_and_every_argument_is_one_of_the_call(model):
    traits = with_preset(TRAITS[class_of(model)], model)
    assert traits != TRAITS[class_of(model)]
    assert legal_frames(traits, traits.num_frames) == traits.num_frames
    assert (legal_side(traits, traits.height), legal_side(traits, traits.width)) == (traits.height, traits.width)
    known = signature(getattr(diffusers, class_of(model)).__call__).parameters
    assert {*traits.arguments, *traits.guidance_arguments, *traits.steps_arguments} <= {*known}
    for schedule in traits.steps_arguments.values():
        assert len(schedule) == traits.steps


def test_a_copy_in_a_folder_of_the_same_name_is_the_same_model(tmp_path):
    folder = known_as("Wan-AI/Wan2.1-T2V-14B-Diffusers", "WanPipeline", tmp_path)
    resolved = DiffusersRenderer(folder, device="cpu").resolve(ASK)
    assert (resolved.width, resolved.height, resolved.guidance_scale) == (1280, 720, 5.0)
    other = shutil.copytree(folder, tmp_path / "other")
    assert DiffusersRenderer(other, device="cpu").resolve(ASK).height == 480


def test_what_the_user_asks_for_wins(tmp_path):
    renderer = DiffusersRenderer(
        known_as("Wan-AI/Wan2.2-T2V-A14B-Diffusers", "WanPipeline 2.2", tmp_path), device="cpu"
    )
    asked = ASK.model_copy(update={"height": 480, "width": 832, "num_inference_steps": 5, "guidance_scale": 7.0})
    resolved = renderer.resolve(asked)
    assert (resolved.height, resolved.width, resolved.num_inference_steps, resolved.guidance_scale) == (
        480,
        832,
        5,
        7.0,
    )


def test_the_second_scale_goes_with_the_first_and_one_that_is_asked_for_serves_both(tmp_path):
    folder = save_tiny("WanPipeline 2.2", tmp_path / "wan")
    two = {"guidance": 4.0, "guidance_arguments": {"guidance_scale_2": 3.0}}
    recommended, plain = DiffusersRenderer(folder, device="cpu", traits=two), DiffusersRenderer(folder, device="cpu")

    def frames(renderer, scale):
        return renderer.render(SMALL.model_copy(update={"guidance_scale": scale, "num_inference_steps": 8})).frames

    assert not np.array_equal(frames(recommended, None), frames(plain, 4.0))
    assert np.array_equal(frames(recommended, 6.0), frames(plain, 6.0))


def test_time_steps_of_a_distilled_model_are_used_for_its_own_number_of_steps_only(tmp_path):
    folder = save_tiny("LTXConditionPipeline", tmp_path / "ltx")
    distilled = {"steps": 2, "steps_arguments": {"timesteps": [1000, 700]}}
    renderer, plain = DiffusersRenderer(folder, device="cpu", traits=distilled), DiffusersRenderer(folder, device="cpu")
    three = SMALL.model_copy(update={"num_inference_steps": 3})
    assert not np.array_equal(renderer.render(SMALL).frames, plain.render(SMALL).frames)
    assert np.array_equal(renderer.render(three).frames, plain.render(three).frames)


def test_a_distilled_model_of_pictures_and_sound_runs_its_transformer_once_a_step(tmp_path):
    folder = known_as("Lightricks/LTX-2.5-Diffusers", "LTX2Pipeline", tmp_path)
    runs = []

    def note(module, inputs, outputs):
        if isinstance(module, diffusers.LTX2VideoTransformer3DModel):
            runs.append(module)

    hook = register_module_forward_hook(note)
    renderer = DiffusersRenderer(folder, device="cpu", arguments={"max_sequence_length": 128})
    renderer.render(SMALL.model_copy(update={"num_inference_steps": None}))
    hook.remove()
    assert len(runs) == 8


@pytest.mark.parametrize("name", ["WanPipeline", "SkyReelsV2Pipeline"])
def test_the_shift_is_that_of_the_nearest_size_and_changes_the_clip(name, tmp_path):
    folder = save_tiny(name, tmp_path / "model")

    def frames(shift, **size):
        renderer = DiffusersRenderer(folder, device="cpu", traits={"flow_shift": shift} if shift else None)
        return renderer.render(SMALL.model_copy(update=size | {"num_inference_steps": 3})).frames

    own = {"WanPipeline": 3.0, "SkyReelsV2Pipeline": 8.0}[name]
    assert np.array_equal(frames({32: own}), frames(None))
    assert not np.array_equal(frames({32: 1.0}), frames(None))
    assert np.array_equal(frames({32: 1.0, 64: own}, height=64, width=64), frames(None, height=64, width=64))


def test_a_shift_of_one_clip_is_not_that_of_the_next(tmp_path):
    renderer = DiffusersRenderer(
        save_tiny("WanPipeline", tmp_path / "wan"), device="cpu", traits={"flow_shift": {32: 3.0, 64: 9.0}}
    )
    before = renderer.render(SMALL).frames
    renderer.render(SMALL.model_copy(update={"height": 64, "width": 64}))
    assert np.array_equal(renderer.render(SMALL).frames, before)


def test_wan_is_shifted_less_at_480p_than_at_720p():
    traits = with_preset(TRAITS["WanPipeline"], "Wan-AI/Wan2.1-T2V-14B-Diffusers")
    assert [flow_shift_at(traits, *size) for size in ((480, 832), (832, 480), (720, 1280))] == [3.0, 3.0, 5.0]
    assert flow_shift_at(TRAITS["WanPipeline"], 480, 832) is None


def test_what_is_fixed_beside_the_request_is_recorded_and_is_another_clip(tmp_path):
    folder = known_as("Wan-AI/Wan2.2-T2V-A14B-Diffusers", "WanPipeline 2.2", tmp_path)
    info = DiffusersRenderer(folder, device="cpu", arguments={"max_sequence_length": 64}).info
    assert info.arguments == {"flow_shift": {"720": 12.0}, "guidance_scale_2": 3.0, "max_sequence_length": 64}
    other = DiffusersRenderer(folder, device="cpu", arguments={"max_sequence_length": 65}).info
    assert content_key(ASK, info) != content_key(ASK, other)


def test_what_is_not_set_and_the_family_change_no_key():
    info = RendererInfo("diffusers", "a/b")
    key = content_key(ASK, info)
    assert content_key(ASK, RendererInfo("diffusers", "a/b", family="wan")) == key
    assert content_key(ASK.model_copy(update={"step_cache": None}), info) == key
    assert content_key(ASK.model_copy(update={"step_cache": 0.1}), info) != key
    assert content_key(ASK, RendererInfo("diffusers", "a/b", lora=("x@1:1",))) != key


def test_every_class_but_the_relatives_has_a_family():
    assert {name: traits.family for name, traits in TRAITS.items() if traits.family == "general"} == {
        "AllegroPipeline": "general"
    }
    assert PipelineTraits(16, 16, 1, 1, None, 8.0, None).family == "general"
