"""The zero-shot detector on tiny random models of the classes that people use.

Nothing here says how well such a model finds things: these are untrained.
"""

from collections.abc import Callable
from functools import cache
from itertools import combinations
from pathlib import Path
from typing import Any

import conformance_detector
import conformance_feedback_source
import numpy as np
import pytest
import torch
from drawing import Thing, draw_clip
from PIL import Image
from tiny_detectors import TINY_DETECTORS, save_tiny_detector
from transformers import AutoModelForZeroShotObjectDetection, AutoProcessor, Qwen2Config

from feedback.checklist import make_checklist
from feedback.clip import Clip
from feedback.detector import Detection
from feedback.detectors.queries import query_for
from feedback.detectors.zero_shot import FRAMES_AT_ONCE, ZeroShotDetector
from feedback.errors import FeedbackError
from feedback.geometry import Box
from feedback.resident import Resident
from feedback.sources.spatial import SpatialSource

CLIP = draw_clip([Thing(dx=4, x=40, y=30)], frames=5, size=(128, 64))
OTHER = draw_clip([Thing("square", "blue", radius=40)], frames=5, size=(128, 64), background="white")
LOW = {"OWL-ViT": 0.2, "OWLv2": 0.15, "Grounding DINO": 1e-5, "MM Grounding DINO": 0.001}
"""A threshold that random weights get over."""

every_class = pytest.mark.parametrize("name", TINY_DETECTORS)
owls = pytest.mark.parametrize("name", ["OWL-ViT", "OWLv2"])

Tiny = Callable[[str], Path]
Shared = Callable[[str], ZeroShotDetector]


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Tiny:
    """The folder of a tiny model by name, made when it is first asked for."""
    folder = tmp_path_factory.mktemp("detectors")
    return lambda name: folder / name if (folder / name).exists() else save_tiny_detector(name, folder / name)


def detector(tiny: Tiny, name: str, **settings: Any) -> ZeroShotDetector:
    return ZeroShotDetector(str(tiny(name)), device="cpu", **({"threshold": LOW[name]} | settings))


@pytest.fixture(scope="module")
def shared(tiny: Tiny) -> Shared:
    """A detector by name for tests that leave it as it is, loaded once."""
    return cache(lambda name: detector(tiny, name))


def figures(frames: list[list[Detection]]) -> np.ndarray:
    """All boxes and confidences, one row a detection."""
    return np.array([[t, *found.box, found.confidence] for t, frame in enumerate(frames) for found in frame])


@every_class
def test_it_is_a_detector(shared: Shared, name: str) -> None:
    detector_ = shared(name)
    conformance_detector.check_one_list_a_frame(detector_, CLIP, "red ball")
    conformance_detector.check_boxes_lie_in_the_frame(detector_, CLIP, "red ball")
    conformance_detector.check_unknown_labels_are_named_and_never_reported(detector_, CLIP, "red ball", "night")
    assert detector_.detect(CLIP, ["red ball"]) == detector_.detect(CLIP, ["red ball"])


@every_class
def test_all_frames_in_one_pass_show_what_each_shows_alone(shared: Shared, name: str) -> None:
    detector_ = shared(name)
    labels = ["red ball", "box"]
    alone = [detector_.detect(Clip(CLIP.frames[t : t + 1], 8), labels)[0] for t in range(CLIP.num_frames)]
    assert figures(detector_.detect(CLIP, labels)) == pytest.approx(figures(alone), abs=1e-3)


@every_class
def test_pixels_and_label_matter(shared: Shared, name: str) -> None:
    detector_ = shared(name)

    def surest(clip: Clip, label: str) -> float:
        return max(found.confidence for found in detector_.detect(clip, [label])[0])

    assert abs(surest(CLIP, "red ball") - surest(OTHER, "red ball")) > 1e-4
    assert abs(surest(CLIP, "red ball") - surest(CLIP, "cat")) > 1e-4


def overlap(first: Box, second: Box) -> float:
    """Intersection over union."""
    wide = min(first[2], second[2]) - max(first[0], second[0])
    tall = min(first[3], second[3]) - max(first[1], second[1])
    both = max(0.0, wide) * max(0.0, tall)
    areas = sum((box[2] - box[0]) * (box[3] - box[1]) for box in (first, second))
    return both / (areas - both)


