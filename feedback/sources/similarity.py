"""Similarity: how alike clip and prompt are as a whole, to a model that was trained on pictures and their captions."""

from collections.abc import Sequence

import numpy as np

from feedback.clip import Clip
from feedback.encoder import Encoder
from feedback.errors import FeedbackError
from feedback.records import Feedback, Question, Score
from feedback.sources.encoder_source import EncoderSource

_CLIPSCORE_WEIGHT = 2.5
"""CLIPScore of Hessel et al. 2021 (arXiv 2104.08718), without their words "A photo depicts" before the caption."""


class SimilaritySource(EncoderSource):
    """How alike clip and prompt are, 0..1: a mean over frames, and over the prompt's pieces by their tokens.

    Of a model that was trained to say so (SigLIP), the probability that they belong together; of others CLIPScore,
    2.5 * max(cosine, 0), cut to 1. Both rank clips of one prompt; neither says that a share of the prompt is shown. A
    prompt that is too long to be read whole is judged in pieces.

    Raises:
        FeedbackError: The encoder reads no texts.
    """

    name = "similarity"

    def __init__(self, encoder: Encoder):
        if not encoder.reads_texts:
            raise FeedbackError(
                f"the source 'similarity' needs an encoder that reads texts; {encoder.name} does not: "
                "name one such as CLIP or SigLIP"
            )
        super().__init__(encoder)

    def assess(self, clip: Clip, prompt: str, checklist: Sequence[Question]) -> Feedback:  # noqa: ARG002
        """Unscored for a prompt without a word."""
        pieces = self._encoder.split_text(prompt)
        if not pieces:
            return self.unscored("the prompt holds nothing that the encoder reads")
        cosines = self._encoder.encode_frames(clip) @ self._encoder.encode_texts([piece.text for piece in pieces]).T
        probability = self._encoder.probability(cosines)
        alike = np.clip(_CLIPSCORE_WEIGHT * cosines, 0, 1) if probability is None else probability
        of_pieces = alike.mean(axis=0)
        value = float(np.average(of_pieces, weights=[piece.tokens for piece in pieces]))
        worst = int(of_pieces.argmin())
        is_low = of_pieces[worst] < 0.5
        return Feedback(
            source=self.name,
            scores=[Score(name=self.name, value=min(1.0, max(0.0, value)))],
            critique=f'"{pieces[worst].text}": the video is little like it ({of_pieces[worst]:.2f})' if is_low else "",
            evidence={
                "encoder": self._encoder.name,
                "rule": "CLIPScore" if probability is None else "probability",
                "pieces": [
                    {"text": piece.text, "tokens": piece.tokens, "cosine": round(float(cosine), 4)}
                    for piece, cosine in zip(pieces, cosines.mean(axis=0), strict=True)
                ],
            },
        )
