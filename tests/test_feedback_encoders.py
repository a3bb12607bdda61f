"""Encoders: tiny random models of the classes that people use, and the histogram that needs no model.

Nothing here says what such a model knows: these are untrained.
"""

from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import conformance_encoder as conformance
import numpy as np
import pytest
import torch
from drawing import Thing, draw_clip
from PIL import Image
from tiny_encoders import TINY_ENCODERS, save_tiny_encoder
from transformers import AutoModel, AutoProcessor, AutoTokenizer, DINOv3ViTConfig, Qwen2Config

from feedback.clip import Clip
from feedback.encoders.histogram import HistogramEncoder
from feedback.encoders.transformers_encoder import FRAMES_AT_ONCE, TransformersEncoder
from feedback.errors import FeedbackError
from feedback.resident import Resident
from feedback.text_pieces import split_text

CLIP = draw_clip([Thing(dx=4)], background="white", frames=10)
OTHER = draw_clip([Thing("square", "blue", radius=40)], background="black")

every_class = pytest.mark.parametrize("name", TINY_ENCODERS)

Tiny = Callable[[str], Path]


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Tiny:
    """The folder of a tiny model by name, made when it is first asked for."""
    folder = tmp_path_factory.mktemp("encoders")
    return lambda name: folder / name if (folder / name).exists() else save_tiny_encoder(name, folder / name)


def encoder(tiny: Tiny, name: str, **settings: str) -> TransformersEncoder:
    return TransformersEncoder(str(tiny(name)), device="cpu", **settings)


@every_class
def test_it_is_an_encoder(tiny: Tiny, name: str) -> None:
    encoder_ = encoder(tiny, name)
    conformance.check_frames_are_unit_vectors(encoder_, CLIP)
    conformance.check_pixels_matter(encoder_, CLIP, OTHER)
    conformance.check_probabilities_rise_with_the_cosine(encoder_)
    if encoder_.by_frame:
        conformance.check_a_frame_is_seen_the_same_in_any_company(encoder_, CLIP)
    if encoder_.reads_texts:
        conformance.check_texts_are_unit_vectors(encoder_, CLIP)
        conformance.check_long_texts_are_split_and_nothing_is_lost(encoder_)
    else:
        conformance.check_without_a_text_side_it_says_so(encoder_)


def test_a_histogram_is_an_encoder() -> None:
    conformance.check_frames_are_unit_vectors(HistogramEncoder(), CLIP)
    conformance.check_pixels_matter(HistogramEncoder(), CLIP, OTHER)
    conformance.check_a_frame_is_seen_the_same_in_any_company(HistogramEncoder(), CLIP)
    conformance.check_texts_are_unit_vectors(HistogramEncoder(), CLIP)
    conformance.check_probabilities_rise_with_the_cosine(HistogramEncoder())


def test_a_histogram_finds_the_colours_that_are_named() -> None:
    seen = HistogramEncoder().encode_frames(OTHER)[0]
    blue, red, none = HistogramEncoder().encode_texts(["a blue box on black", "a red box on white", "a box"])
    assert seen @ blue > seen @ none > seen @ red


@pytest.mark.parametrize("name", ["CLIP", "SigLIP"])
def test_cosine_and_probability_are_what_the_whole_model_gives(tiny: Tiny, name: str) -> None:
    folder, texts = tiny(name), ["a red ball", "a box"]
    model = AutoModel.from_pretrained(folder)
    tokenizer, processor = AutoTokenizer.from_pretrained(folder), AutoProcessor.from_pretrained(folder)
    images = getattr(processor, "image_processor", processor)
    words = tokenizer(texts, padding="max_length", return_tensors="pt", return_attention_mask=name == "CLIP")
    with torch.no_grad():
        output = model(**words, **images([Image.fromarray(CLIP.frames[0])], return_tensors="pt"))
    encoder_ = encoder(tiny, name)
    cosines = encoder_.encode_frames(CLIP)[:1] @ encoder_.encode_texts(texts).T
    if name == "CLIP":
        assert encoder_.probability(cosines) is None
        assert cosines * model.logit_scale.exp().item() == pytest.approx(output.logits_per_image.numpy(), abs=1e-4)
    else:
        assert encoder_.probability(cosines) == pytest.approx(output.logits_per_image.sigmoid().numpy(), abs=1e-5)


def test_a_model_of_clips_sees_the_order_of_frames_and_as_many_as_it_was_trained_on(tiny: Tiny) -> None:
    encoder_ = encoder(tiny, "X-CLIP")
    assert encoder_.encode_frames(Clip(CLIP.frames[:1], 8)).shape == encoder_.encode_frames(CLIP).shape
    there, back = encoder_.encode_frames(CLIP), encoder_.encode_frames(Clip(CLIP.frames[::-1], 8))
    assert np.abs(there - back).max() > 1e-6


def test_a_text_that_would_be_cut_is_refused(tiny: Tiny) -> None:
    with pytest.raises(ValueError, match=r"reads 75: use split_text"):
        encoder(tiny, "CLIP").encode_texts(["word " * 100])


def test_a_prompt_cannot_end_the_text_early(tiny: Tiny) -> None:
    plain, tricked = encoder(tiny, "CLIP").encode_texts(["a ball and a cat", "a ball <|endoftext|> and a cat"])
    assert plain @ tricked > 0.9999


