"""What the pocket model is trained on and with: world, captions, autoencoder, attention, and the training itself."""

import json
import re
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import UMT5EncoderModel

from agent.errors import UsageError
from agent.renderer import RenderRequest
from agent.renderers.painter_grammar import BACKGROUNDS, COLOURS, MOTIONS, RELATIONS, SHAPES, understand
from agent.renderers.pocket import FPS, MODEL_FOLDER, NUM_FRAMES, SIDE_PX, PocketRenderer
from examples.pocket import train as training
from examples.pocket.attention import install_training_attention
from examples.pocket.captions import (
    MOST_GAPS,
    MOST_REMAINS,
    SMALL_WORDS,
    training_caption,
    with_gaps,
    with_remains,
)
from examples.pocket.checker import ATTRIBUTES, check
from examples.pocket.drawing import CLEARANCE_PX, MARGIN_PX, draw, step_px
from examples.pocket.evaluate import FLUENT, UNKNOWN_WORDS, Gate, draw_sheet, evaluate, with_unknown_words
from examples.pocket.export import export, tagged
from examples.pocket.model import make_pipeline, make_text_encoder, make_tokenizer, make_transformer, words
from examples.pocket.train import Recipe, Trainer, train
from examples.pocket.vae import Latents, fit_vae
from examples.pocket.watch import held_out_scenes
from examples.pocket.world import (
    Scene,
    all_scenes,
    as_users_type,
    canonical,
    incomplete,
    is_held_out,
    paraphrases,
    split_scenes,
)
from feedback.clip import Clip
from graph_store.captions import read_captions

TINY = Recipe(steps=4, batch_size=2, warmup_steps=1)
SCENES = list(all_scenes())
scenes = st.sampled_from(SCENES)


# Scenes and captions


def test_a_tenth_of_the_scenes_is_held_out_and_none_of_them_is_trained_on():
    training, held_out = ([*one, *two] for one, two in (split_scenes(held_out=False), split_scenes(held_out=True)))
    assert not {canonical(scene) for scene in training} & {canonical(scene) for scene in held_out}
    assert len(training) + len(held_out) == len(SCENES)
    assert 0.08 < len(held_out) / len(SCENES) < 0.12


def test_held_out_scenes_are_distinct_and_there_are_no_more_than_there_are():
    chosen, everything = held_out_scenes(240), sum(map(len, split_scenes(held_out=True)))
    assert len(set(chosen)) == 240
    assert all(is_held_out(scene) for scene in chosen)
    assert len(set(held_out_scenes(everything))) == everything
    with pytest.raises(ValueError, match="scenes were asked for"):
        held_out_scenes(everything + 1)


def test_no_two_scenes_have_the_same_caption():
    assert len({canonical(scene) for scene in SCENES}) == len(SCENES)


@settings(deadline=None)
@given(scene=scenes)
def test_the_canonical_caption_says_all_of_the_scene_in_the_painters_grammar(scene: Scene):
    read = understand(canonical(scene))
    assert (read.background, read.relation) == (scene.background, scene.relation)
    kinds = [scene.thing, *([scene.companion] if scene.companion else [])]
    assert [(thing.colour, thing.shape) for thing in read.things] == [(kind.colour, kind.shape) for kind in kinds]
    assert [thing.motion for thing in read.things] == [scene.motion, "stays still"][: len(kinds)]


@settings(deadline=None)
@given(scene=scenes, seed=st.integers(0, 1000))
def test_other_captions_contradict_nothing(scene: Scene, seed: int):
    for text in (*paraphrases(scene), incomplete(scene, np.random.default_rng(seed))):
        for kind in (scene.thing, scene.companion):
            assert kind is None or str(kind) in text.lower()
        assert scene.background in text or "background" not in text


@settings(deadline=None)
@given(scene=scenes)
def test_users_words_for_shapes_are_in_no_training_caption(scene: Scene):
    known = set(words())
    assert not {"ball", "box", "pyramid", "moving", "going", "standing"} & known
    assert any(word not in known for word in as_users_type(scene).replace(",", "").split())


@settings(deadline=None)
@given(scene=scenes, seed=st.integers(0, 1000), count=st.integers(0, 40))
def test_unknown_words_put_in_leave_the_captions_own_in_order(scene: Scene, seed: int, count: int):
    noisy = with_unknown_words(canonical(scene), np.random.default_rng(seed), count).split()
    rest = iter(noisy)
    assert all(word in rest for word in canonical(scene).split())
    assert len(noisy) == len(canonical(scene).split()) + count


