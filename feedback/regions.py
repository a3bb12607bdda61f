"""A frame's background and what stands out from it, each in a few figures that do not depend on where it is."""

from dataclasses import dataclass

import cv2
import numpy as np

from feedback.clip import Clip

_SMALL_PX = 64
"""Frames are looked at with their shorter side at this many pixels or fewer."""
_BORDER_SHARE = 0.15
"""The outer ring of this share of the shorter side is taken for background."""
_LEAST_SPREAD_LAB = 6.0
"""The background's colours are taken to vary at least this much about each of its main colours, in CIE Lab."""
_SUBJECT_DEVIATIONS = 2.5
"""A pixel this many standard deviations from all of the background's main colours rather belongs to the subject."""
_SIZE_LAB = 20.0
"""A subject that doubles its area counts as a change by this much."""
_LIGHT_COUNTS = np.array([0.5, 1.0, 1.0])
"""Light changes more easily than colour without the thing being another."""
SUBJECT_SHARE = 0.005
"""Of the picture: smaller subjects are not followed."""


@dataclass(frozen=True)
class Look:
    """What is compared of one frame, in CIE Lab: lightness 0..100, a and b about -100..100."""

    subject: np.ndarray
    """Colour, spread, edge strength and size of what stands out from the border."""
    subject_share: float
    """Of the picture."""
    background: np.ndarray
    """Colour, spread and edge strength of the border."""
    tiles: np.ndarray
    """The whole picture in 16 x 16 tiles, float32 [16, 16, 3]."""
    lightness: float
    """Mean of the picture."""
    contrast: float
    """Standard deviation of lightness, a or b over the picture, the largest."""


def look_at_regions(clip: Clip) -> list[Look]:
    """One look per frame. What is background is decided once for the clip, by the colours of the border."""
    pictures = _small_lab(clip)
    ring = _ring(*pictures.shape[1:3])
    background = _Palette.of(pictures[:, ring])
    return [_look(picture, ring, background) for picture in pictures]


@dataclass(frozen=True)
class _Palette:
    """The main colours of the background over the whole clip, and how much pixels vary about them."""

    colours: np.ndarray
    """float [5, 3]."""
    whiten: np.ndarray
    """float [3, 3]: differences in Lab to standard deviations."""

    @classmethod
    def of(cls, pixels: np.ndarray) -> "_Palette":
        pixels = pixels.reshape(-1, 3).astype(float)
        centered = pixels - pixels.mean(axis=0)
        longest = np.linalg.eigh(np.cov(centered, rowvar=False, bias=True))[1][:, -1]
        groups = [pixels[part] for part in np.array_split(np.argsort(centered @ longest, kind="stable"), 5)]
        groups = [group for group in groups if len(group)]
        within = np.mean([np.cov(group, rowvar=False, bias=True) for group in groups], axis=0)
        variance, axes = np.linalg.eigh(within + _LEAST_SPREAD_LAB**2 * np.eye(3))
        return cls(np.array([group.mean(axis=0) for group in groups]), axes / np.sqrt(variance))

    def deviations(self, picture: np.ndarray) -> np.ndarray:
        """How far each pixel is from the nearest main colour, in standard deviations: float [h, w]."""
        return np.min([np.linalg.norm((picture - colour) @ self.whiten, axis=-1) for colour in self.colours], axis=0)


def _small_lab(clip: Clip) -> np.ndarray:
    scale = min(1.0, _SMALL_PX / min(clip.height, clip.width))
    size = max(1, round(clip.width * scale)), max(1, round(clip.height * scale))
    small = [cv2.resize(frame, size, interpolation=cv2.INTER_AREA) for frame in clip.frames]
    return np.stack([cv2.cvtColor(frame.astype(np.float32) / 255, cv2.COLOR_RGB2LAB) for frame in small])


def _ring(height: int, width: int) -> np.ndarray:
    margin = max(1, round(_BORDER_SHARE * min(height, width)))
    ring = np.ones((height, width), bool)
    ring[margin:-margin, margin:-margin] = False
    return ring


def _look(lab: np.ndarray, ring: np.ndarray, background: _Palette) -> Look:
    edges = np.hypot(*np.gradient(np.pad(lab[..., 0], ((0, 1), (0, 1)), mode="edge")))[:-1, :-1]
    beyond = (background.deviations(lab) - _SUBJECT_DEVIATIONS) / 0.4
    stands_out = 1 / (1 + np.exp(-np.clip(beyond, -30, 30)))
    share = float(stands_out.mean())
    weights = stands_out[..., None] / stands_out.sum()
    mean = (weights * lab).sum(axis=(0, 1))
    spread = np.sqrt((weights * (lab - mean) ** 2).sum(axis=(0, 1)))
    size_part = _SIZE_LAB * np.log2(max(share, SUBJECT_SHARE / 4))
    low, middle, high = np.percentile(lab[ring], [20, 50, 80], axis=0)
    return Look(
        np.concatenate([mean * _LIGHT_COUNTS, spread, [(weights[..., 0] * edges).sum(), size_part]]),
        share,
        np.concatenate([middle * _LIGHT_COUNTS, high - low, [np.median(edges[ring])]]),
        cv2.resize(lab, (16, 16), interpolation=cv2.INTER_AREA),
        float(lab[..., 0].mean()),
        float(lab.reshape(-1, 3).std(axis=0).max()),
    )
