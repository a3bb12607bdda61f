"""The diffusers renderer over tiny random pipelines of the real classes."""

import json
import shutil
from inspect import signature
from pathlib import Path

import numpy as np
import pytest
from conformance_renderer import RendererConformance
from diffusers import (
    AnimateDiffPipeline,
    StableDiffusionPipeline,
    WanImageToVideoPipeline,
)
from diffusers.utils import logging as diffusers_logging
from hypothesis import given
from hypothesis import strategies as st
from tiny_pipelines import ARGUMENTS, QUIET, SMALL, TINY, save_tiny
from transformers.utils import logging as transformers_logging

from agent.errors import RenderError, UsageError
from agent.renderer import RenderRequest
from agent.renderers.diffusers_t2v import DiffusersRenderer
from agent.renderers.pipeline_table import TRAITS
from agent.renderers.pipeline_traits import infer_traits, legal_frames, legal_side

pytestmark = QUIET


@pytest.fixture(scope="module", autouse=True)
def no_loading_bars():
    for library in (diffusers_logging, transformers_logging):
        library.disable_progress_bar()
    yield
    for library in (diffusers_logging, transformers_logging):
        library.enable_progress_bar()


@pytest.fixture(scope="module")
def tiny_folder(tmp_path_factory):
    """Class name to a folder with its tiny pipeline, written once a module."""
    made: dict[str, Path] = {}

    def folder(class_name: str) -> Path:
        if class_name not in made:
            made[class_name] = save_tiny(class_name, tmp_path_factory.mktemp(class_name))
        return made[class_name]

    return folder


@pytest.fixture
def wan_folder(tiny_folder):
    return tiny_folder("WanPipeline")


# No configuration of it is small: it takes as long as all the others together.
HEAVY = {"HunyuanVideo15Pipeline": [pytest.mark.slow]}


@pytest.fixture(scope="module", params=[pytest.param(name, marks=HEAVY.get(name, [])) for name in TINY])
def renderer(request, tiny_folder):
    return DiffusersRenderer(tiny_folder(request.param), device="cpu", arguments=ARGUMENTS.get(request.param))


class TestConformance(RendererConformance):
    request_ = SMALL


# Rules of length and size


@given(st.sampled_from(sorted(TRAITS)), st.integers(1, 400))
def test_legal_frames_are_stable_and_nearest(class_name, wanted):
    traits = TRAITS[class_name]
    legal = legal_frames(traits, wanted)
    assert legal >= 1
    assert legal_frames(traits, legal) == legal
    if traits.frame_step and wanted >= traits.frame_first:
        assert (legal - traits.frame_first) % traits.frame_step == 0
        assert 2 * abs(legal - wanted) <= traits.frame_step


@given(st.sampled_from(sorted(TRAITS)), st.integers(1, 4096))
def test_legal_sides_are_positive_multiples_and_nearest(class_name, wanted):
    traits = TRAITS[class_name]
    legal = legal_side(traits, wanted)
    assert legal > 0
    assert legal % traits.size_multiple == 0
    assert 2 * abs(legal - wanted) <= traits.size_multiple or legal == traits.size_multiple


@pytest.mark.parametrize("class_name", sorted(TRAITS))
def test_the_table_s_own_defaults_are_legal(class_name):
    traits = TRAITS[class_name]
    assert legal_frames(traits, traits.num_frames) == traits.num_frames
    assert legal_side(traits, traits.height) == traits.height
    assert legal_side(traits, traits.width) == traits.width


def test_odd_sizes_and_lengths_come_back_as_resolved(renderer):
    wanted = SMALL.model_copy(update={"width": 55, "height": 41, "num_frames": 12})
    resolved = renderer.resolve(wanted)
    clip = renderer.render(wanted)
    assert clip.frames.shape == (resolved.num_frames, resolved.height, resolved.width, 3)


def test_defaults_come_from_the_model_s_own_files(tiny_folder):
    ask = RenderRequest(text="a cat", seed=0)
    cog = DiffusersRenderer(tiny_folder("CogVideoXPipeline"), device="cpu").resolve(ask)
    assert (cog.height, cog.width, cog.num_frames, cog.fps) == (32, 32, 9, 8.0)
    hunyuan15 = DiffusersRenderer(tiny_folder("HunyuanVideo15Pipeline"), device="cpu").resolve(ask)
    assert hunyuan15.guidance_scale == 4.0
    wan = DiffusersRenderer(tiny_folder("WanPipeline"), device="cpu").resolve(ask)
    assert (wan.height, wan.width, wan.num_frames, wan.fps, wan.guidance_scale) == (480, 832, 81, 16.0, 5.0)


def test_a_coarser_decoder_asks_for_coarser_sizes(wan_folder, tmp_path):
    folder = shutil.copytree(wan_folder, tmp_path / "wan")
    config = json.loads((folder / "vae/config.json").read_text())
    (folder / "vae/config.json").write_text(json.dumps(config | {"scale_factor_spatial": 16}))
    resolved = DiffusersRenderer(folder, device="cpu").resolve(
        SMALL.model_copy(update={"width": 832, "height": 480 + 16})
    )
    assert (resolved.width, resolved.height) == (832, 512)


