"""What is asked of a server that can't be asked what it makes by default, and checked when it comes back."""

import tempfile
from pathlib import Path

from agent.errors import RenderError, UsageError
from agent.renderer import RenderRequest
from feedback.clip import Clip
from feedback.errors import ClipError
from feedback.video_file import read_clip

WIDTH, HEIGHT, NUM_FRAMES, FPS = 832, 480, 81, 16.0
"""Wan's own; legal for most models, as 81 is one more than a multiple of 4 and of 8."""
SIDE_MULTIPLE = 16
"""What the sides of nearly all video models are multiples of: 8 in the autoencoder, 2 in the patches."""
RATE_TOLERANCE = 0.01
SPARE_FRAMES = 64
"""Decoded beyond what was asked for, to say how long a clip is that is too long; not an hour of video."""


def fill_sizes(request: RenderRequest) -> RenderRequest:
    """The request with size, length and rate filled in, sides the nearest multiples of 16 px, and no step cache."""
    return request.model_copy(
        update={
            "width": _legal_side(request.width or WIDTH),
            "height": _legal_side(request.height or HEIGHT),
            "num_frames": request.num_frames or NUM_FRAMES,
            "fps": request.fps or FPS,
            "step_cache": None,
        }
    )


def _legal_side(side: int) -> int:
    return max(1, round(side / SIDE_MULTIPLE)) * SIDE_MULTIPLE


def read_video(video: bytes, request: RenderRequest, address: str) -> Clip:
    """The clip in a video file of any kind that was made for the resolved request.

    Raises:
        RenderError: It is no video.
        UsageError: It has another size, length or rate than was asked for, as every other clip would have.
    """
    frames, fps = request.num_frames or NUM_FRAMES, request.fps or FPS
    with tempfile.TemporaryDirectory(prefix="retake-") as folder:
        path = Path(folder) / "received"
        path.write_bytes(video)
        try:
            clip = read_clip(path, max_frames=frames + SPARE_FRAMES)
        except ClipError as problem:
            said = str(problem).removeprefix(f"{path}: ")
            raise RenderError(f"{address} sent {len(video)} bytes that are no good video: {said}") from None
    same_size = (clip.num_frames, clip.width, clip.height) == (frames, request.width, request.height)
    if not same_size or abs(clip.fps / fps - 1) > RATE_TOLERANCE:
        length = f"{'at least ' if clip.num_frames == frames + SPARE_FRAMES else ''}{clip.num_frames}"
        raise UsageError(
            f"{address} made {length} frames of {clip.width}x{clip.height} at {clip.fps:g} fps where {frames} of "
            f"{request.width}x{request.height} at {fps:g} were asked for; ask for what it makes, with --num-frames, "
            "--size and --fps"
        )
    return Clip(clip.frames, fps)
