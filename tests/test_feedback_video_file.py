import hashlib
import subprocess
import sys
from pathlib import Path

import av
import numpy as np
import pytest
from drawing import Thing, draw_clip
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from feedback.clip import Clip
from feedback.errors import ClipError
from feedback.video_file import read_clip, read_metadata, write_clip

SIDES = st.integers(1, 40)


def psnr(one: np.ndarray, other: np.ndarray) -> float:
    return float(10 * np.log10(255**2 / max(1e-9, np.mean((one.astype(float) - other) ** 2))))


@pytest.mark.parametrize(
    ("frames", "fps", "found"),
    [
        ([[1]], 8, "list"),
        (np.zeros((2, 4, 4), np.uint8), 8, r"\[2, 4, 4\]"),
        (np.zeros((2, 4, 4, 4), np.uint8), 8, r"\[2, 4, 4, 4\]"),
        (np.zeros((0, 4, 4, 3), np.uint8), 8, r"\[0, 4, 4, 3\]"),
        (np.zeros((2, 4, 4, 3), np.float32), 8, "float32"),
        (np.zeros((2, 4, 4, 3), np.uint8), 0, "got 0"),
        (np.zeros((2, 4, 4, 3), np.uint8), float("nan"), "nan"),
    ],
)
def test_what_is_no_clip_is_refused_with_what_was_found(frames, fps, found):
    with pytest.raises(ClipError, match=found):
        Clip(frames, fps)


def test_frames_of_a_clip_cannot_be_written_to():
    clip = draw_clip()
    with pytest.raises(ValueError, match="read-only"):
        clip.frames[0] = 0
    assert (clip.num_frames, clip.height, clip.width, clip.duration_seconds) == (12, 160, 160, 1.5)


@pytest.mark.parametrize("size", [(32, 32), (64, 64), (97, 161), (160, 160), (255, 300)])
def test_a_written_clip_reads_back_nearly_the_same(tmp_path, size):
    clip = draw_clip([Thing(x=size[0] / 2, y=size[1] / 2, radius=8, dx=0.5)], size=size, texture=True, frames=5)
    write_clip(clip, tmp_path / "a.mp4")
    read = read_clip(tmp_path / "a.mp4")
    assert read.frames.shape == clip.frames.shape
    assert psnr(read.frames, clip.frames) > 40


def test_colour_of_large_frames_survives_within_half_resolution(tmp_path):
    clip = draw_clip([Thing(x=300, y=200, radius=60)], size=(641, 401), frames=3, background="blue")
    write_clip(clip, tmp_path / "a.mp4")
    assert psnr(read_clip(tmp_path / "a.mp4").frames, clip.frames) > 36


def test_small_clips_are_stored_large_enough_to_watch(tmp_path):
    write_clip(draw_clip(size=(64, 48), frames=2), tmp_path / "a.mp4")
    with av.open(str(tmp_path / "a.mp4")) as container:
        stream = container.streams.video[0]
        assert (stream.width, stream.height) == (384, 288)
        assert (stream.codec_context.name, stream.codec_context.pix_fmt) == ("h264", "yuv420p")
    data = (tmp_path / "a.mp4").read_bytes()
    assert data.index(b"moov") < data.index(b"mdat")


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    frames=st.tuples(st.integers(1, 3), SIDES, SIDES, st.just(3)).flatmap(lambda shape: arrays(np.uint8, shape)),
    fps=st.sampled_from([0.5, 8, 15, 16, 23.976, 30000 / 1001, 60]),
)
def test_any_legal_frames_keep_their_shape_and_rate(tmp_path, frames, fps):
    write_clip(Clip(frames, fps), tmp_path / "a.mp4")
    read = read_clip(tmp_path / "a.mp4")
    assert read.frames.shape == frames.shape
    assert read.fps == pytest.approx(fps)


ONCE_MORE = """
import hashlib, pathlib, sys
sys.path[:0] = [{root!r}, {tests!r}]
from drawing import Thing, draw_clip
from feedback.video_file import write_clip
write_clip(draw_clip([Thing(dx=2)], size=(316, 260), noise=3), pathlib.Path({path!r}), {{"prompt": "p"}})
"""