@owls
def test_it_finds_what_transformers_finds_but_one_box_a_thing(tiny: Tiny, shared: Shared, name: str) -> None:
    folder, queries = tiny(name), ["a red ball", "a cat"]
    processor = AutoProcessor.from_pretrained(folder)
    model = AutoModelForZeroShotObjectDetection.from_pretrained(folder)
    inputs = processor(text=[queries], images=[Image.fromarray(CLIP.frames[0])], return_tensors="pt")
    with torch.no_grad():
        output = model(**inputs)
    (theirs,) = processor.post_process_grounded_object_detection(
        output, threshold=LOW[name], target_sizes=[(CLIP.height, CLIP.width)], text_labels=[queries]
    )
    edges = [CLIP.width, CLIP.height, CLIP.width, CLIP.height]
    rows = zip(theirs["text_labels"], theirs["boxes"].numpy().clip(0, edges), theirs["scores"].tolist(), strict=True)
    raw = [Detection(label, tuple(box.tolist()), score) for label, box, score in rows if min(box[2:] - box[:2]) >= 1]
    (ours,) = shared(name).detect(Clip(CLIP.frames[:1], CLIP.fps), queries)

    for found in ours:
        assert any(
            found.label == other.label
            and found.box == pytest.approx(other.box, abs=1e-3)
            and found.confidence == pytest.approx(other.confidence, abs=1e-5)
            for other in raw
        )
    for other in raw:
        better = [one for one in ours if one.label == other.label and one.confidence >= other.confidence - 1e-6]
        assert any(overlap(one.box, other.box) > 0.5 - 1e-4 for one in better)
    assert all(overlap(a.box, b.box) <= 0.5 + 1e-4 for a, b in combinations(ours, 2) if a.label == b.label)
    if name == "OWLv2":
        assert len(ours) < len(raw)


@pytest.mark.parametrize("name", ["Grounding DINO", "MM Grounding DINO"])
def test_the_confidence_is_the_mean_over_the_tokens_of_the_labels_words(tiny: Tiny, shared: Shared, name: str) -> None:
    folder = tiny(name)
    processor = AutoProcessor.from_pretrained(folder)
    model = AutoModelForZeroShotObjectDetection.from_pretrained(folder)
    text = "a red ball. a box."  # [CLS] a red ball . a box . [SEP]
    inputs = processor(text=[text], images=[Image.fromarray(CLIP.frames[0])], return_tensors="pt")
    with torch.no_grad():
        odds = model(**inputs).logits[0].sigmoid()
    fits = torch.stack([odds[:, [2, 3]].mean(-1), odds[:, 6]], dim=-1)
    found = shared(name).detect(Clip(CLIP.frames[:1], 8), ["two red balls", "box"])[0]
    assert max(one.confidence for one in found) == pytest.approx(float(fits.max()), abs=1e-5)
    for one in found:
        place = ["two red balls", "box"].index(one.label)
        nearest = fits[(fits[:, place] - one.confidence).abs().argmin()]
        assert one.confidence == pytest.approx(float(nearest[place]), abs=1e-5)
        assert nearest.argmax() == place


@every_class
def test_every_detection_is_one_of_the_asked_labels_in_the_persons_words(shared: Shared, name: str) -> None:
    labels = ["Two Red Balls", "the box", "a red ball", "night"]
    frames = shared(name).detect(CLIP, labels)
    assert {found.label for frame in frames for found in frame} <= set(labels[:3])
    for frame in frames:
        balls, ball = ([f.box for f in frame if f.label == label] for label in ("Two Red Balls", "a red ball"))
        assert balls == ball


@pytest.mark.parametrize(
    ("label", "query"),
    [
        ("two red balls", "a red ball"),
        ("exactly three people", "a person"),
        ("a pair of dogs", "a dog"),
        ("women with umbrellas", "a woman with umbrellas"),
        ("herd of sheep", "a herd of sheep"),
        ("orange box", "an orange box"),
        ("water", "water"),
        ("Sunglasses", "sunglasses"),
        ("café", "a café"),
        *((label, None) for label in ("", "🙂", "3", "it", "the background", "night", "the left side", "猫", "кошка")),
    ],
)
def test_a_label_is_looked_for_as_one_such_thing(label: str, query: str | None) -> None:
    assert query_for(label) == query


