"""What a pipeline holds of its device's memory, and how it does with less, over tiny random pipelines."""

import numpy as np
import pytest
import torch
from diffusers import AutoencoderKLWan, DiffusionPipeline, WanTransformer3DModel
from tiny_pipelines import QUIET, SMALL, TINY, save_tiny

from agent.errors import UsageError
from agent.plan import peak_weight_bytes
from agent.renderers.diffusers_t2v import DiffusersRenderer
from agent.renderers.placement import Placement
from feedback.resident import Holding, Resident

pytestmark = QUIET


@pytest.fixture(scope="module")
def wan_folder(tmp_path_factory):
    return save_tiny("WanPipeline", tmp_path_factory.mktemp("wan"))


class Fits:
    """Fails for lack of memory until it was asked `failures` times."""

    def __init__(self, monkeypatch, owner, method, failures):
        real = getattr(owner, method)

        def call(*args, **kwargs):
            self.asked += 1
            if self.asked <= failures:
                raise torch.OutOfMemoryError("no room")
            return real(*args, **kwargs)

        self.asked = 0
        monkeypatch.setattr(owner, method, call)


@pytest.fixture
def loads(monkeypatch):
    """Where `from_pretrained` was called."""
    made: list[str] = []
    real = DiffusionPipeline.from_pretrained.__func__

    def load(cls, location, **settings):
        made.append(location)
        return real(cls, location, **settings)

    monkeypatch.setattr(DiffusionPipeline, "from_pretrained", classmethod(load))
    return made


def about_equal(one, other):
    """Up to the rounding of a pixel: moved weights lie otherwise in memory, and kernels sum in another order."""
    return np.abs(one.astype(int) - other).max() <= 1


# The ladder


def test_a_render_that_does_not_fit_goes_down_the_whole_ladder_with_one_load(wan_folder, loads, monkeypatch, caplog):
    plain = DiffusersRenderer(wan_folder, device="cpu").render(SMALL)
    loads.clear()
    Fits(monkeypatch, AutoencoderKLWan, "decode", failures=3)
    counted: list[int] = []
    renderer = DiffusersRenderer(wan_folder, device="cpu")
    clip = renderer.render(SMALL, lambda done, _: counted.append(done))
    assert about_equal(clip.frames, plain.frames)  # A clip this small is a single tile.
    assert counted == [1, 2] * 4
    assert [record.message.split(": ")[1] for record in caplog.records if record.name.startswith("agent")] == [
        "trying again with offload model",
        "trying again with offload model, decoding in tiles",
        "trying again with offload group, decoding in tiles",
    ]
    assert about_equal(renderer.render(SMALL).frames, plain.frames)
    assert loads == [str(wan_folder)]


def test_a_render_that_never_fits_says_what_to_lower_and_the_next_one_may_fit(wan_folder, loads, monkeypatch):
    attempts = Fits(monkeypatch, WanTransformer3DModel, "forward", failures=4)
    renderer = DiffusersRenderer(wan_folder, device="cpu")
    with pytest.raises(MemoryError, match=r"9 frames of 32 x 32 do not fit .* lower num_frames"):
        renderer.render(SMALL)
    assert attempts.asked == 4
    assert renderer.render(SMALL).num_frames == 9
    assert len(loads) == 1


def test_tiles_come_with_slices(wan_folder):
    pipeline = DiffusionPipeline.from_pretrained(wan_folder)
    placement = Placement(torch.device("cpu"), "model")
    assert placement.step_down(pipeline)
    assert pipeline.vae.use_tiling
    assert pipeline.vae.use_slicing


def test_lack_of_memory_in_the_step_callback_is_the_caller_s(wan_folder):
    def fail(done: int, total: int) -> None:
        raise torch.OutOfMemoryError("the caller's own")

    with pytest.raises(torch.OutOfMemoryError, match="the caller's own"):
        DiffusersRenderer(wan_folder, device="cpu").render(SMALL, fail)


@pytest.mark.parametrize("settings", [{"offload": "model"}, {"offload": "group"}, {"vae_tiling": True}])
def test_saving_memory_does_not_change_a_small_clip(wan_folder, settings):
    plain = DiffusersRenderer(wan_folder, device="cpu").render(SMALL)
    saving = DiffusersRenderer(wan_folder, device="cpu", **settings).render(SMALL)
    assert about_equal(plain.frames, saving.frames)


# Making room for others


class Recorded:
    """Stands for a pipeline on a device that this machine lacks: notes what is done to it."""

    def __init__(self):
        self.done = []

    def to(self, place, **_):
        self.done.append(str(place))

    def enable_model_cpu_offload(self, device):
        self.done.append(f"offload to {device}")

    def maybe_free_model_hooks(self):
        self.done.append("hooks freed")

    def remove_all_hooks(self):
        self.done.append("hooks off")


