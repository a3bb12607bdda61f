"""Many clips in one picture: a row a clip, its frames side by side, its caption above them."""

import textwrap
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from feedback.clip import Clip

SCALE = 3
GAP_PX = 2
LETTER_PX = 6
LINE_PX = 12
CAPTION_LINES = 2


def write_sheet(path: Path, clips: Sequence[Clip], captions: Sequence[str], columns: int = 2) -> None:
    """Writes a PNG with the clips, all of one size, in `columns`; pixels enlarged."""
    cells = [_cell(clip, caption) for clip, caption in zip(clips, captions, strict=True)]
    cells += [np.full_like(cells[0], 255)] * (-len(cells) % columns)
    strips = [np.concatenate(cells[i : i + columns], axis=1) for i in range(0, len(cells), columns)]
    Image.fromarray(np.concatenate(strips)).save(path)


def _cell(clip: Clip, caption: str) -> np.ndarray:
    frames = np.concatenate([_framed(frame) for frame in clip.frames], axis=1)
    width = frames.shape[1]
    label = Image.new("RGB", (width, CAPTION_LINES * LINE_PX + 2 * GAP_PX), "white")
    lines = textwrap.wrap(caption, width // LETTER_PX)[:CAPTION_LINES]
    ImageDraw.Draw(label).multiline_text((GAP_PX, GAP_PX), "\n".join(lines), fill="black", spacing=0)
    return np.concatenate([np.asarray(label), frames])


def _framed(frame: np.ndarray) -> np.ndarray:
    large = frame.repeat(SCALE, axis=0).repeat(SCALE, axis=1)
    return np.pad(large, ((GAP_PX, GAP_PX), (GAP_PX, GAP_PX), (0, 0)), constant_values=200)