@every_class
def test_a_label_that_is_too_long_to_be_read_whole_is_unknown(shared: Shared, name: str) -> None:
    label = " ".join(["red"] * 60) + " ball"
    assert shared(name).unknown([label, "red ball"]) == [label]


def test_a_word_that_the_tokenizer_does_not_know_is_unknown(shared: Shared) -> None:
    assert shared("Grounding DINO").unknown(["ball", "ball 7", "þorn"]) == ["ball 7", "þorn"]


def test_more_things_than_fit_into_one_text_are_refused_in_a_line(shared: Shared) -> None:
    labels = [f"{first}{second}" for first in "abcd" for second in "efghi"]
    with pytest.raises(FeedbackError, match=r"20 things to look for are 82 tokens; .* reads 48"):
        shared("Grounding DINO").detect(CLIP, labels)


@every_class
def test_frames_are_seen_in_smaller_batches_when_memory_runs_out(
    tiny: Tiny, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    detector_ = detector(tiny, name)
    expected = figures(detector_.detect(CLIP, ["cat"]))
    sizes: list[int] = []
    forward = type(detector_._held.get()).forward

    def cramped(self: Any, **inputs: Any) -> Any:
        sizes.append(len(inputs["pixel_values"]))
        if sizes[-1] > 2:
            raise torch.OutOfMemoryError("too many")
        return forward(self, **inputs)

    monkeypatch.setattr(type(detector_._held.get()), "forward", cramped)
    assert figures(detector_.detect(CLIP, ["cat"])) == pytest.approx(expected, abs=1e-3)
    assert sizes == [5, 2, 2, 1]
    assert FRAMES_AT_ONCE >= 5


@every_class
def test_numbers_are_bfloat16_when_asked_for(tiny: Tiny, name: str) -> None:
    assert detector(tiny, name, dtype="bfloat16", threshold=1e-6).detect(CLIP, ["red ball"])[0]


@every_class
def test_it_is_loaded_once_at_its_first_use_and_makes_room(
    tiny: Tiny, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    loads: list[Any] = []
    load = AutoModelForZeroShotObjectDetection.from_pretrained
    monkeypatch.setattr(
        AutoModelForZeroShotObjectDetection,
        "from_pretrained",
        lambda *args, **settings: loads.append(settings) or load(*args, **settings),
    )
    detector_ = detector(tiny, name)
    assert isinstance(detector_, Resident)
    assert detector_.holdings[0].weight_bytes
    detector_.release()
    assert not loads
    before = detector_.detect(CLIP, ["red ball"])
    detector_.release()
    detector_.acquire()
    assert detector_.detect(CLIP, ["red ball"]) == before
    assert [settings["use_safetensors"] for settings in loads] == [True]


@every_class
def test_the_spatial_source_runs_over_it(shared: Shared, name: str) -> None:
    detector_ = shared(name)
    source = SpatialSource(detector_)
    conformance_feedback_source.check_it_signs_its_feedback(source, CLIP)
    conformance_feedback_source.check_verdicts_answer_questions_of_the_checklist(source, CLIP)
    prompt = "two red balls"
    feedback = source.assess(CLIP, prompt, make_checklist(prompt))
    counts = [len(frame) for frame in detector_.detect(CLIP, ["red balls"])]
    assert feedback.score.value == pytest.approx(sum(count == 2 for count in counts) / CLIP.num_frames)


def test_thresholds_are_the_familys_own_unless_given(tiny: Tiny) -> None:
    assert detector(tiny, "OWLv2", threshold=None).threshold == 0.1
    assert detector(tiny, "Grounding DINO", threshold=None).threshold == 0.25
    for wrong in (0, 1.5, float("nan")):
        with pytest.raises(FeedbackError, match="must lie between 0 and 1"):
            detector(tiny, "OWLv2", threshold=wrong)


def test_a_model_that_is_no_detector_is_said_in_a_line(tmp_path: Path) -> None:
    Qwen2Config().save_pretrained(tmp_path)
    (tmp_path / "model.safetensors").touch()
    with pytest.raises(FeedbackError, match=r"is a qwen2, which is no detector .* owlvit, owlv2") as slip:
        ZeroShotDetector(str(tmp_path), device="cpu")
    assert "\n" not in str(slip.value)