@settings(deadline=None)
@given(scene=scenes, seed=st.integers(0, 1000))
def test_a_caption_with_gaps_misses_a_few_words_and_keeps_the_others_in_order(scene: Scene, seed: int):
    rng = np.random.default_rng(seed)
    words = incomplete(scene, rng).split()
    kept, rest = with_gaps(" ".join(words), rng).split(), iter(words)
    assert all(word in rest for word in kept)
    assert len(kept) >= 1
    assert 1 <= len(words) - len(kept) <= MOST_GAPS


@settings(deadline=None)
@given(scene=scenes, seed=st.integers(0, 1000))
def test_what_is_left_of_other_sentences_stands_around_the_caption_in_known_words(scene: Scene, seed: int):
    text = with_remains(canonical(scene), np.random.default_rng(seed))
    before, after = text.split(canonical(scene))
    assert {*before.split(), *after.split()} <= {*SMALL_WORDS}
    assert max(len(before.split()), len(after.split())) <= MOST_REMAINS
    assert set(SMALL_WORDS) <= set(words())


def test_training_captions_are_empty_and_canonical_by_their_shares():
    rng, scene = np.random.default_rng(0), SCENES[5000]
    captions = [training_caption(scene, rng) for _ in range(2000)]
    assert np.mean([not caption for caption in captions]) == pytest.approx(0.1, abs=0.03)
    assert np.mean([caption == canonical(scene) for caption in captions]) == pytest.approx(0.9 * 0.6 * 0.7, abs=0.05)


@settings(deadline=None)
@given(scene=scenes, seed=st.integers(0, 1000), count=st.integers(0, 400))
def test_unknown_words_are_left_out_of_a_text_whatever_it_is(scene: Scene, seed: int, count: int):
    tokenizer, caption = make_tokenizer(), canonical(scene)
    own = tokenizer(caption).input_ids
    assert tokenizer(with_unknown_words(caption, np.random.default_rng(seed), count)).input_ids == own
    assert tokenizer.convert_ids_to_tokens(own[:-1]) == re.findall(r"\w+|[^\w\s]", caption.lower())


@given(text=st.text())
def test_any_text_can_be_tokenized(text: str):
    assert make_tokenizer()(text).input_ids[-1] == 1


# Drawn clips


@settings(max_examples=150, deadline=None)
@given(scene=scenes, seed=st.integers(0, 1000))
def test_things_stay_in_the_frame_apart_and_where_the_caption_says(scene: Scene, seed: int):
    drawn = draw(scene, np.random.default_rng(seed))
    assert drawn.frames.shape == (NUM_FRAMES, SIDE_PX, SIDE_PX, 3)
    for path in drawn.paths:
        assert path.min() >= MARGIN_PX
        assert path.max() <= SIDE_PX - MARGIN_PX
    steps = np.diff(drawn.paths[0], axis=0)
    assert (steps == step_px(scene)).all()
    if scene.relation:
        axis, sign = {"left": (0, 1), "right": (0, -1), "above": (1, 1), "below": (1, -1)}[
            scene.relation.split()[-1 if scene.relation in ("is above", "is below") else 3]
        ]
        apart = sign * (drawn.paths[1] - drawn.paths[0])[:, axis]
        assert (apart >= CLEARANCE_PX).all()


def test_the_checker_sees_what_was_drawn_and_what_was_not():
    rng = np.random.default_rng(0)
    for scene, other in zip(held_out_scenes(30), held_out_scenes(32)[2:], strict=True):
        clip = Clip(draw(scene, rng).frames, FPS)
        assert all(check(clip, scene).values())
        assert check(clip, other)["all"] == (scene == other)


# The autoencoder


@pytest.fixture(scope="module")
def drawn_clips() -> np.ndarray:
    rng = np.random.default_rng(0)
    return np.stack([draw(SCENES[index], rng).frames for index in rng.integers(len(SCENES), size=300)])


def test_the_autoencoder_is_the_projection_that_latents_are_made_with(drawn_clips: np.ndarray):
    vae = fit_vae(drawn_clips)
    pixels = torch.from_numpy(drawn_clips[:4]).float().permute(0, 4, 1, 2, 3) / 127.5 - 1
    with torch.no_grad():
        encoded = vae.encode(pixels).latent_dist.mean
        decoded = vae.decode(encoded).sample
    scale = torch.tensor(vae.config.latents_std).view(1, -1, 1, 1, 1)
    torch.testing.assert_close(encoded / scale, Latents(vae).of(drawn_clips[:4]), atol=1e-3, rtol=1e-3)
    assert (decoded - pixels).square().mean() < 4 * 10**-2.9  # 29 dB


# Training


