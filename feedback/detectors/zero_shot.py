"""The detector by a zero-shot model of transformers in this process: finds what is called by any English name."""

import threading
from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np

from feedback.clip import Clip
from feedback.detector import Detection
from feedback.detectors.queries import query_for
from feedback.detectors.zero_shot_models import open_model
from feedback.errors import FeedbackError
from feedback.geometry import Box
from feedback.held_model import HeldModel
from feedback.load_pretrained import load_weights
from feedback.pretrained import find_pretrained
from feedback.resident import HoldsModel
from feedback.torch_batches import Batches
from feedback.torch_models import INSTALL_HINT, find_device, find_dtype

try:
    from transformers import AutoModelForZeroShotObjectDetection
except ImportError as error:
    raise FeedbackError(f"the detector 'zero-shot' needs more packages ({error}): {INSTALL_HINT}") from error

FRAMES_AT_ONCE = 8
"""In one forward pass, until the memory turns out too small for it."""
_SAME_THING_IOU = 0.5
"""Two boxes for one label that overlap by more (intersection over union) are one thing."""

Found = dict[str, list[tuple[Box, float]]]
"""Boxes with confidence by query, in one frame."""


class ZeroShotDetector(HoldsModel[HeldModel]):
    """A `Detector` and a `Resident`, by OWL-ViT, OWLv2, Grounding DINO or MM Grounding DINO.

    A label is looked for as one such thing: "two red balls" as "a red ball". A box belongs to the one query it fits
    best, and of boxes for one query that overlap the best stays; counts depend on both. Labels that come to the same
    query get the same detections. Weights are loaded at the first use, once. Safe to use from threads.

    Args:
        model: A folder, or an id on the hub.
        revision: On the hub: a branch, a tag or a commit.
        device: "auto" is the accelerator if there is one.
        dtype: "auto" is bfloat16 on an accelerator, float32 on a CPU.
        threshold: The least confidence of a detection, above 0 and below 1; None is what transformers has for the
            family, 0.1 for OWL and 0.25 for Grounding DINO.

    Raises:
        FeedbackError: There is no such model, it is of another kind, or the threshold is none.
    """

    def __init__(
        self,
        model: str,
        revision: str | None = None,
        device: str = "auto",
        dtype: str = "auto",
        threshold: float | None = None,
    ):
        if threshold is not None and not 0 < threshold < 1:
            raise FeedbackError(f"the detector's threshold is {threshold}; it must lie between 0 and 1")
        self.device = find_device(device)
        self.dtype = find_dtype(dtype, self.device)
        files = find_pretrained(model, revision)
        self._family = open_model(files)
        self.threshold = self._family.threshold if threshold is None else threshold
        self._held = HeldModel(
            files,
            self.device,
            self.dtype,
            lambda: load_weights(AutoModelForZeroShotObjectDetection, files, self.dtype, self.device),
        )
        self._batches = Batches(FRAMES_AT_ONCE, self.device, "frames")
        self._lock = threading.Lock()

    def detect(self, clip: Clip, labels: Sequence[str]) -> list[list[Detection]]:
        """Detections of the known labels, one list a frame."""
        asked = {label: query for label in labels if (query := self._query(label))}
        if not asked:
            return [[] for _ in range(clip.num_frames)]
        queries = list(dict.fromkeys(asked.values()))
        with self._lock:
            frames = self._batches.run(clip.frames, lambda some: self._find(some, queries))
        return [
            [Detection(label, box, confidence) for label, query in asked.items() for box, confidence in found[query]]
            for found in frames
        ]

    def unknown(self, labels: Sequence[str]) -> list[str]:
        """Labels of which no box can be drawn (`query_for`), and those that the model's text side can't read whole."""
        return [label for label in labels if self._query(label) is None]

    def _query(self, label: str) -> str | None:
        query = query_for(label)
        return query if query and self._family.reads(query) else None

    def _find(self, frames: np.ndarray, queries: Sequence[str]) -> list[Found]:
        height, width = frames.shape[1:3]
        sight: Any = self._family.look(self._held.get(), frames, queries)
        boxes = sight.boxes.cpu().numpy().clip(0, [width, height, width, height])
        scores = sight.scores.cpu().numpy()
        return [self._sorted_out(*one, queries) for one in zip(boxes, scores, strict=True)]

    def _sorted_out(self, boxes: np.ndarray, scores: np.ndarray, queries: Sequence[str]) -> Found:
        """Each box for the query it fits best, where it fits and lies in the frame; one box a thing."""
        best, fits = scores.argmax(axis=-1), scores.max(axis=-1)
        is_box = (boxes[:, 2] - boxes[:, 0] >= 1) & (boxes[:, 3] - boxes[:, 1] >= 1)
        found: Found = {}
        for place, query in enumerate(queries):
            mine = is_box & (best == place) & (fits > self.threshold)
            kept = _one_a_thing(boxes[mine], fits[mine])
            found[query] = [((*map(float, boxes[mine][n]),), float(fits[mine][n])) for n in kept]  # pyright: ignore[reportArgumentType]
        return found


def _one_a_thing(boxes: np.ndarray, scores: np.ndarray) -> list[int]:
    """Which boxes stay when those that overlap a better one are left out, the best first."""
    if not len(boxes):
        return []
    left_top_size = np.concatenate([boxes[:, :2], boxes[:, 2:] - boxes[:, :2]], axis=1)
    kept = cv2.dnn.NMSBoxes(left_top_size.tolist(), scores.tolist(), 0.0, _SAME_THING_IOU)
    return [int(n) for n in np.ravel(kept)]
