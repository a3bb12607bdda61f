"""Moving pictures in memory."""

from dataclasses import dataclass

import numpy as np

from feedback.errors import ClipError


@dataclass(frozen=True, eq=False)
class Clip:
    """The frames of a video and their rate: uint8 [t, h, w, 3] in RGB, t, h, w >= 1, and frames per second > 0.

    `frames` is read-only. It shares memory with the array it was made of, which must not be written to afterwards.
    Raises ClipError when given anything else.
    """

    frames: np.ndarray
    fps: float

    def __post_init__(self):
        if not isinstance(self.frames, np.ndarray):
            raise ClipError(f"a clip needs a numpy array of frames, got {type(self.frames).__name__}")
        shape, dtype = self.frames.shape, self.frames.dtype
        if len(shape) != 4 or shape[3] != 3 or 0 in shape:
            raise ClipError(f"a clip needs frames of shape [t, h, w, 3] with none of them 0, got {list(shape)}")
        if dtype != np.uint8:
            raise ClipError(f"a clip needs uint8 frames in 0..255, got {dtype}: scale to 0..255, round and convert")
        try:
            fps = float(self.fps)
        except (TypeError, ValueError):
            fps = 0.0
        if not 0 < fps < float("inf"):
            raise ClipError(f"a clip needs a frame rate above 0, got {self.fps!r}")
        frames = np.ascontiguousarray(self.frames).view()
        frames.flags.writeable = False
        object.__setattr__(self, "frames", frames)
        object.__setattr__(self, "fps", fps)

    @property
    def num_frames(self) -> int:
        """How many frames there are."""
        return self.frames.shape[0]

    @property
    def height(self) -> int:
        """Height of a frame in pixels."""
        return self.frames.shape[1]

    @property
    def width(self) -> int:
        """Width of a frame in pixels."""
        return self.frames.shape[2]

    @property
    def duration_seconds(self) -> float:
        """How long the clip plays: each frame is shown for 1 / fps."""
        return self.num_frames / self.fps
