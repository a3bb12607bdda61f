"""Many clips in one picture: a row a clip, its frames side by side."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from feedback.clip import Clip

SCALE = 3
GAP_PX = 2


def write_sheet(path: Path, clips: Sequence[Clip], columns: int = 2) -> None:
    """Writes a PNG with the clips in `columns`, pixels enlarged."""
    rows = [np.concatenate([_framed(frame) for frame in clip.frames], axis=1) for clip in clips]
    rows += [np.full_like(rows[0], 255)] * (-len(rows) % columns)
    strips = [np.concatenate(rows[i : i + columns], axis=1) for i in range(0, len(rows), columns)]
    Image.fromarray(np.concatenate(strips)).save(path)


def _framed(frame: np.ndarray) -> np.ndarray:
    large = frame.repeat(SCALE, axis=0).repeat(SCALE, axis=1)
    return np.pad(large, ((GAP_PX, GAP_PX), (GAP_PX, GAP_PX), (0, 0)), constant_values=200)
