"""The encoder without a model: which colours a frame has, and which way its edges run."""

from collections.abc import Sequence

import cv2
import numpy as np

from feedback.clip import Clip
from feedback.lexicon import COLOURS, Colour, colour_in, words_of
from feedback.text_pieces import TextPiece

_RGB: dict[Colour, tuple[int, int, int]] = {
    "red": (220, 30, 30), "green": (40, 170, 60), "blue": (40, 70, 230), "yellow": (245, 225, 50),
    "purple": (140, 50, 190), "cyan": (40, 210, 220), "orange": (250, 145, 25), "pink": (250, 150, 190),
    "white": (245, 245, 245), "black": (15, 15, 15), "gray": (128, 128, 128), "brown": (125, 75, 40),
}  # fmt: skip
_LONGEST_PX = 160
"""Frames are looked at no larger than this."""
_EDGE_BINS = 8
_EDGE_WEIGHT = 0.25
"""Of a frame full of strong edges, beside colours that count 1 together."""


class HistogramEncoder:
    """Twelve colours and eight directions of edges. Of a text it knows the colours that are named, and no more.

    It needs no model and says little: with it the sources that need an encoder run anywhere.
    """

    name = "histogram"
    by_frame = True
    reads_texts = True

    def encode_frames(self, clip: Clip) -> np.ndarray:
        """float32 [t, 20]."""
        return np.stack([_unit(np.concatenate([_colours(frame), _edges(frame)])) for frame in map(_small, clip.frames)])

    def encode_texts(self, texts: Sequence[str]) -> np.ndarray:
        """float32 [m, 20]; a text that names no colour lies between all of them."""
        return np.stack([_unit(np.concatenate([_named(text), np.zeros(_EDGE_BINS)])) for text in texts])

    def split_text(self, text: str) -> list[TextPiece]:
        """One piece: it reads texts of any length."""
        words = words_of(text)
        return [TextPiece(text.strip(), len(words))] if words else []

    def probability(self, cosines: np.ndarray) -> None:  # noqa: ARG002
        """None: nobody trained it."""
        return


def _small(frame: np.ndarray) -> np.ndarray:
    scale = min(1.0, _LONGEST_PX / max(frame.shape))
    height, width = (max(1, round(side * scale)) for side in frame.shape[:2])
    return cv2.resize(frame, (width, height), interpolation=cv2.INTER_AREA)


def _colours(frame: np.ndarray) -> np.ndarray:
    """Square roots of the shares of the frame that each colour has: small things count, too."""
    anchors = _lab(np.array([[_RGB[colour] for colour in COLOURS]], np.uint8))[0]
    pixels = _lab(frame).reshape(-1, 1, 3)
    nearest = np.linalg.norm(pixels - anchors, axis=-1).argmin(axis=-1)
    return np.sqrt(np.bincount(nearest, minlength=len(COLOURS)) / len(nearest))


def _edges(frame: np.ndarray) -> np.ndarray:
    gray = cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY).astype(np.float32) / 255
    across, down = cv2.Sobel(gray, cv2.CV_32F, 1, 0), cv2.Sobel(gray, cv2.CV_32F, 0, 1)
    bins = np.floor((np.arctan2(down, across) / (2 * np.pi) % 1) * _EDGE_BINS).astype(int) % _EDGE_BINS
    strength = np.bincount(bins.ravel(), weights=np.hypot(across, down).ravel(), minlength=_EDGE_BINS)
    return _EDGE_WEIGHT * np.sqrt(strength / gray.size)


def _named(text: str) -> np.ndarray:
    named = {colour for word in words_of(text) if (colour := colour_in(word))}
    return np.array([float(colour in named or not named) for colour in COLOURS])


def _lab(rgb: np.ndarray) -> np.ndarray:
    return cv2.cvtColor(rgb.astype(np.float32) / 255, cv2.COLOR_RGB2LAB)


def _unit(vector: np.ndarray) -> np.ndarray:
    return (vector / np.linalg.norm(vector)).astype(np.float32)