@pytest.fixture
def no_device(monkeypatch):
    monkeypatch.setattr("agent.renderers.placement.free_cached_memory", lambda device: None)


@pytest.mark.usefixtures("no_device")
def test_what_was_vacated_comes_back_when_it_is_used():
    pipeline, placement = Recorded(), Placement(torch.device("cuda:0"))
    placement.settle(pipeline)
    placement.settle(pipeline)
    assert pipeline.done == ["cuda:0"]
    placement.vacate(pipeline)
    placement.settle(pipeline)
    assert pipeline.done == ["cuda:0", "cpu", "cuda:0"]


@pytest.mark.usefixtures("no_device")
def test_a_pipeline_that_is_offloaded_anyway_is_not_moved_but_its_last_part_goes():
    pipeline, placement = Recorded(), Placement(torch.device("cuda:0"), "model")
    placement.settle(pipeline)
    placement.vacate(pipeline)
    placement.settle(pipeline)
    assert pipeline.done == ["offload to cuda:0", "hooks freed"]


@pytest.mark.usefixtures("no_device")
def test_a_step_down_leaves_the_device_before_the_next_offload_is_set():
    pipeline, placement = Recorded(), Placement(torch.device("cuda:0"))
    placement.settle(pipeline)
    placement.step_down(pipeline)
    placement.settle(pipeline)
    assert pipeline.done == ["cuda:0", "hooks off", "cpu", "offload to cuda:0"]


def test_an_offload_that_can_not_be_set_is_one_clear_line(wan_folder, monkeypatch):
    def fail(*_, **__):
        raise ImportError("`enable_model_cpu_offload` requires `accelerate`")

    monkeypatch.setattr(DiffusionPipeline, "enable_model_cpu_offload", fail)
    with pytest.raises(UsageError, match=r"can't be put on cpu with offload 'model' .*: use another offload"):
        DiffusersRenderer(wan_folder, device="cpu", offload="model").render(SMALL)


def test_a_renderer_can_be_released_and_acquired_at_any_time_without_a_load(wan_folder, loads):
    renderer = DiffusersRenderer(wan_folder, device="cpu")
    assert isinstance(renderer, Resident)
    renderer.acquire()
    renderer.release()
    assert loads == []
    before = renderer.render(SMALL).frames
    renderer.release()
    renderer.release()
    renderer.acquire()
    assert np.array_equal(renderer.render(SMALL).frames, before)
    assert len(loads) == 1


# What it holds


def weigh(part):
    """Weights of a part, each once: text encoders tie their embeddings, and save them once."""
    weights = {id(weight): weight for weight in part.state_dict(keep_vars=True).values()}.values()
    return sum(weight.numel() for weight in weights if weight.is_floating_point())


@pytest.mark.parametrize("class_name", [name for name in TINY if name != "HunyuanVideo15Pipeline"])
def test_what_it_will_hold_is_what_loading_holds(class_name, tmp_path, loads):
    folder = save_tiny(class_name, tmp_path / "model")
    renderer = DiffusersRenderer(folder, device="cpu", dtype="bfloat16")
    told = {holding.model.removeprefix(f"{folder}/"): holding.weight_bytes for holding in renderer.holdings}
    assert loads == []
    pipeline = DiffusionPipeline.from_pretrained(folder, dtype=torch.float32)
    parts = {name: part for name, part in pipeline.components.items() if isinstance(part, torch.nn.Module)}
    in_float32 = {"vae"} if class_name.startswith(("Wan", "SkyReels")) else set()
    assert told == {name: weigh(part) * (4 if name in in_float32 else 2) for name, part in parts.items()}


def test_what_is_on_the_device_at_a_time_is_all_or_the_largest_part_or_unknown(wan_folder):
    parts = [Holding("text", "cuda:0", 11), Holding("draws", "cuda:0", 5), Holding("decodes", "cuda:0", 1)]
    assert peak_weight_bytes(parts, "none") == 17
    assert peak_weight_bytes(parts, "model") == 11
    assert peak_weight_bytes(parts, "group") is None
    assert peak_weight_bytes([*parts, Holding("new", "cuda:0", None, "no safetensors")], "none") is None
    assert peak_weight_bytes([], "none") is None
    renderer = DiffusersRenderer(wan_folder, device="cpu")
    assert peak_weight_bytes(renderer.holdings, "none") == sum(holding.weight_bytes for holding in renderer.holdings)
