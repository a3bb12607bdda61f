"""The consistency source: does the clip stay the same thing, to an encoder."""

from pathlib import Path
from typing import Any

import conformance_feedback_source as conformance
import numpy as np
import pytest
from drawing import Thing, draw_clip
from tiny_encoders import save_tiny_encoder

from feedback.clip import Clip
from feedback.combine import combine_feedback
from feedback.encoders.histogram import HistogramEncoder
from feedback.encoders.transformers_encoder import TransformersEncoder
from feedback.errors import FeedbackError
from feedback.records import Feedback
from feedback.resident import Resident
from feedback.sources.consistency import ConsistencySource
from feedback.sources.similarity import SimilaritySource

STEADY = draw_clip([Thing(dx=2)], background="white", frames=6)
OTHER = draw_clip([Thing("square", "blue", radius=60)], background="black", frames=6)
BROKEN = Clip(np.concatenate([STEADY.frames[:4], OTHER.frames[4:]]), 8)


def assess(clip: Clip, encoder: Any = None) -> Feedback:
    return ConsistencySource(encoder or HistogramEncoder()).assess(clip, "a red ball", [])


class Turned(HistogramEncoder):
    """Sees every frame at the angle, in degrees, that it is told."""

    def __init__(self, *degrees: float):
        self.degrees = np.radians(degrees)

    def encode_frames(self, clip: Clip) -> np.ndarray:
        return np.stack([np.cos(self.degrees), np.sin(self.degrees)], axis=1).astype(np.float32)


@pytest.fixture(scope="module")
def dino(tmp_path_factory: pytest.TempPathFactory) -> TransformersEncoder:
    return TransformersEncoder(str(save_tiny_encoder("DINOv2", tmp_path_factory.mktemp("tiny") / "dino")), device="cpu")


def test_it_is_a_feedback_source(dino: TransformersEncoder) -> None:
    for source in (ConsistencySource(HistogramEncoder()), ConsistencySource(dino)):
        conformance.check_it_signs_its_feedback(source, STEADY)
        conformance.check_scores_are_shares_or_have_a_reason(source, STEADY)
        conformance.check_verdicts_answer_questions_of_the_checklist(source, STEADY)
        conformance.check_it_repeats_itself(source, STEADY)
        conformance.check_feedback_is_json_plain(source, BROKEN)


def test_it_is_vbenchs_rule() -> None:
    feedback = assess(Clip(STEADY.frames[:4], 8), Turned(0, 60, 60, 120))
    to_last, to_first = [0.5, 1.0, 0.5], [0.5, 0.5, 0.0]  # The cosine of 120 degrees, -0.5, counts 0.
    assert feedback.score.value == pytest.approx(np.mean([to_last, to_first]), abs=1e-6)


def test_a_clip_that_breaks_is_less_consistent_and_the_place_is_named(dino: TransformersEncoder) -> None:
    for encoder in (HistogramEncoder(), dino):
        steady, broken = assess(STEADY, encoder), assess(BROKEN, encoder)
        assert steady.critique == ""
        assert broken.score.value < steady.score.value - 0.1
        assert broken.critique == "what is seen changes abruptly at frame 4 (0.5 s)"
        assert broken.evidence["worst_frame"] == 4


def test_a_clip_that_drifts_away_slowly_is_told_from_one_that_breaks() -> None:
    feedback = assess(Clip(STEADY.frames[:5], 8), Turned(0, 20, 40, 60, 80))
    assert feedback.critique == "what is seen drifts away from the beginning, from frame 3 (0.4 s) on"


def test_a_clip_that_stands_still_is_wholly_consistent(dino: TransformersEncoder) -> None:
    still = Clip(np.repeat(STEADY.frames[:1], 5, axis=0), 8)
    assert assess(still, dino).score.value == pytest.approx(1.0, abs=1e-5)


def test_one_frame_is_not_scored() -> None:
    assert "one frame" in assess(Clip(STEADY.frames[:1], 8)).score.why


def test_it_says_nothing_of_the_prompt() -> None:
    assert combine_feedback([assess(STEADY)], []).overall is None


def test_an_encoder_of_whole_clips_is_refused_in_a_line(tmp_path: Path) -> None:
    xclip = TransformersEncoder(str(save_tiny_encoder("X-CLIP", tmp_path / "xclip")), device="cpu")
    with pytest.raises(FeedbackError, match="needs an encoder of single frames"):
        ConsistencySource(xclip)


def test_two_sources_of_one_encoder_load_it_once_and_see_a_clip_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from feedback.encoders import transformers_encoder

    loads: list[Any] = []
    load = transformers_encoder.load_weights
    monkeypatch.setattr(transformers_encoder, "load_weights", lambda *given: loads.append(given) or load(*given))
    encoder = TransformersEncoder(str(save_tiny_encoder("CLIP", tmp_path / "clip")), device="cpu")
    sources = [SimilaritySource(encoder), ConsistencySource(encoder)]
    assert sources[0].holdings == sources[1].holdings
    assert all(isinstance(source, Resident) for source in sources)
    for source in sources:
        assert source.assess(STEADY, "a ball", []).score.value is not None
    assert len(loads) == 1
