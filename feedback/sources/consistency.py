"""Consistency: does the clip stay the same thing, to a model that knows things by their look."""

from collections.abc import Sequence

import numpy as np

from feedback.clip import Clip
from feedback.encoder import Encoder
from feedback.errors import FeedbackError
from feedback.records import Feedback, Question, Score
from feedback.sources.encoder_source import EncoderSource, when

_LEAST_ALIKE = 0.75
"""Below this likeness to the frame before, or to the first, the critique says where."""


class ConsistencySource(EncoderSource):
    """VBench's rule for subject consistency (Huang et al. 2024, arXiv 2311.17982), 0..1, made for features of DINO.

    The mean, over all frames but the first, of the mean of the cosines to the first frame and to the frame before, each
    clamped at 0. A clip that stands still has 1.0: what motion was asked is another source's matter.

    Raises:
        FeedbackError: The encoder gives no vector for a single frame.
    """

    name = "consistency"

    def __init__(self, encoder: Encoder):
        if not encoder.by_frame:
            raise FeedbackError(
                f"the source 'consistency' needs an encoder of single frames; {encoder.name} sees a clip as a whole: "
                "name one such as DINOv2 or CLIP"
            )
        super().__init__(encoder)

    def assess(self, clip: Clip, prompt: str, checklist: Sequence[Question]) -> Feedback:  # noqa: ARG002
        """Unscored for a single frame."""
        if clip.num_frames < 2:
            return self.unscored("one frame has no course in time")
        vectors = self._encoder.encode_frames(clip)
        to_last = (vectors[1:] * vectors[:-1]).sum(axis=1).clip(0, 1)
        to_first = (vectors[1:] @ vectors[0]).clip(0, 1)
        return Feedback(
            source=self.name,
            scores=[Score(name=self.name, value=float((to_last + to_first).mean() / 2))],
            concerns="clip",
            critique=_critique(clip, to_last, to_first),
            evidence={
                "encoder": self._encoder.name,
                "mean_cosine_to_last": round(float(to_last.mean()), 4),
                "mean_cosine_to_first": round(float(to_first.mean()), 4),
                "worst_cosine_to_last": round(float(to_last.min()), 4),
                "worst_frame": int(to_last.argmin()) + 1,
            },
        )


def _critique(clip: Clip, to_last: np.ndarray, to_first: np.ndarray) -> str:
    """Where it breaks; else from where on it has drifted away from its beginning."""
    if to_last.min() < _LEAST_ALIKE:
        return f"what is seen changes abruptly at {when(int(to_last.argmin()) + 1, clip)}"
    if to_first.min() < _LEAST_ALIKE:
        drifted = int((to_first < _LEAST_ALIKE).argmax()) + 1
        return f"what is seen drifts away from the beginning, from {when(drifted, clip)} on"
    return ""