def test_training_attention_computes_what_the_pipeline_computes_with_padded_texts(drawn_clips: np.ndarray):
    torch.manual_seed(0)
    tokenizer, stock, fast = make_tokenizer(), make_transformer().eval(), make_transformer().eval()
    text_encoder = make_text_encoder(len(tokenizer)).eval()
    fast.load_state_dict(stock.state_dict())
    texts, noise = [canonical(SCENES[0]), canonical(SCENES[-1]), ""], torch.randn(3, 16, NUM_FRAMES, 8, 8)
    timestep = torch.tensor([10.0, 500.0, 990.0])
    tokens = tokenizer(texts, padding=True, return_tensors="pt")
    pipeline = make_pipeline(tokenizer, text_encoder, stock, fit_vae(drawn_clips))
    attention = install_training_attention(fast)
    for padded_to in (64, 512):
        attention.set_padding(tokens.attention_mask, padded_to - tokens.attention_mask.sum(1))
        with torch.no_grad():
            padded, _ = pipeline.encode_prompt(texts, do_classifier_free_guidance=False, max_sequence_length=padded_to)
            text = text_encoder(tokens.input_ids, tokens.attention_mask).last_hidden_state
            text = torch.nn.functional.pad(text * tokens.attention_mask[..., None], (0, 0, 0, 1))
            expected = stock(noise, timestep, padded, return_dict=False)[0]
            torch.testing.assert_close(
                fast(noise, timestep, text, return_dict=False)[0], expected, atol=1e-4, rtol=1e-4
            )


def test_training_that_was_stopped_goes_on_as_if_it_had_not_been(tmp_path: Path):
    straight = Trainer(TINY)
    for _ in range(4):
        straight.take_step()
    stopped = Trainer(TINY)
    for _ in range(2):
        stopped.take_step()
    torch.save(stopped.state(), tmp_path / "checkpoint.pt")
    resumed = Trainer(TINY)
    resumed.restore(torch.load(tmp_path / "checkpoint.pt", weights_only=True))
    for _ in range(2):
        resumed.take_step()
    for name, weight in straight.average.items():
        torch.testing.assert_close(resumed.average[name], weight)


def test_a_checkpoint_of_another_recipe_is_refused_but_for_its_length():
    state = Trainer(TINY).state()
    Trainer(replace(TINY, steps=9)).restore(state)
    with pytest.raises(UsageError, match="batch_size 2, not 3: give the same, or use another folder"):
        Trainer(replace(TINY, batch_size=3)).restore(state)
    with pytest.raises(UsageError, match="start None, not 'elsewhere'"):
        Trainer(replace(TINY, start="elsewhere")).restore(state)
    with pytest.raises(UsageError, match="4 steps are done already"):
        Trainer(replace(TINY, steps=3)).restore({**state, "step": 4})


def test_training_starts_with_the_weights_of_the_model_it_is_given():
    trainer = Trainer(TINY)
    trainer.start_from(MODEL_FOLDER)
    shipped: Any = UMT5EncoderModel.from_pretrained(MODEL_FOLDER / "text_encoder", torch_dtype=torch.float32)
    for name, weight in shipped.state_dict().items():
        torch.testing.assert_close(trainer.networks["text_encoder"].state_dict()[name], weight)
        torch.testing.assert_close(trainer.average[f"text_encoder.{name}"], weight)


def test_a_start_that_is_no_model_is_refused_before_anything_is_written(tmp_path: Path):
    with pytest.raises(UsageError, match="no trained pipeline in"):
        train(tmp_path / "run", replace(TINY, start=str(tmp_path / "none")))
    assert not (tmp_path / "run").exists()


def test_training_killed_between_log_and_checkpoint_resumes_to_the_same_model_and_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(training, "WATCHED_SCENES", 2)
    recipe, save = replace(TINY, steps=2, start=str(MODEL_FOLDER)), torch.save
    straight = train(tmp_path / "straight", recipe, every=1)

    def killed_at_step_2(state: dict[str, Any], path: Path) -> None:
        if state["step"] == 2:
            raise KeyboardInterrupt
        save(state, path)

    monkeypatch.setattr(torch, "save", killed_at_step_2)
    with pytest.raises(KeyboardInterrupt):
        train(tmp_path / "killed", recipe, every=1)
    monkeypatch.setattr(torch, "save", save)
    log = tmp_path / "killed" / "log.jsonl"
    assert [json.loads(line)["step"] for line in log.read_text().splitlines()] == [1, 2]
    log.write_text(log.read_text() + '{"step": 3, "lo')
    resumed = train(tmp_path / "killed", recipe, every=1)
    assert [json.loads(line)["step"] for line in log.read_text().splitlines()] == [1, 2]
    for weights in ("transformer", "text_encoder"):
        one, other = (next((model / weights).glob("*.safetensors")).read_bytes() for model in (straight, resumed))
        assert one == other


