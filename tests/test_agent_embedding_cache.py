"""Texts are encoded once, and no pixel changes by it, over tiny random pipelines of the real classes."""

import numpy as np
import pytest
import torch
from tiny_pipelines import ARGUMENTS, QUIET, SMALL, TINY, save_tiny
from torch.nn.modules.module import register_module_forward_hook

from agent.renderers.diffusers_t2v import DiffusersRenderer
from agent.renderers.embedding_cache import EmbeddingCache

pytestmark = QUIET

OTHER_SEED = SMALL.model_copy(update={"seed": 2})
OTHER_TEXT = SMALL.model_copy(update={"text": "two blue squares stay still"})
ENCODERS = {
    "T5EncoderModel",
    "UMT5EncoderModel",
    "LlamaModel",
    "CLIPTextModel",
    "Gemma2Model",
    "Gemma3Model",
    "Qwen2_5_VLTextModel",
}
HEAVY = {"HunyuanVideo15Pipeline": [pytest.mark.slow]}


@pytest.fixture
def encoded():
    """One entry for each time that a text encoder ran."""
    runs: list[str] = []

    def note(module, inputs, outputs):
        if type(module).__name__ in ENCODERS:
            runs.append(type(module).__name__)

    hook = register_module_forward_hook(note)
    yield runs
    hook.remove()


@pytest.mark.parametrize("class_name", [pytest.param(name, marks=HEAVY.get(name, [])) for name in TINY])
def test_a_text_is_encoded_once_for_all_its_seeds_and_no_pixel_changes(class_name, tmp_path, encoded, monkeypatch):
    folder, arguments = save_tiny(class_name, tmp_path / "model"), ARGUMENTS.get(class_name)
    with monkeypatch.context() as patched:
        patched.setattr(EmbeddingCache, "attach", lambda self, pipeline: None)
        forgetful = DiffusersRenderer(folder, device="cpu", arguments=arguments)
        expected = [forgetful.render(request).frames for request in (SMALL, OTHER_SEED, OTHER_TEXT, SMALL)]
    runs_a_clip = len(encoded) // 4
    encoded.clear()
    renderer = DiffusersRenderer(folder, device="cpu", arguments=arguments)
    frames, runs = [], []
    for request in (SMALL, OTHER_SEED, OTHER_TEXT, SMALL):
        frames.append(renderer.render(request).frames)
        runs.append(len(encoded))
        encoded.clear()
    assert all(map(np.array_equal, frames, expected))
    assert (runs[0], runs[1], runs[3]) == (runs_a_clip, 0, 0)
    assert runs_a_clip > 0
    assert runs[2] > 0


def test_an_unchanged_negative_prompt_is_encoded_once_for_all_texts(tmp_path, encoded):
    renderer = DiffusersRenderer(save_tiny("WanPipeline", tmp_path / "model"), device="cpu")
    runs = []
    for text in ("a red circle", "a blue square", "a green triangle"):
        renderer.render(SMALL.model_copy(update={"text": text, "negative": "blurred"}))
        runs.append(len(encoded))
    assert runs == [2, 3, 4]


class Encoder:
    """Encodes as a pipeline does, by counting."""

    def __init__(self):
        self.asked = 0

    def encode_prompt(self, prompt, scale=1, embeds=None):
        self.asked += 1
        return torch.full((4,), float(self.asked)), None

    @classmethod
    def remembered(cls, kept_bytes=1000):
        encoder = cls()
        EmbeddingCache(kept_bytes).attach(encoder)
        return encoder


def test_what_is_returned_can_be_changed_without_changing_what_is_kept():
    encoder = Encoder.remembered()
    for _ in range(3):
        embeds, negative = encoder.encode_prompt(["a cat"])
        assert embeds.tolist() == [1.0] * 4
        assert negative is None
        embeds.zero_()


def test_every_argument_counts():
    encoder = Encoder.remembered()
    for arguments in ({"scale": 1}, {"scale": 2}, {"scale": True}, {"scale": [1]}, {"scale": {"by": 1}}):
        for _ in range(2):
            encoder.encode_prompt("a cat", **arguments)
    assert encoder.asked == 5


def test_embeddings_that_are_given_are_passed_through():
    encoder = Encoder.remembered()
    for _ in range(2):
        encoder.encode_prompt(None, embeds=torch.ones(4))
    assert encoder.asked == 2


def test_the_longest_unused_text_goes_when_the_room_is_full():
    encoder = Encoder.remembered(kept_bytes=2 * 16)
    for text in ("a", "b", "a", "c", "a", "b"):  # "c" drives out "b", for "a" was asked for since.
        encoder.encode_prompt(text)
    assert encoder.asked == 4


def test_a_text_larger_than_the_room_is_encoded_each_time_and_drives_nothing_out():
    encoder = Encoder.remembered(kept_bytes=15)
    for _ in range(2):
        encoder.encode_prompt("a cat")
    assert encoder.asked == 2