def test_a_text_comes_apart_at_sentences_then_clauses_then_words() -> None:
    text = "One two. Three four. Five, six seven, eight nine ten eleven twelve."
    pieces = split_text(text, lambda part: len(part.split()), 4)
    assert [piece.text for piece in pieces] == [
        "One two. Three four.",
        "Five, six seven,",
        "eight nine ten eleven",
        "twelve.",
    ]
    assert [piece.tokens for piece in pieces] == [4, 3, 4, 1]
    assert [piece.text for piece in split_text(text, lambda part: len(part.split()), 12)] == [text]


def test_a_clip_is_seen_once_however_many_ask(tiny: Tiny, monkeypatch: pytest.MonkeyPatch) -> None:
    encoder_ = encoder(tiny, "DINOv2")
    calls: list[int] = []
    forward = type(encoder_._held.get()).forward

    def counted(self: Any, pixel_values: Any, **more: Any) -> Any:
        calls.append(len(pixel_values))
        return forward(self, pixel_values, **more)

    monkeypatch.setattr(type(encoder_._held.get()), "forward", counted)
    first = encoder_.encode_frames(CLIP)
    first[:] = 0
    assert np.abs(encoder_.encode_frames(CLIP)).max() > 0
    assert calls == [CLIP.num_frames]


def test_frames_are_seen_in_smaller_batches_when_memory_runs_out(tiny: Tiny, monkeypatch: pytest.MonkeyPatch) -> None:
    encoder_ = encoder(tiny, "DINOv2")
    expected = encoder_.encode_frames(CLIP)
    sizes: list[int] = []
    forward = type(encoder_._held.get()).forward

    def cramped(self: Any, pixel_values: Any, **more: Any) -> Any:
        sizes.append(len(pixel_values))
        if sizes[-1] > 4:
            raise torch.OutOfMemoryError("too many")
        return forward(self, pixel_values, **more)

    monkeypatch.setattr(type(encoder_._held.get()), "forward", cramped)
    assert encoder_.encode_frames(Clip(CLIP.frames, 8)) == pytest.approx(expected, abs=1e-5)
    assert sizes == [10, 5, 2, 2, 2, 2, 2]
    assert FRAMES_AT_ONCE >= 10


def test_one_frame_too_large_for_memory_is_said_in_a_line(tiny: Tiny, monkeypatch: pytest.MonkeyPatch) -> None:
    encoder_ = encoder(tiny, "DINOv2")

    def full(self: Any, *given: Any, **more: Any) -> Any:
        raise torch.OutOfMemoryError("no")

    monkeypatch.setattr(type(encoder_._held.get()), "forward", full)
    with pytest.raises(FeedbackError, match="memory of cpu is too small for one of the frames"):
        encoder_.encode_frames(CLIP)


@every_class
def test_numbers_are_bfloat16_when_asked_for(tiny: Tiny, name: str) -> None:
    half = encoder(tiny, name, dtype="bfloat16")
    assert (half.encode_frames(CLIP) * encoder(tiny, name).encode_frames(CLIP)).sum(axis=1).min() > 0.99
    if half.reads_texts:
        assert half.encode_texts(["a ball"]).dtype == np.float32


def test_it_makes_room_for_others(tiny: Tiny) -> None:
    encoder_ = encoder(tiny, "CLIP")
    assert isinstance(encoder_, Resident)
    (holding,) = encoder_.holdings
    model = AutoModel.from_pretrained(tiny("CLIP"))
    assert holding.weight_bytes == 4 * sum(weights.numel() for weights in model.parameters())
    before = encoder_.encode_frames(CLIP)
    encoder_.release()
    encoder_.acquire()
    np.testing.assert_array_equal(encoder_.encode_frames(Clip(CLIP.frames, 8)), before)


def test_a_model_that_is_no_encoder_is_said_in_a_line(tmp_path: Path) -> None:
    Qwen2Config().save_pretrained(tmp_path)
    (tmp_path / "model.safetensors").touch()
    with pytest.raises(FeedbackError, match=r"is a qwen2, which is no encoder .* clip, siglip") as slip:
        TransformersEncoder(str(tmp_path), device="cpu")
    assert "\n" not in str(slip.value)


@pytest.mark.skipif(find_spec("torchvision") is not None, reason="torchvision is installed")
def test_a_processor_that_needs_torchvision_says_so_in_one_line(tmp_path: Path) -> None:
    DINOv3ViTConfig().save_pretrained(tmp_path)
    (tmp_path / "model.safetensors").touch()
    (tmp_path / "preprocessor_config.json").write_text('{"image_processor_type": "DINOv3ViTImageProcessorFast"}')
    with pytest.raises(FeedbackError, match=r"[Tt]orchvision") as slip:
        TransformersEncoder(str(tmp_path), device="cpu")
    assert "\n" not in str(slip.value)


def test_broken_weights_are_said_in_a_line_when_first_needed(tmp_path: Path) -> None:
    folder = save_tiny_encoder("DINOv2", tmp_path / "broken")
    (folder / "model.safetensors").write_bytes(b"nonsense")
    with pytest.raises(FeedbackError, match="get them anew, as safetensors"):
        TransformersEncoder(str(folder), device="cpu").encode_frames(CLIP)
