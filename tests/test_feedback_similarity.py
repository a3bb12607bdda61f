"""The similarity source: how alike clip and prompt are as a whole."""

from collections.abc import Sequence
from pathlib import Path

import conformance_feedback_source as conformance
import numpy as np
import pytest
from drawing import Thing, draw_clip
from tiny_encoders import save_tiny_encoder

from feedback.checklist import make_checklist
from feedback.clip import Clip
from feedback.combine import combine_feedback
from feedback.encoders.histogram import HistogramEncoder
from feedback.encoders.transformers_encoder import TransformersEncoder
from feedback.errors import FeedbackError
from feedback.records import Feedback
from feedback.resident import Resident
from feedback.sources.similarity import SimilaritySource
from feedback.text_pieces import TextPiece

CLIP = draw_clip([Thing(dx=4)], background="white", frames=6)
LONG = "A red ball rolls to the left of a blue box. " * 4 + "It stops."


class Told(HistogramEncoder):
    """An encoder of four frames whose cosines with the pieces of a prompt, cut at "|", are what it is told."""

    name = "told"

    def __init__(self, cosines: Sequence[float]):
        self.cosines = cosines

    def encode_frames(self, clip: Clip) -> np.ndarray:
        return np.tile(np.array([1, 0], np.float32), (4, 1))

    def split_text(self, text: str) -> list[TextPiece]:
        return [TextPiece(piece, len(piece.split())) for piece in text.split("|")]

    def encode_texts(self, texts: Sequence[str]) -> np.ndarray:
        return np.array([[cosine, (1 - cosine**2) ** 0.5] for cosine in self.cosines[: len(texts)]], np.float32)


class Sure(Told):
    """Says how probable it is, as SigLIP does."""

    def probability(self, cosines: np.ndarray) -> np.ndarray:
        return 1 / (1 + np.exp(-(10 * cosines - 2)))


def assess(source: SimilaritySource, prompt: str, clip: Clip = CLIP) -> Feedback:
    return source.assess(clip, prompt, make_checklist(prompt))


@pytest.fixture(scope="module", params=["CLIP", "SigLIP", "X-CLIP", "histogram"])
def source(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> SimilaritySource:
    if request.param == "histogram":
        return SimilaritySource(HistogramEncoder())
    folder = save_tiny_encoder(request.param, tmp_path_factory.mktemp("tiny") / "encoder")
    return SimilaritySource(TransformersEncoder(str(folder), device="cpu"))


def test_it_is_a_feedback_source(source: SimilaritySource) -> None:
    conformance.check_it_signs_its_feedback(source, CLIP)
    conformance.check_scores_are_shares_or_have_a_reason(source, CLIP)
    conformance.check_verdicts_answer_questions_of_the_checklist(source, CLIP)
    conformance.check_it_repeats_itself(source, CLIP)
    conformance.check_feedback_is_json_plain(source, CLIP)


def test_a_clip_in_the_colours_of_the_prompt_is_more_like_it() -> None:
    source = SimilaritySource(HistogramEncoder())
    red = assess(source, "a red ball on white").evidence["pieces"][0]["cosine"]
    green = assess(source, "a green ball on black").evidence["pieces"][0]["cosine"]
    assert red > green + 0.2


@pytest.mark.parametrize(("cosine", "score"), [(0.3, 0.75), (0.5, 1.0), (-0.2, 0.0), (0.0, 0.0)])
def test_without_a_sigmoid_it_is_clipscore(cosine: float, score: float) -> None:
    feedback = assess(SimilaritySource(Told([cosine])), "a ball")
    assert feedback.score.value == pytest.approx(score, abs=1e-6)
    assert feedback.evidence["rule"] == "CLIPScore"
    assert feedback.evidence["pieces"][0]["cosine"] == pytest.approx(cosine, abs=1e-4)


def test_with_a_sigmoid_it_is_the_probability() -> None:
    feedback = assess(SimilaritySource(Sure([0.2])), "a ball")
    assert feedback.score.value == pytest.approx(0.5)
    assert feedback.evidence["rule"] == "probability"


def test_a_long_prompt_counts_by_its_pieces_tokens_and_the_worst_is_named() -> None:
    feedback = assess(SimilaritySource(Told([0.4, 0.1])), "a red ball rolls away|and stops")
    assert feedback.score.value == pytest.approx((5 * 1.0 + 2 * 0.25) / 7)
    assert feedback.critique == '"and stops": the video is little like it (0.25)'
    assert [piece["tokens"] for piece in feedback.evidence["pieces"]] == [5, 2]


def test_what_is_alike_needs_no_words() -> None:
    assert assess(SimilaritySource(Told([0.4, 0.3])), "a ball|and a box").critique == ""


def test_no_word_of_a_long_prompt_is_cut(tmp_path: Path) -> None:
    source = SimilaritySource(TransformersEncoder(str(save_tiny_encoder("CLIP", tmp_path / "clip")), device="cpu"))
    pieces = assess(source, LONG).evidence["pieces"]
    assert len(pieces) > 1
    assert " ".join(piece["text"] for piece in pieces) == LONG
    assert assess(source, LONG).score.value != assess(source, LONG.replace("It stops.", "It hops.")).score.value


def test_a_prompt_without_a_word_is_not_scored(source: SimilaritySource) -> None:
    assert "nothing that the encoder reads" in assess(source, "  ").score.why


def test_it_speaks_of_the_prompt() -> None:
    feedback = assess(SimilaritySource(Told([0.3])), "a ball")
    assert combine_feedback([feedback], []).overall == pytest.approx(0.75, abs=1e-6)


def test_it_is_resident_in_its_encoders_stead(source: SimilaritySource) -> None:
    assert isinstance(source, Resident)
    encoder = source._encoder
    assert source.holdings == (encoder.holdings if isinstance(encoder, Resident) else [])
    before = assess(source, "a ball")
    source.release()
    source.acquire()
    assert assess(source, "a ball") == before


def test_an_encoder_that_reads_no_texts_is_refused_in_a_line(tmp_path: Path) -> None:
    dino = TransformersEncoder(str(save_tiny_encoder("DINOv2", tmp_path / "dino")), device="cpu")
    with pytest.raises(FeedbackError, match="needs an encoder that reads texts"):
        SimilaritySource(dino)
