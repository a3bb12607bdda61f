"""LoRA adapters in the diffusers renderer, over a tiny Wan and adapters made for it."""

import shutil

import numpy as np
import pytest
import torch
from diffusers import DiffusionPipeline
from peft import LoraConfig
from peft.utils import get_peft_model_state_dict
from tiny_pipelines import QUIET, SMALL, save_tiny

from agent.config import RenderConfig
from agent.errors import UsageError
from agent.render_clip import content_key
from agent.renderers.diffusers_t2v import DiffusersRenderer
from agent.renderers.registry import open_renderer

pytestmark = QUIET


def save_lora(pipeline_folder, folder, modules=("to_q", "to_v"), seed=0):
    """The folder, after a LoRA with random weights was made for this pipeline and written to it."""
    pipeline = DiffusionPipeline.from_pretrained(pipeline_folder)
    torch.manual_seed(seed)
    pipeline.transformer.add_adapter(LoraConfig(r=2, target_modules=list(modules), init_lora_weights=False))
    type(pipeline).save_lora_weights(
        folder, transformer_lora_layers=get_peft_model_state_dict(pipeline.transformer), weight_name="lora.safetensors"
    )
    return folder


@pytest.fixture(scope="module")
def wan_folder(tmp_path_factory):
    return save_tiny("WanPipeline", tmp_path_factory.mktemp("wan"))


@pytest.fixture(scope="module")
def lora_folder(wan_folder, tmp_path_factory):
    return save_lora(wan_folder, tmp_path_factory.mktemp("lora"))


def frames(folder, *lora, **settings):
    return DiffusersRenderer(folder, device="cpu", lora=lora, **settings).render(SMALL).frames


def test_a_lora_changes_the_clip_by_its_weight_and_not_at_all_at_0(wan_folder, lora_folder):
    plain, full = frames(wan_folder), frames(wan_folder, str(lora_folder))
    assert not np.array_equal(full, plain)
    assert np.array_equal(frames(wan_folder, f"{lora_folder}:1"), full)
    assert not np.array_equal(frames(wan_folder, f"{lora_folder}:0.5"), full)
    assert np.array_equal(frames(wan_folder, f"{lora_folder}:0"), plain)


def test_two_work_together(wan_folder, lora_folder, tmp_path):
    other = save_lora(wan_folder, tmp_path / "other", modules=("to_k",), seed=1)
    both = frames(wan_folder, f"{lora_folder}:0.8", str(other))
    assert not np.array_equal(both, frames(wan_folder, f"{lora_folder}:0.8"))
    assert not np.array_equal(both, frames(wan_folder, str(other)))


@pytest.mark.parametrize("offload", ["model", "group"])
def test_offload_does_not_change_what_a_lora_does(wan_folder, lora_folder, offload):
    full = frames(wan_folder, str(lora_folder)).astype(int)
    assert np.abs(frames(wan_folder, str(lora_folder), offload=offload) - full).max() <= 1


def test_a_lora_works_in_half_precision(wan_folder, lora_folder):
    plain, full = (frames(wan_folder, *lora, dtype="bfloat16") for lora in ((), (str(lora_folder),)))
    assert not np.array_equal(full, plain)


def test_it_is_recorded_by_its_content_and_is_another_clip(wan_folder, lora_folder, tmp_path):
    renderer = DiffusersRenderer(wan_folder, device="cpu", lora=[f"{lora_folder}:0.5"])
    (recorded,) = renderer.info.lora
    assert recorded.startswith(f"{lora_folder}@")
    assert recorded.endswith(":0.5")
    lighter = DiffusersRenderer(wan_folder, device="cpu", lora=[f"{lora_folder}:0.4"])
    plain = DiffusersRenderer(wan_folder, device="cpu")
    assert len({content_key(SMALL, one.info) for one in (renderer, lighter, plain)}) == 3
    same, other = tmp_path / "same", save_lora(wan_folder, tmp_path / "other", seed=1)
    shutil.copytree(lora_folder, same)
    digests = [DiffusersRenderer(wan_folder, lora=[str(one)]).info.lora[0].split("@")[1] for one in (same, other)]
    assert digests[0] == recorded.split("@")[1].replace(":0.5", ":1")
    assert digests[1] != digests[0]


def test_it_is_a_setting(wan_folder, lora_folder):
    settings = RenderConfig(renderer="diffusers", model=str(wan_folder), device="cpu", lora=[f"{lora_folder}:0.5"])
    assert len(open_renderer(settings).info.lora) == 1


def test_a_lora_of_a_wider_model_is_one_clear_line(wan_folder, lora_folder, tmp_path):
    from safetensors.torch import load_file, save_file

    weights = load_file(lora_folder / "lora.safetensors")
    save_file({name: torch.cat([w, w], dim=-1) for name, w in weights.items()}, tmp_path / "wide.safetensors")
    with pytest.raises(UsageError, match=r"wide\.safetensors was made for another model than this WanPipeline") as said:
        frames(wan_folder, str(tmp_path / "wide.safetensors"))
    assert "\n" not in str(said.value)


def test_a_lora_of_another_kind_of_model_is_one_clear_line(wan_folder, tmp_path):
    lora = save_lora(save_tiny("CogVideoXPipeline", tmp_path / "cog"), tmp_path / "lora", modules=("ff.net.2",))
    with pytest.raises(UsageError, match="was made for another model than this WanPipeline") as said:
        frames(wan_folder, str(lora))
    assert "\n" not in str(said.value)


def test_a_pipeline_that_takes_none_says_so(lora_folder, tmp_path):
    with pytest.raises(UsageError, match="LattePipeline takes no LoRA"):
        frames(save_tiny("LattePipeline", tmp_path / "latte"), str(lora_folder))


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ("nowhere", "there is no LoRA folder nowhere"),
        ("{folder}:strong", "the weight of a LoRA is 'strong'"),
        ("{folder}:inf", "the weight of a LoRA is 'inf'"),
        ("{empty}", "holds 0 files"),
        ("{two}", r"holds 2 files of safetensors, but must hold one: name one of them, as in .*two/a\.safetensors"),
        ("{empty}/lora.bin", "is no safetensors file"),
        ("nobody/no-such-lora", "did not come from the hub"),
    ],
)
def test_what_can_not_be_found_is_one_clear_line(wan_folder, lora_folder, tmp_path, asked, message):
    for name in ("empty", "two"):
        (tmp_path / name).mkdir()
    for name in ("a", "b"):
        (tmp_path / f"two/{name}.safetensors").touch()
    asked = asked.format(folder=lora_folder, empty=tmp_path / "empty", two=tmp_path / "two")
    if asked.endswith(".bin"):
        (tmp_path / "empty/lora.bin").touch()
    with pytest.raises(UsageError, match=message):
        DiffusersRenderer(wan_folder, device="cpu", lora=[asked])


def test_a_machine_without_peft_is_told_what_to_install(wan_folder, lora_folder, monkeypatch):
    monkeypatch.setattr("agent.renderers.lora.find_spec", lambda name: None)
    with pytest.raises(UsageError, match=r"needs the package peft: pip install"):
        DiffusersRenderer(wan_folder, device="cpu", lora=[str(lora_folder)])