# Tokens


def test_tokens_are_counted_past_the_limit_without_loading_the_model(wan_folder, monkeypatch):
    renderer = DiffusersRenderer(wan_folder, device="cpu")
    monkeypatch.setattr("agent.renderers.diffusers_t2v.load_pipeline", lambda *_: pytest.fail("the model was loaded"))
    assert renderer.info.token_limit == 512
    assert renderer.count_tokens("abcde") == len("▁abcde") + 1
    assert renderer.count_tokens("ab " * 1000) > 512


def test_a_shorter_limit_in_the_arguments_is_the_limit(wan_folder):
    renderer = DiffusersRenderer(wan_folder, device="cpu", arguments={"max_sequence_length": 40})
    assert renderer.info.token_limit == 40
    long = SMALL.model_copy(update={"text": "x" * 60 + " a red circle"})
    other = SMALL.model_copy(update={"text": "x" * 60 + " two blue squares"})
    assert np.array_equal(renderer.render(long).frames, renderer.render(other).frames)


# Negative prompt and guidance


def test_a_negative_prompt_changes_the_clip_just_where_it_is_recorded(renderer):
    with_negative = SMALL.model_copy(update={"negative": "two blue squares, white background, blurred"})
    changes = not np.array_equal(renderer.render(SMALL).frames, renderer.render(with_negative).frames)
    assert changes == (renderer.resolve(with_negative).negative is not None)


def test_a_negative_prompt_that_would_be_ignored_is_not_recorded(tiny_folder, wan_folder):
    ask = SMALL.model_copy(update={"negative": "blurred"})
    hunyuan = tiny_folder("HunyuanVideoPipeline")
    assert DiffusersRenderer(hunyuan, device="cpu").resolve(ask).negative is None
    assert (
        DiffusersRenderer(hunyuan, device="cpu", arguments={"true_cfg_scale": 4.0}).resolve(ask).negative == "blurred"
    )
    unguided = ask.model_copy(update={"guidance_scale": 1.0})
    assert DiffusersRenderer(wan_folder, device="cpu").resolve(unguided).negative is None


def test_hunyuan_reads_a_negative_prompt_under_true_guidance(tiny_folder):
    arguments = ARGUMENTS["HunyuanVideoPipeline"] | {"true_cfg_scale": 4.0}
    renderer = DiffusersRenderer(tiny_folder("HunyuanVideoPipeline"), device="cpu", arguments=arguments)
    # Not an empty one: without the pipeline's own template no token is left of that.
    one, other = (SMALL.model_copy(update={"negative": text}) for text in ("blurred", "two blue squares"))
    assert not np.array_equal(renderer.render(one).frames, renderer.render(other).frames)


def test_the_guidance_scale_reaches_the_model(renderer):
    weak, strong = (SMALL.model_copy(update={"guidance_scale": scale}) for scale in (1.5, 9.0))
    assert not np.array_equal(renderer.render(weak).frames, renderer.render(strong).frames)


# Precision and failures


@pytest.mark.parametrize("class_name", ["WanPipeline", "SkyReelsV2Pipeline", "CogVideoXPipeline", "LTXPipeline"])
def test_half_precision_is_really_used_and_close(class_name, tiny_folder):
    full = DiffusersRenderer(tiny_folder(class_name), device="cpu").render(SMALL).frames
    half = DiffusersRenderer(tiny_folder(class_name), device="cpu", dtype="bfloat16").render(SMALL).frames
    difference = np.abs(full.astype(float) - half)
    assert 0 < difference.mean() < 25


def test_pixels_that_are_no_numbers_are_a_render_error(wan_folder):
    renderer = DiffusersRenderer(wan_folder, device="cpu")
    with pytest.raises(RenderError, match="no numbers"):
        renderer.render(SMALL.model_copy(update={"guidance_scale": float("inf")}))


def test_a_pipeline_s_own_complaint_is_a_render_error(wan_folder):
    renderer = DiffusersRenderer(wan_folder, device="cpu", arguments={"colour": "red"})
    with pytest.raises(RenderError, match="unexpected keyword argument 'colour'"):
        renderer.render(SMALL)


# Models of the hub


def test_a_model_of_the_hub_is_held_to_one_commit_and_draws_as_its_folder_does(wan_folder, tmp_path, monkeypatch):
    commit = "0123456789abcdef0123456789abcdef01234567"
    repository = tmp_path / "models--retake--tiny-wan"
    shutil.copytree(wan_folder, repository / "snapshots" / commit)
    (repository / "refs").mkdir()
    (repository / "refs/main").write_text(commit)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    renderer = DiffusersRenderer("retake/tiny-wan", device="cpu")
    folder = DiffusersRenderer(wan_folder, device="cpu")
    assert (renderer.info.model, renderer.info.revision) == ("retake/tiny-wan", commit)
    assert renderer.count_tokens("a cat") == folder.count_tokens("a cat")
    assert np.array_equal(renderer.render(SMALL).frames, folder.render(SMALL).frames)


