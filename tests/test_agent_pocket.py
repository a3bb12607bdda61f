"""The pocket renderer: the model that ships draws what its captions say, alike every time, and knows its limits."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from conformance_renderer import RendererConformance
from fakes import fast_config
from safetensors import safe_open

from agent.config import RenderConfig, RetrieveConfig
from agent.errors import UsageError
from agent.renderer import RenderRequest
from agent.renderers.pocket import MODEL_FOLDER, PocketRenderer
from agent.renderers.pocket_limits import check_pocket_prompt
from agent.renderers.registry import open_renderer
from agent.run import begin_run
from agent.store import open_store
from examples.pocket.checker import check
from examples.pocket.evaluate import with_unknown_words
from examples.pocket.watch import held_out_scenes
from examples.pocket.world import canonical
from feedback.clip import Clip


@pytest.fixture(scope="module")
def pocket() -> PocketRenderer:
    return PocketRenderer()


class TestPocketConformance(RendererConformance):
    @pytest.fixture
    def renderer(self, pocket: PocketRenderer) -> PocketRenderer:
        return pocket


def shares(clips: list[Clip]) -> dict[str, float]:
    """Of the first held-out scenes, how many of these clips show each attribute."""
    checked = [check(clip, scene) for clip, scene in zip(clips, held_out_scenes(len(clips)), strict=True)]
    return {
        name: float(np.mean([shown[name] for shown in checked])) for name in ("background", "colour", "count", "all")
    }


def test_captions_of_scenes_it_never_saw_are_drawn(pocket: PocketRenderer) -> None:
    scenes = held_out_scenes(16)
    clips = [pocket.render(RenderRequest(text=canonical(scene), seed=i)) for i, scene in enumerate(scenes)]
    found = shares(clips)
    assert found["background"] >= 0.9
    assert found["colour"] >= 0.9
    assert found["all"] >= 0.4


@pytest.mark.parametrize("max_tokens", [64, 512])
def test_words_it_never_saw_are_ignored_however_long_the_text(max_tokens: int) -> None:
    renderer, rng = PocketRenderer(max_tokens=max_tokens), np.random.default_rng(0)
    texts = [with_unknown_words(canonical(scene), rng, 12) for scene in held_out_scenes(16)]
    found = shares([renderer.render(RenderRequest(text=text, seed=i)) for i, text in enumerate(texts)])
    assert found["background"] >= 0.9
    assert found["colour"] >= 0.9
    assert found["count"] >= 0.75


def test_it_has_one_size_and_length(pocket: PocketRenderer) -> None:
    asked = RenderRequest(text="a red circle", seed=0, width=640, height=480, num_frames=81)
    resolved = pocket.resolve(asked)
    assert (resolved.width, resolved.height, resolved.num_frames) == (32, 32, 5)


def test_the_model_that_ships_is_small_and_in_half_precision() -> None:
    files = [file for file in MODEL_FOLDER.rglob("*") if file.is_file()]
    assert sum(file.stat().st_size for file in files) <= 20e6
    weights = [file for file in files if file.suffix == ".safetensors"]
    assert {file.parent.name for file in weights} == {"transformer", "text_encoder", "vae"}
    for file in weights:
        with safe_open(file, "pt") as tensors:
            assert {tensors.get_slice(name).get_dtype() for name in tensors.keys()} <= {"F16", "F32"}  # noqa: SIM118


def test_another_folder_of_its_kind_can_be_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no model folder"):
        open_renderer(RenderConfig(renderer="pocket", model=str(tmp_path / "none")))
    assert open_renderer(RenderConfig(renderer="pocket")).info.model == "retake/pocket"
    other = shutil.copytree(MODEL_FOLDER, tmp_path / "other")
    info = open_renderer(RenderConfig(renderer="pocket", model=str(other))).info
    assert (info.model, info.captions) == (str(other), "pocket")


def test_its_relation_graph_speaks_its_captions_words() -> None:
    store = open_store(RetrieveConfig(embedder="hashing"), "pocket")
    assert store is not None
    found = [modifier.text for modifier in store.retrieve("red ball moving right, left of a blue box").modifiers]
    assert "a red circle" in found or "moves to the right" in found


@pytest.mark.parametrize(
    "prompt",
    [
        "red ball moving right, left of a blue box",
        "a crimson disc",
        "a golden box floats upward",
        "A red circle moves up and a blue square stays still on a black background. The red circle is above the blue "
        "square.",
        "a shape",
    ],
)
def test_what_pocket_can_draw_passes_without_a_word(prompt: str) -> None:
    assert check_pocket_prompt(prompt) == []


@pytest.mark.parametrize(
    ("prompt", "says"),
    [
        ("a cat on a beach", "not 'cat'"),
        ("a red ball and a cat", "not 'cat'"),
        ("a pink ball", "not 'pink ball'"),
        ("sunset", "none in this prompt"),
        ("un chat sur la plage", "real model"),
    ],
)
def test_a_prompt_of_other_things_is_refused_with_the_way_to_a_real_model(prompt: str, says: str) -> None:
    with pytest.raises(UsageError, match="--renderer diffusers --model") as refused:
        check_pocket_prompt(prompt)
    assert says in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("prompt", "says"),
    [
        ("a red ball on a beach", "'beach'"),
        ("two red balls", "'2 red circle'"),
        ("a red ball above a red box", "'two things of one colour'"),
        ("a big red ball", "'red circle big'"),
        ("a red ball, a green box and a blue triangle", "'more than two things'"),
        ("a red ball moves left and a blue box moves right", "'two things that move'"),
        ("a red ball next to a blue box", "'red circle next to blue square'"),
    ],
)
def test_what_will_be_missing_of_a_prompt_is_told_in_one_line(prompt: str, says: str) -> None:
    (note,) = check_pocket_prompt(prompt)
    assert says in note


def test_the_refusal_comes_before_anything_is_written(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="not 'cat'"):
        begin_run("a cat on a beach", fast_config(render__renderer="pocket"), tmp_path / "runs")
    assert not (tmp_path / "runs").exists()
