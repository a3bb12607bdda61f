"""Clips as MP4 files that every browser plays: H.264, yuv420p, index first.

H.264 in yuv420p wants even sizes and keeps colour at half the resolution, which eats small clips. So a clip whose
shorter side is under 256 px is stored enlarged by a whole factor, each pixel a block, and odd sizes get one more row or
column; the file notes the true size, and reading gives it back. The same clip, metadata and libraries make the same
bytes, in any process.
"""

import json
import os
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import Any, NamedTuple

import av
import numpy as np
from av.container import InputContainer
from av.error import FFmpegError
from av.video.reformatter import ColorRange, Colorspace, Interpolation

from feedback.clip import Clip
from feedback.errors import ClipError

DISPLAY_PX = 256
"""The shorter side of a stored video is at least this, where the longer one stays within `LONGEST_PX`."""
LONGEST_PX = 4096
FPS_RANGE = (0.01, 1000)
_FORMATS = "mov,mp4,m4v,matroska,webm,avi,gif,mpegts,mpeg,flv,ogg"
"""What FFmpeg may take a file for: no playlists, which would make it open other files and addresses."""


class _Layout(NamedTuple):
    """How a clip of `width` x `height` px lies in its file: from the top left, each pixel `factor` x `factor` px."""

    width: int
    height: int
    factor: int


def write_clip(clip: Clip, path: Path, metadata: Mapping[str, str] | None = None, crf: int = 12) -> None:
    """Writes the clip as MP4, whole or not at all; makes the folder, replaces an older file.

    `metadata` comes back from `read_metadata`; its "prompt" is also the title that players show. `crf` is x264's
    quality: 0 is lossless but for colour at half resolution, 12 shows no loss, 51 is worst. Decoded frames differ a
    little from the clip's: what must be scored the same later has to be scored as read. Raises ClipError when frames of
    this size or rate can't be encoded.
    """
    path = Path(path)
    if not FPS_RANGE[0] <= clip.fps <= FPS_RANGE[1]:
        raise ClipError(
            f"{path}: {clip.fps:g} frames per second can't be stored, only {FPS_RANGE[0]}..{FPS_RANGE[1]} can"
        )
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.{os.getpid()}-{threading.get_ident()}.tmp")
    try:
        _encode(clip, unfinished, dict(metadata or {}), crf)
        with unfinished.open("r+b") as file:
            os.fsync(file.fileno())
        unfinished.replace(path)
    except FFmpegError as error:
        raise ClipError(f"{path}: {clip.width}x{clip.height} frames can't be encoded: {error.strerror}") from error
    finally:
        unfinished.unlink(missing_ok=True)


def read_clip(path: Path, max_frames: int | None = None) -> Clip:
    """The clip in a video file, at the size it was written with; its first `max_frames` frames if given.

    Raises ClipError when there is no such file, it is no video, is damaged, or has no known frame rate.
    """
    path = Path(path)
    frames = []
    with _open(path) as container:
        stream = container.streams.video[0]
        rate = stream.average_rate or stream.guessed_rate
        if not rate:
            raise ClipError(f"{path}: the file does not say its frame rate: convert it to a constant one first")
        _, layout = _notes_of(container)
        try:
            for frame in container.decode(stream):
                frames.append(_unpack(frame, layout))
                if len(frames) == max_frames:
                    break
        except FFmpegError as error:
            raise ClipError(f"{path}: damaged, can't be decoded after frame {len(frames)}: {error.strerror}") from error
        expected = stream.frames if layout and max_frames is None else 0
    if not frames:
        raise ClipError(f"{path}: a video without a single frame")
    if len(frames) < expected:
        raise ClipError(f"{path}: cut off, {len(frames)} of {expected} frames are left: write it again")
    if any(frame.shape != frames[0].shape for frame in frames):
        raise ClipError(f"{path}: the frame size changes on the way: convert it to one size first")
    return Clip(np.stack(frames), float(rate))


