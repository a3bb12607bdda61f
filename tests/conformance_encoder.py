"""What every Encoder must do; test files call these with an encoder and clips."""

import numpy as np
import pytest

from feedback.clip import Clip
from feedback.encoder import Encoder
from feedback.errors import FeedbackError

TEXTS = [
    "a red ball",
    "a blue box on a white table",
    "x",
    "🙂",
    "雨の夜",
    "Two cats, three dogs: <pad> </s> <|endoftext|>!",
]
LONG = "A red ball rolls, slowly, to the left. " * 30 + "Then " + "a" * 300 + " " + "雨の夜" * 40 + "."


def check_frames_are_unit_vectors(encoder: Encoder, clip: Clip) -> None:
    vectors = encoder.encode_frames(clip)
    assert encoder.name
    assert vectors.dtype == np.float32
    assert len(vectors) == (clip.num_frames if encoder.by_frame else 1)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    again = Clip(clip.frames.copy(), clip.fps)
    np.testing.assert_array_equal(encoder.encode_frames(again), vectors)


def check_pixels_matter(encoder: Encoder, clip: Clip, other: Clip) -> None:
    assert np.abs(encoder.encode_frames(clip)[0] - encoder.encode_frames(other)[0]).max() > 1e-3


def check_a_frame_is_seen_the_same_in_any_company(encoder: Encoder, clip: Clip) -> None:
    alone = np.concatenate([encoder.encode_frames(Clip(clip.frames[t : t + 1], 8)) for t in range(clip.num_frames)])
    np.testing.assert_allclose(encoder.encode_frames(clip), alone, atol=1e-5)


def check_texts_are_unit_vectors(encoder: Encoder, clip: Clip) -> None:
    vectors = encoder.encode_texts(TEXTS)
    assert vectors.dtype == np.float32
    assert vectors.shape == (len(TEXTS), encoder.encode_frames(clip).shape[1])
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    np.testing.assert_allclose(np.concatenate([encoder.encode_texts([text]) for text in TEXTS]), vectors, atol=1e-5)
    assert np.abs(vectors[0] - vectors[1]).max() > 1e-3


def check_long_texts_are_split_and_nothing_is_lost(encoder: Encoder) -> None:
    pieces = encoder.split_text(LONG)
    assert "".join("".join(piece.text for piece in pieces).split()) == "".join(LONG.split())
    assert all(piece.tokens > 0 for piece in pieces)
    assert len(encoder.encode_texts([piece.text for piece in pieces])) == len(pieces)
    assert encoder.split_text(" \n ") == []


def check_probabilities_rise_with_the_cosine(encoder: Encoder) -> None:
    cosines = np.linspace(-1, 1, 5, dtype=np.float32).reshape(1, 5)
    probabilities = encoder.probability(cosines)
    if probabilities is not None:
        assert probabilities.shape == cosines.shape
        assert (probabilities >= 0).all()
        assert (probabilities <= 1).all()
        assert (np.diff(probabilities) > 0).all()


def check_without_a_text_side_it_says_so(encoder: Encoder) -> None:
    assert not encoder.reads_texts
    for ask in (lambda: encoder.encode_texts(["a ball"]), lambda: encoder.split_text("a ball")):
        with pytest.raises(FeedbackError, match="reads no texts"):
            ask()
