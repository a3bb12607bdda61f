"""The pocket renderer: the model that ships draws what its captions say, alike every time, and knows its limits."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from conformance_renderer import RendererConformance
from fakes import fast_config
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors import safe_open

from agent.config import RenderConfig, RetrieveConfig
from agent.errors import UsageError
from agent.renderer import RenderRequest
from agent.renderers import registry
from agent.renderers.pocket import MODEL_FOLDER, PocketRenderer
from agent.renderers.pocket_limits import note_limits
from agent.renderers.registry import open_renderer
from agent.run import begin_run
from agent.store import open_store
from examples.pocket.checker import ATTRIBUTES, check
from examples.pocket.evaluate import with_unknown_words
from examples.pocket.watch import held_out_scenes
from examples.pocket.world import Scene, all_scenes, as_users_type, canonical, incomplete, paraphrases


@pytest.fixture(scope="module")
def pocket() -> PocketRenderer:
    return PocketRenderer()


class TestPocketConformance(RendererConformance):
    @pytest.fixture
    def renderer(self, pocket: PocketRenderer) -> PocketRenderer:
        return pocket


def test_captions_of_scenes_it_never_saw_are_drawn_in_all_they_say(pocket: PocketRenderer) -> None:
    scenes = held_out_scenes(16)
    clips = [pocket.render(RenderRequest(text=canonical(scene), seed=i)) for i, scene in enumerate(scenes)]
    checked = [check(clip, scene) for clip, scene in zip(clips, scenes, strict=True)]
    for attribute in (*ATTRIBUTES, "all"):
        assert np.mean([shown[attribute] for shown in checked if attribute in shown]) >= 0.75, attribute


@pytest.mark.parametrize("max_tokens", [64, 512])
def test_words_it_never_saw_change_no_pixel_however_many_they_are(max_tokens: int) -> None:
    renderer, rng = PocketRenderer(max_tokens=max_tokens), np.random.default_rng(0)
    for scene in held_out_scenes(2):
        texts = (canonical(scene), with_unknown_words(canonical(scene), rng, 300))
        clean, noisy = (renderer.render(RenderRequest(text=text, seed=1)).frames for text in texts)
        np.testing.assert_array_equal(clean, noisy)


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
            assert {tensors.get_slice(name).get_dtype() for name in tensors.keys()} == {"F16"}  # noqa: SIM118


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
    assert {"a red circle", "moves to the right"} <= set(found)


def notes_on(prompt: str) -> list[str]:
    return note_limits(prompt, RenderConfig())


@settings(deadline=None)
@given(scene=st.sampled_from(list(all_scenes())), seed=st.integers(0, 1000))
def test_nothing_is_noted_of_captions_it_was_trained_on_or_of_what_users_type(scene: Scene, seed: int) -> None:
    texts = (canonical(scene), *paraphrases(scene), incomplete(scene, np.random.default_rng(seed)))
    for text in (*texts, as_users_type(scene)):
        assert notes_on(text) == []


@pytest.mark.parametrize(
    "prompt",
    [
        "a crimson disc",
        "a golden box floats upward",
        "a shape",
        "a video of a red ball",
        "an animation of a blue square moving up",
        "exactly one blue square",
        "two balls, one red and one blue",
        "a red ball sits on a plain white background",
        "a red ball that does not move",
        "a moving red ball goes left",
        "a circle moves left. there is a square too",
    ],
)
def test_what_pocket_can_draw_passes_without_a_word(prompt: str) -> None:
    assert notes_on(prompt) == []


@pytest.mark.parametrize(
    ("prompt", "says"),
    [
        ("a cat on a beach", "not 'cat'"),
        ("a red ball and a cat", "not 'cat'"),
        ("a red ball and a train", "not 'train'"),
        ("a pink ball", "not 'pink ball'"),
        ("white circle", "not 'white circle'; black, white or gray are its backgrounds"),
        ("sunset", "none in this prompt;"),
        ("12345", "none in this prompt;"),
        ("red", "name a shape, as in 'a red circle'"),
        ("no red ball", "say what is there"),
        ("ein roter Ball bewegt sich nach rechts", "say it in English"),
        ("красный круг", "say it in English"),
    ],
)
def test_a_prompt_of_other_things_is_refused_with_what_to_do(prompt: str, says: str) -> None:
    with pytest.raises(UsageError, match="--renderer diffusers --model") as refused:
        notes_on(prompt)
    assert says in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("prompt", "says"),
    [
        ("a red ball on a beach", "'on a beach'"),
        ("two red balls", "'two red balls' (it draws one or two things"),
        ("many red balls", "'many red balls'"),
        ("red balls", "'red balls'"),
        ("a few balls", "'a few balls'"),
        ("a red ball above a red box", "'a red box'"),
        ("a red ball, a green box and a blue triangle", "'a blue triangle'"),
        ("a red and blue circle", "'red and blue circle' (one colour a thing)"),
        ("a big red ball", "'big'"),
        ("a soccer ball", "'soccer'"),
        ("cinematic red ball", "'cinematic'"),
        ("a red ball with a hat", "'with a hat'"),
        (
            "a red ball moves left and a blue box moves right",
            "'blue box moves right' (only the thing named first moves)",
        ),
        ("a red circle stays still left of a moving blue square", "'a moving blue square'"),
        ("a red ball next to a blue box", "'red ball next to blue box' (it knows left of"),
        ("a red circle inside a blue square", "'inside a blue square'"),
        ("a red circle moves diagonally", "'moves diagonally' (it moves things left, right, up or down)"),
        ("a red circle moves in a circle", "'in a circle'"),
        ("a red circle moves toward a blue box", "'moves toward a blue box'"),
        ("a red ball moving fast", "'moving fast'"),
        ("a red ball moving fast to the left", "'fast'"),
        ("a red circle moves to the left then to the right", "'moves to the left then to the right' (one motion"),
        ("a red ball moves up then stays still", "'stays still' (one motion"),
        ("a circle without a background", "'without a background' (it can't leave things out)"),
    ],
)
def test_what_will_be_missing_of_a_prompt_is_told_in_its_own_words(prompt: str, says: str) -> None:
    (note,) = notes_on(prompt)
    assert says in note
    assert "\n" not in note
    assert "--renderer" not in note


@given(text=st.text(max_size=200))
def test_any_prompt_is_either_drawn_or_refused_in_one_line(text: str) -> None:
    try:
        told = notes_on(text)
    except UsageError as refused:
        told = [str(refused)]
    assert not any("\n" in line for line in told)


def test_settings_that_pocket_does_not_use_are_told_in_one_line() -> None:
    chosen = RenderConfig(width=640, height=480, num_frames=81, offload="model", revision="main", fps=8)
    (note,) = note_limits("a red circle", chosen)
    assert note.endswith("it does not use --width, --height, --num-frames, --offload, --revision")


def test_the_flags_in_a_prompt_are_no_settings_of_the_users(tmp_path: Path) -> None:
    run = begin_run("a red circle -ar 1:1", fast_config(render=RenderConfig().model_dump()), tmp_path)
    assert not any("--width" in note for note in run.notes)


def test_only_renderers_that_have_limits_tell_them() -> None:
    assert registry.note_limits("a cat", RenderConfig(renderer="painter")) == []
    with pytest.raises(UsageError, match="not 'cat'"):
        registry.note_limits("a cat", RenderConfig(renderer="pocket"))


def test_limits_are_told_without_loading_torch() -> None:
    program = (
        "import sys; from agent.config import RenderConfig; from agent.renderers.registry import note_limits; "
        "note_limits('a red circle', RenderConfig()); print('torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_its_revision_is_that_of_its_weights(tmp_path: Path) -> None:
    other = shutil.copytree(MODEL_FOLDER, tmp_path / "other")
    shipped, same = PocketRenderer().info.revision, PocketRenderer(model=other).info.revision
    assert shipped == same
    assert re.fullmatch("[0-9a-f]{12}", shipped or "")
    weights = next((other / "vae").glob("*.safetensors"))
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    weights.write_bytes(content)
    assert PocketRenderer(model=other).info.revision != shipped


def test_the_refusal_comes_before_anything_is_written(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="not 'cat'"):
        begin_run("a cat on a beach", fast_config(render__renderer="pocket"), tmp_path / "runs")
    assert not (tmp_path / "runs").exists()