def test_writing_the_same_clip_gives_the_same_bytes_in_every_process(tmp_path, monkeypatch):
    tests = Path(__file__).parent
    digests = set()
    for i, filler in enumerate(("0", "85", "170")):
        path = tmp_path / f"{i}.mp4"
        code = ONCE_MORE.format(root=str(tests.parent), tests=str(tests), path=str(path))
        # glibc fills fresh memory with this byte: reads of uninitialised memory show.
        monkeypatch.setenv("MALLOC_PERTURB_", filler)
        subprocess.run([sys.executable, "-c", code], check=True, timeout=120)
        digests.add(hashlib.sha256(path.read_bytes()).hexdigest())
    for _ in range(2):
        write_clip(draw_clip([Thing(dx=2)], size=(316, 260), noise=3), tmp_path / "here.mp4", {"prompt": "p"})
        digests.add(hashlib.sha256((tmp_path / "here.mp4").read_bytes()).hexdigest())
    assert len(digests) == 1
    one, other = read_clip(tmp_path / "0.mp4"), read_clip(tmp_path / "here.mp4")
    assert np.array_equal(one.frames, other.frames)


def test_other_pixels_make_other_files(tmp_path):
    for seed in (1, 2):
        write_clip(draw_clip(noise=5, seed=seed, frames=2), tmp_path / f"{seed}.mp4")
    assert not np.array_equal(read_clip(tmp_path / "1.mp4").frames, read_clip(tmp_path / "2.mp4").frames)


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.dictionaries(st.text(max_size=8), st.text(max_size=40).filter(lambda text: "\x00" not in text), max_size=3))
def test_metadata_comes_back_as_given(tmp_path, metadata):
    write_clip(draw_clip(frames=1, size=(16, 16)), tmp_path / "a.mp4", metadata)
    assert read_metadata(tmp_path / "a.mp4") == metadata


def test_the_prompt_is_the_title_that_players_show(tmp_path):
    write_clip(draw_clip(frames=1), tmp_path / "a.mp4", {"prompt": "a red ball — rolling"})
    with av.open(str(tmp_path / "a.mp4")) as container:
        assert container.metadata["title"] == "a red ball — rolling"


def test_videos_of_other_programs_are_read_as_they_are(tmp_path):
    path = tmp_path / "foreign.mp4"
    with av.open(str(path), "w") as container:
        container.metadata["comment"] = '{"retake": {"width": 9999, "height": -1, "factor": 5}, "metadata": {}}'
        stream = container.add_stream("mpeg4", rate=24)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for frame in draw_clip(size=(64, 48), frames=4).frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        container.mux(stream.encode())
    clip = read_clip(path)
    assert clip.frames.shape == (4, 48, 64, 3)
    assert clip.fps == 24


def test_only_the_first_frames_are_read_when_asked(tmp_path):
    write_clip(draw_clip(frames=9), tmp_path / "a.mp4")
    assert read_clip(tmp_path / "a.mp4", max_frames=4).num_frames == 4


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "no such file"),
        (b"", "not a video"),
        (b"hello", "not a video"),
        (b"#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\nhttp://127.0.0.1:9/a.ts\n", "not a video"),
    ],
)
def test_what_is_no_video_is_named_in_one_sentence(tmp_path, content, said):
    path = tmp_path / "a.mp4"
    if content is not None:
        path.write_bytes(content)
    for read in (read_clip, read_metadata):
        with pytest.raises(ClipError, match=said) as caught:
            read(path)
        assert str(path) in str(caught.value)
        assert "\n" not in str(caught.value)


def test_a_file_with_sound_alone_is_no_clip(tmp_path):
    path = tmp_path / "a.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=44100)
        sound = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
        sound.rate = 44100
        container.mux(stream.encode(sound))
        container.mux(stream.encode())
    with pytest.raises(ClipError, match="no pictures"):
        read_clip(path)


@pytest.mark.parametrize("share", [0.3, 0.5, 0.9])
def test_a_file_that_was_cut_off_is_not_taken_for_a_shorter_clip(tmp_path, share):
    path = tmp_path / "a.mp4"
    write_clip(draw_clip([Thing(dx=3)], noise=4), path)
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])
    with pytest.raises(ClipError, match=r"damaged|cut off"):
        read_clip(path)


def test_a_failed_write_leaves_the_older_file_and_nothing_else(tmp_path):
    path = tmp_path / "videos" / "a.mp4"
    write_clip(draw_clip(frames=2), path)
    before = path.read_bytes()
    with pytest.raises(ClipError):
        write_clip(Clip(np.zeros((1, 1, 20_000, 3), np.uint8), 8), path)
    with pytest.raises(ClipError, match="frames per second"):
        write_clip(Clip(np.zeros((1, 8, 8, 3), np.uint8), 1e-5), path)
    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path]