def read_metadata(path: Path) -> dict[str, str]:
    """What `write_clip` was given as metadata; empty for other programs' videos. Raises ClipError as `read_clip`."""
    with _open(Path(path)) as container:
        return _notes_of(container)[0]


def _layout_of(clip: Clip) -> _Layout:
    shorter, longer = sorted((clip.width, clip.height))
    factor = max(1, min(-(-DISPLAY_PX // shorter), LONGEST_PX // longer))
    return _Layout(clip.width, clip.height, factor)


def _encode(clip: Clip, path: Path, metadata: dict[str, str], crf: int) -> None:
    layout = _layout_of(clip)
    with av.open(str(path), "w", format="mp4", options={"movflags": "+faststart"}) as container:
        container.metadata["comment"] = json.dumps({"retake": layout._asdict(), "metadata": metadata})
        if metadata.get("prompt"):
            container.metadata["title"] = metadata["prompt"]
        stream = container.add_stream("libx264", rate=Fraction(clip.fps).limit_denominator(1001))
        stream.width, stream.height = (side * layout.factor + 1 & ~1 for side in (clip.width, clip.height))
        stream.pix_fmt = "yuv420p"
        # x264's macroblock tree reads uninitialised memory (seen with AVX-512), and then each run makes other pixels.
        # Files are some 15 % larger without it.
        stream.options = {"crf": str(crf), "preset": "medium", "x264-params": "mbtree=0"}
        context = stream.codec_context
        context.thread_count = 1
        context.colorspace, context.color_range = Colorspace.SMPTE170M, ColorRange.MPEG
        for frame in clip.frames:
            blocks = frame.repeat(layout.factor, axis=0).repeat(layout.factor, axis=1)
            pixels = np.pad(blocks, ((0, blocks.shape[0] % 2), (0, blocks.shape[1] % 2), (0, 0)), mode="edge")
            picture = av.VideoFrame.from_ndarray(pixels, format="rgb24").reformat(
                format="yuv420p",
                dst_colorspace=Colorspace.SMPTE170M,
                dst_color_range=ColorRange.MPEG,
                interpolation=Interpolation.AREA,
            )
            container.mux(stream.encode(picture))
        container.mux(stream.encode())


def _unpack(picture: av.VideoFrame, layout: _Layout | None) -> np.ndarray:
    """A decoded picture as uint8 [h, w, 3] at the size that its clip had."""
    if layout is None:
        return picture.to_ndarray(format="rgb24")
    width, height, factor = layout
    if factor == 1:
        return picture.to_ndarray(format="rgb24")[:height, :width]
    pixels = picture.to_ndarray(format="rgb24", interpolation=Interpolation.POINT)[: height * factor, : width * factor]
    blocks = pixels.reshape(height, factor, width, factor, 3)
    return np.rint(blocks.mean(axis=(1, 3), dtype=np.float32)).astype(np.uint8)


@contextmanager
def _open(path: Path) -> Iterator[InputContainer]:
    if not path.is_file():
        raise ClipError(f"{path}: there is no such file")
    try:
        container = av.open(str(path), options={"format_whitelist": _FORMATS, "protocol_whitelist": "file"})
    except FFmpegError as error:
        raise ClipError(f"{path}: not a video that can be read: {error.strerror}") from error
    with container:
        if not container.streams.video:
            raise ClipError(f"{path}: has no pictures, only {len(container.streams)} other stream(s)")
        yield container


def _notes_of(container: InputContainer) -> tuple[dict[str, str], _Layout | None]:
    """The metadata and layout that `write_clip` left; nothing for other files, also when their comment looks alike."""
    try:
        comment: Any = json.loads(container.metadata.get("comment", ""))
        layout = _Layout(**comment["retake"])
        metadata = {str(key): str(value) for key, value in comment["metadata"].items()}
    except (ValueError, KeyError, TypeError, AttributeError):
        return {}, None
    stream = container.streams.video[0]
    stored = [side * layout.factor + 1 & ~1 if isinstance(side, int) else 0 for side in layout[:2]]
    return metadata, layout if stored == [stream.width, stream.height] and layout.factor >= 1 else None
