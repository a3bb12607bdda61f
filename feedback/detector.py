"""The Detector port: frames in, boxes with labels and confidence out."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from feedback.clip import Clip


@dataclass(frozen=True)
class Detection:
    """One thing found in one frame."""

    label: str
    """Which of the asked labels this is."""
    box: tuple[float, float, float, float]
    """Left, top, right, bottom in pixels of the frame."""
    confidence: float
    """0..1."""

    @property
    def center(self) -> tuple[float, float]:
        """The middle of the box, (x, y) in pixels."""
        left, top, right, bottom = self.box
        return (left + right) / 2, (top + bottom) / 2


class Detector(Protocol):
    """Finds the named things in every frame, from pixels alone.

    `labels` are noun phrases in the user's words ("red ball"). A phrase the detector has no notion of is listed by
    `unknown`, and is never reported as absent. Deterministic.
    """

    def detect(self, clip: Clip, labels: Sequence[str]) -> list[list[Detection]]:
        """Detections of the known labels, one list a frame."""
        ...

    def unknown(self, labels: Sequence[str]) -> list[str]:
        """Those labels that this detector can't look for."""
        ...