def test_exporting_replaces_the_model_and_keeps_what_was_written_by_hand(tmp_path: Path):
    trained, shipped = tmp_path / "trained", tmp_path / "shipped"
    shutil.copytree(MODEL_FOLDER, trained, ignore=shutil.ignore_patterns("README.md", "captions.jsonl"))
    (shipped / "vae").mkdir(parents=True)
    (shipped / "vae" / "old.safetensors").touch()
    (shipped / "README.md").write_text("the card")
    export(trained, shipped)
    assert (shipped / "README.md").read_text() == "the card"
    assert (shipped / "model_index.json").read_bytes() == (trained / "model_index.json").read_bytes()
    assert not (shipped / "vae" / "old.safetensors").exists()
    assert len(read_captions(shipped / "captions.jsonl").captions) == 1000
    assert {path.name for path in tmp_path.iterdir()} == {"trained", "shipped"}


def test_exporting_what_is_no_model_leaves_the_shipped_one_as_it_is(tmp_path: Path):
    (tmp_path / "shipped").mkdir()
    (tmp_path / "shipped" / "model_index.json").write_text("{}")
    with pytest.raises(UsageError, match="no trained pipeline"):
        export(tmp_path / "run" / "model", tmp_path / "shipped")
    assert (tmp_path / "shipped" / "model_index.json").read_text() == "{}"


# Evaluation


def test_a_gate_on_a_gain_is_missed_on_a_tie():
    assert not Gate("gain", 0.0, None, 8, above=0.0).passed
    assert Gate("gain", 0.01, None, 8, above=0.0).passed
    assert Gate("share", 0.97, None, 8, at_least=0.97).passed


def test_fluent_english_around_a_caption_names_nothing_that_could_be_drawn():
    said = {word for sentence in FLUENT for word in re.findall(r"\w+", sentence.lower())}
    phrases = (*COLOURS, *SHAPES, *MOTIONS, *RELATIONS, *BACKGROUNDS)
    drawn = {word for phrase in phrases for word in phrase.split()}
    assert not said & (drawn - {"is", "to", "the", "of"})
    assert {"the", "of", "on", "is"} <= said & set(words())


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_evaluation_tells_every_gate_of_the_model_that_ships(tmp_path: Path):
    gates = {gate.name: gate for gate in evaluate(MODEL_FOLDER, 8, 1)}
    for name in (
        "drawn truth: all",
        "VAE round trip: all",
        *(f"canonical: {attribute}" for attribute in (*ATTRIBUTES, "all")),
        *(f"canonical, {kind}: {of}" for kind in ("one thing", "two things") for of in ("count", "all")),
        "canonical above as users type",
        "one canonical above the best of four as typed",
        "canonical above fluent English around it",
        *(f"canonical above {count} unknown words, {length} tokens" for count, length in UNKNOWN_WORDS),
        "memory of the process at most, MB",
        "same clips in two processes",
    ):
        assert gates[name].count >= 1, name
    assert gates["drawn truth: all"].passed
    assert gates["same clips in two processes"].passed
    draw_sheet(tmp_path / "sheet.png", MODEL_FOLDER)
    assert (tmp_path / "sheet.png").stat().st_size > 0


# From scratch


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_training_from_scratch_learns_backgrounds_in_200_steps_and_ends_with_a_model_that_renders(tmp_path: Path):
    model = train(tmp_path / "run", Recipe(steps=200), every=100)
    log = [json.loads(line) for line in (tmp_path / "run" / "log.jsonl").read_text().splitlines()]
    assert [entry["step"] for entry in log] == [100, 200]
    assert log[1]["loss"] < 0.8 * log[0]["loss"]
    assert log[1]["background"] > 0.6
    assert (tmp_path / "run" / "sheet-000200.png").exists()
    export(model, tmp_path / "shipped")
    clip = PocketRenderer(model=tmp_path / "shipped").render(RenderRequest(text=canonical(SCENES[0]), seed=0))
    assert clip.frames.shape == (NUM_FRAMES, SIDE_PX, SIDE_PX, 3)
    assert len(read_captions(tmp_path / "shipped" / "captions.jsonl").captions) == 1000


def test_tags_are_phrases_of_their_caption():
    for scene in SCENES[::1000]:
        row = tagged(scene)
        for phrase in (*row["scenes"], *row["subjects"], *row["actions"]):
            assert phrase in str(row["caption"]).lower()