# What the user can get wrong


def test_no_model_is_a_usage_error():
    with pytest.raises(UsageError, match="needs a model"):
        DiffusersRenderer(None)


def test_a_missing_folder_is_a_usage_error(tmp_path):
    with pytest.raises(UsageError, match="there is no model folder"):
        DiffusersRenderer(tmp_path / "missing")


def test_an_id_that_the_hub_does_not_give_is_a_usage_error(monkeypatch, tmp_path):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(UsageError, match=r"did not come from the hub .*: check its name, the network"):
        DiffusersRenderer("nobody/no-such-model")


def test_a_single_file_is_a_usage_error(tmp_path):
    (tmp_path / "model.safetensors").touch()
    with pytest.raises(UsageError, match="single file"):
        DiffusersRenderer(tmp_path / "model.safetensors")


def test_a_folder_that_is_no_pipeline_is_a_usage_error(tmp_path):
    with pytest.raises(UsageError, match=r"no diffusers pipeline: it has no model_index\.json"):
        DiffusersRenderer(tmp_path)


@pytest.mark.parametrize(
    ("index", "message"),
    [
        ("{", "can't be read"),
        ("[]", "no JSON object"),
        ("{}", "is for None, which diffusers .* lacks"),
        ('{"_class_name": "NoSuchPipeline"}', "is for NoSuchPipeline, which diffusers .* lacks"),
        ('{"_class_name": ["pipeline", "Mine"]}', "lacks"),
        ('{"_class_name": "AutoencoderKL"}', "lacks"),
        ('{"_class_name": "StableDiffusionPipeline"}', "no video from text alone: it has no frame count"),
        ('{"_class_name": "WanImageToVideoPipeline"}', "no video from text alone: it also needs image"),
        ('{"_class_name": "WanPipeline"}', r"vae/config\.json .* can't be read"),
    ],
)
def test_a_model_index_that_can_not_be_used_is_a_usage_error(tmp_path, index, message):
    (tmp_path / "model_index.json").write_text(index)
    with pytest.raises(UsageError, match=message):
        DiffusersRenderer(tmp_path)


def test_corrupt_weights_are_a_usage_error_at_the_first_render(wan_folder, tmp_path):
    folder = shutil.copytree(wan_folder, tmp_path / "wan")
    weights = folder / "transformer/diffusion_pytorch_model.safetensors"
    weights.write_bytes(weights.read_bytes()[:1000])
    renderer = DiffusersRenderer(folder, device="cpu")
    with pytest.raises(UsageError, match=r"can't be loaded .* get it anew"):
        renderer.render(SMALL)


def test_weights_that_are_no_safetensors_are_refused(wan_folder, tmp_path):
    folder = shutil.copytree(wan_folder, tmp_path / "wan")
    (folder / "transformer/diffusion_pytorch_model.safetensors").rename(
        folder / "transformer/diffusion_pytorch_model.bin"
    )
    with pytest.raises(UsageError, match="can't be loaded"):
        DiffusersRenderer(folder, device="cpu").render(SMALL)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"dtype": "half"}, "must be auto, bfloat16, float16, float32"),
        ({"offload": "all"}, "must be one of: none, model, sequential, group"),
        ({"device": "gpu"}, "must be auto, cpu"),
        ({"device": "meta"}, "use 'auto'"),
        ({"device": "cpu", "offload": "sequential"}, "needs an accelerator"),
    ],
)
def test_settings_that_can_not_be_used_are_usage_errors(wan_folder, settings, message):
    with pytest.raises(UsageError, match=message):
        DiffusersRenderer(wan_folder, **settings)


# Pipelines that the table lacks


def test_an_unknown_class_is_taken_by_its_signature(wan_folder, monkeypatch, caplog):
    known = DiffusersRenderer(wan_folder, device="cpu").render(SMALL)
    monkeypatch.setattr("agent.renderers.diffusers_loading.TRAITS", {})
    renderer = DiffusersRenderer(wan_folder, device="cpu")
    assert "WanPipeline is not a pipeline that Retake knows" in caplog.text
    assert renderer.info.token_limit == 512
    assert np.array_equal(renderer.render(SMALL).frames, known.frames)


def test_inferred_traits_come_from_the_defaults_of_the_call():
    traits = infer_traits(signature(AnimateDiffPipeline.__call__))
    assert (traits.frames_keyword, traits.num_frames, traits.steps, traits.guidance) == ("num_frames", 16, 50, 7.5)


@pytest.mark.parametrize("pipeline", [StableDiffusionPipeline, WanImageToVideoPipeline])
def test_pipelines_that_make_no_video_from_text_are_told_apart(pipeline):
    with pytest.raises(ValueError, match=r"frame count|image"):
        infer_traits(signature(pipeline.__call__))
