"""The Encoder port: frames and texts in, vectors whose angles tell how alike they are out."""

from collections.abc import Sequence
from typing import Protocol

import numpy as np

from feedback.clip import Clip
from feedback.text_pieces import TextPiece


class Encoder(Protocol):
    """Puts pictures, and texts where it reads them, as points on one sphere. Deterministic.

    Vectors are float32 of unit length: the product of two is their cosine.
    """

    @property
    def name(self) -> str:
        """Which model it is, for records."""
        ...

    @property
    def by_frame(self) -> bool:
        """Whether every frame gets a vector; else the clip as a whole gets one."""
        ...

    @property
    def reads_texts(self) -> bool:
        """Whether there is a text side; if not, the methods about texts raise FeedbackError."""
        ...

    def encode_frames(self, clip: Clip) -> np.ndarray:
        """[n, d]: n is the number of frames, or 1 when the clip is seen as a whole."""
        ...

    def encode_texts(self, texts: Sequence[str]) -> np.ndarray:
        """[m, d] for m >= 1 texts, each short enough to be read whole; ValueError for a longer one, never a cut."""
        ...

    def split_text(self, text: str) -> list[TextPiece]:
        """The text in pieces that `encode_texts` takes; empty for a text without a word."""
        ...

    def probability(self, cosines: np.ndarray) -> np.ndarray | None:
        """How probably pictures and texts of these cosines belong together, 0..1.

        None when the model was not trained to say so, and its cosines only rank.
        """
        ...
