"""Models of this process: their size without loading them, loading them once, making room."""

import json
import threading

import pytest
import torch
from serve import build_tiny_chat_model

from feedback.errors import FeedbackError
from feedback.held_model import HeldModel
from feedback.model_size import UnknownSizeError, count_parameters
from feedback.pretrained import find_pretrained
from feedback.resident import Resident
from feedback.torch_models import find_device, find_dtype


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return build_tiny_chat_model(tmp_path_factory.mktemp("chat"))


def load(folder):
    from transformers import AutoModelForCausalLM

    return AutoModelForCausalLM.from_pretrained(folder)


def held(folder, device="cpu", make=None):
    made = make or (lambda: load(folder))
    return HeldModel(find_pretrained(str(folder)), torch.device(device), torch.bfloat16, made)


def test_parameters_are_counted_as_loading_would(folder):
    assert count_parameters(str(folder)) == sum(weights.numel() for weights in load(folder).parameters())


def test_shards_are_counted_together(folder, tmp_path):
    model = load(folder)
    model.save_pretrained(tmp_path, max_shard_size="20KB")
    assert len(list(tmp_path.glob("model-*.safetensors"))) > 1
    assert count_parameters(str(tmp_path)) == count_parameters(str(folder))


@pytest.mark.parametrize("content", [b"", b"\xff" * 20, b"\x02" + b"\0" * 7 + b"{]"])
def test_files_that_are_no_safetensors_have_no_size(tmp_path, content):
    (tmp_path / "model.safetensors").write_bytes(content)
    with pytest.raises(UnknownSizeError, match="can't be read"):
        count_parameters(str(tmp_path))


def test_a_folder_without_weights_has_no_size(tmp_path):
    with pytest.raises(UnknownSizeError, match="holds no safetensors"):
        count_parameters(str(tmp_path), part="vae")


def test_what_it_will_hold_is_known_before_it_is_loaded(folder):
    model = held(folder, make=lambda: pytest.fail("it was loaded"))
    assert isinstance(model, Resident)
    (holding,) = model.holdings
    assert (holding.model, holding.place) == (str(folder), "cpu")
    assert holding.weight_bytes == 2 * count_parameters(str(folder))


def test_it_is_loaded_once_however_many_ask(folder):
    loads = []

    def make():
        loads.append(threading.get_ident())
        return object()

    model = held(folder, make=make)
    threads = [threading.Thread(target=model.get) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(loads) == 1


class Recorded:
    """Stands for weights: notes where they are moved."""

    def __init__(self):
        self.moves = []

    def to(self, place):
        self.moves.append(str(place))


def test_released_it_waits_on_the_cpu_and_comes_back_when_it_is_used(folder, monkeypatch):
    monkeypatch.setattr("feedback.held_model.free_cached_memory", lambda device: None)
    weights = Recorded()
    model = held(folder, "cuda:0", make=lambda: weights)
    model.release()
    model.acquire()
    assert weights.moves == []
    model.get()
    model.release()
    model.release()
    assert weights.moves == ["cpu"]
    assert model.get() is weights
    model.acquire()
    assert weights.moves == ["cpu", "cuda:0"]


def test_on_the_cpu_there_is_nothing_to_make_room_for(folder):
    weights = Recorded()
    model = held(folder, make=lambda: weights)
    model.get()
    model.release()
    assert weights.moves == []


@pytest.mark.parametrize("name", ["gpu", "meta", "cuda:99"])
def test_a_device_that_is_not_there_is_one_clear_line(name):
    with pytest.raises(FeedbackError, match="the device is"):
        find_device(name)


def test_a_dtype_that_is_none_lists_the_known_ones():
    with pytest.raises(FeedbackError, match="auto, bfloat16, float16, float32"):
        find_dtype("half", torch.device("cpu"))


def test_a_model_that_is_nowhere_is_one_clear_line(tmp_path):
    with pytest.raises(FeedbackError, match="check its name"):
        find_pretrained("nobody/no-such-model")
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "qwen2"}))
    with pytest.raises(FeedbackError, match=r"no \*\.safetensors"):
        find_pretrained(str(tmp_path))
