"""The server renderer against loopback servers that speak each dialect, in good and bad days."""

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from command import ROOT, retake
from conformance_renderer import RendererConformance
from fakes import fast_config
from hypothesis import given
from hypothesis import strategies as st
from video_servers import KEY, MODEL, LoopbackVideos, paint_video, serving, wait_until

from agent.doctor import examine
from agent.errors import RenderError, UsageError
from agent.renderer import RenderRequest
from agent.renderers.server_clip import fill_sizes
from agent.renderers.server_job import JobFailedError, JobGoneError
from agent.renderers.video_dialects import DIALECTS, find_dialect, read_state
from agent.renderers.video_server import VideoServer
from agent.trajectory import read_trajectory

NAMES = tuple(DIALECTS)
REQUEST = RenderRequest(
    text="a red circle moves up, black background", seed=7, width=96, height=64, num_frames=5, fps=8.0
)
QUEUED = {"status": "queued", "progress": 0}
HALF = {"status": "in_progress", "progress": 50}
DONE = {"status": "completed", "progress": 100}


@pytest.fixture(autouse=True)
def own_jobs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where jobs in flight are noted in this test; no key of this machine is sent anywhere."""
    monkeypatch.setenv("RETAKE_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.delenv("RETAKE_RENDER_API_KEY", raising=False)
    return tmp_path / "cache" / "jobs"


@pytest.fixture(params=NAMES)
def server(request: pytest.FixtureRequest) -> Iterator[LoopbackVideos]:
    with serving(LoopbackVideos(request.param)) as running:
        yield running


@pytest.fixture
def vllm() -> Iterator[LoopbackVideos]:
    with serving(LoopbackVideos("vllm-omni")) as running:
        yield running


def connect(server: LoopbackVideos, **settings: Any) -> VideoServer:
    return VideoServer(server.base_url, **({"pause_seconds": 0.005, "timeout_seconds": 20} | settings))


def stop(done: int, total: int) -> None:
    """A step callback of somebody who has had enough."""
    raise KeyboardInterrupt


class OnServer(RendererConformance):
    request_ = RendererConformance.request_.model_copy(update={"width": 96, "height": 64, "num_frames": 4, "fps": 8.0})
    dialect: str

    @pytest.fixture
    def renderer(self) -> Iterator[VideoServer]:
        with serving(LoopbackVideos(self.dialect)) as server:
            yield connect(server)


class TestVllmOmni(OnServer):
    dialect = "vllm-omni"


class TestSGLang(OnServer):
    dialect = "sglang"


class TestFastVideo(OnServer):
    dialect = "fastvideo"


def test_the_dialect_and_the_model_are_the_ones_the_server_names(server: LoopbackVideos) -> None:
    info = connect(server).info
    assert (info.name, info.model, info.version) == ("server", MODEL, server.dialect)


def test_all_that_is_asked_is_sent_as_the_dialect_has_it(server: LoopbackVideos) -> None:
    request = REQUEST.model_copy(update={"negative": "blur", "num_inference_steps": 4, "guidance_scale": 5.5})
    connect(server).render(request)
    sent = next(fields for method, _, fields in server.seen if method == "POST")
    assert (sent["prompt"], sent["negative_prompt"], sent["model"]) == (REQUEST.text, "blur", MODEL)
    numbers = ("seed", "num_frames", "fps", "num_inference_steps", "guidance_scale")
    assert [float(sent[name]) for name in numbers] == [7, 5, 8, 4, 5.5]
    size = {name: sent[name] for name in ("size", "width", "height") if name in sent}
    assert size == ({"width": "96", "height": "64"} if server.dialect == "vllm-omni" else {"size": "96x64"})


def test_what_is_not_asked_is_left_to_the_server_but_never_the_seed(server: LoopbackVideos) -> None:
    connect(server).render(REQUEST.model_copy(update={"seed": 0}))
    sent = next(fields for method, _, fields in server.seen if method == "POST")
    assert int(sent["seed"]) == 0
    assert not {"negative_prompt", "num_inference_steps", "guidance_scale"} & set(sent)


def test_a_queued_job_is_waited_for_and_its_steps_are_counted(server: LoopbackVideos) -> None:
    server.states = [QUEUED, QUEUED, HALF, DONE]
    counted: list[int] = []
    connect(server).render(
        REQUEST.model_copy(update={"num_inference_steps": 4}), lambda done, total: counted.append(done)
    )
    assert counted[0] == 0
    assert counted == sorted(counted)
    assert set(counted) == {0, 1, 2, 3, 4}


def test_the_job_is_forgotten_here_when_its_clip_is_there(server: LoopbackVideos, own_jobs: Path) -> None:
    connect(server).render(REQUEST)
    assert list(own_jobs.iterdir()) == []


def test_an_address_with_v1_is_the_same_server(server: LoopbackVideos) -> None:
    renderer = VideoServer(f"{server.base_url}/v1/", pause_seconds=0.005)
    assert renderer.render(REQUEST).num_frames == 5


def test_a_failed_job_is_an_error_in_the_servers_words_and_not_tried_again(
    server: LoopbackVideos, own_jobs: Path
) -> None:
    server.states = [HALF, {"status": "failed", "error": {"code": "oom", "message": "CUDA out\nof memory"}}]
    with pytest.raises(JobFailedError, match="CUDA out of memory"):
        connect(server).render(REQUEST)
    assert server.count("POST") == 1
    assert list(own_jobs.iterdir()) == []


@pytest.mark.parametrize("refusal", [
    (400, {"detail": "Invalid request body: num_frames must be 4k+1"}),
    (422, {"detail": [{"loc": ["body", "num_frames"], "msg": "num_frames must be 4k+1"}]}),
    (500, {"error": {"message": "num_frames must be 4k+1", "code": 500}}),
])  # fmt: skip
def test_a_refused_order_is_an_error_in_the_servers_words_and_not_tried_again(
    refusal: tuple[int, Any], server: LoopbackVideos
) -> None:
    server.fail("POST /v1/videos", refusal)
    with pytest.raises(RenderError, match=rf"answered {refusal[0]}.*num_frames must be 4k\+1"):
        connect(server).render(REQUEST)
    assert server.count("POST") == 1


@pytest.mark.parametrize("step", ["POST /v1/videos", "GET /v1/videos/[^/]+$", "GET .*/content"])
def test_a_busy_server_is_asked_again(step: str, server: LoopbackVideos, caplog: pytest.LogCaptureFixture) -> None:
    server.fail(step, *[(status, {"detail": "server is at capacity"}) for status in (503, 429, 502, 503)])
    assert connect(server).render(REQUEST).num_frames == 5
    assert len(server.jobs) == 1
    assert len([line for line in caplog.messages if "at capacity; trying again" in line]) == 1


@pytest.mark.parametrize("step", ["GET /v1/videos/[^/]+$", "GET .*/content"])
def test_a_lost_connection_costs_no_second_job(step: str, server: LoopbackVideos) -> None:
    server.fail(step, "drop", "cut", "drop")
    assert connect(server).render(REQUEST).num_frames == 5
    assert server.count("POST") == 1


def test_a_server_that_falls_silent_is_asked_again(vllm: LoopbackVideos) -> None:
    vllm.fail("GET /v1/videos/", "silence", (200, QUEUED), "silence")
    assert connect(vllm, answer_seconds=1).render(REQUEST).num_frames == 5
    assert vllm.count("POST") == 1


def test_an_order_whose_answer_is_lost_is_given_once_more_and_no_third_time(server: LoopbackVideos) -> None:
    server.fail("POST", "drop")
    assert connect(server).render(REQUEST).num_frames == 5
    server.fail("POST", "drop", "drop", "drop")
    with pytest.raises(JobGoneError, match="before it named the job"):
        connect(server).render(REQUEST)
    assert server.count("POST") == 4


def test_a_job_that_the_server_lost_is_created_anew_once(server: LoopbackVideos, own_jobs: Path) -> None:
    gone = (404, {"detail": "Video not found"})
    server.fail("GET /v1/videos/", gone)
    assert connect(server).render(REQUEST).num_frames == 5
    assert server.count("POST") == 2
    server.fail("GET /v1/videos/", gone, gone)
    with pytest.raises(JobGoneError, match="no longer knows job"):
        connect(server).render(REQUEST)
    assert server.count("POST") == 4
    assert list(own_jobs.iterdir()) == []


def test_a_video_that_is_gone_is_made_anew_once(server: LoopbackVideos) -> None:
    server.fail("/content", (404, {"detail": "Video not found"}))
    assert connect(server).render(REQUEST).num_frames == 5
    assert server.count("POST") == 2


def test_a_job_that_takes_too_long_is_given_up_and_says_how_far_it_was(server: LoopbackVideos) -> None:
    server.states = [QUEUED]
    with pytest.raises(RenderError, match=r"gave up after 0\.1 s: .* is still queued; .*--render-timeout"):
        connect(server, timeout_seconds=0.1).render(REQUEST)
    assert server.count("DELETE") == (server.dialect == "vllm-omni")


def test_a_stop_is_heard_while_the_job_is_queued_and_cancels_it_where_that_ends_the_work(
    server: LoopbackVideos, own_jobs: Path
) -> None:
    server.states = [QUEUED]
    with pytest.raises(KeyboardInterrupt):
        connect(server).render(REQUEST, stop)
    if server.dialect == "vllm-omni":
        assert (len(server.jobs), list(own_jobs.iterdir())) == (0, [])
        return
    # SGLang and FastVideo would go on working all the same: the job is left to be taken up.
    server.states = [DONE]
    connect(server).render(REQUEST)
    assert (server.count("POST"), server.count("DELETE")) == (1, 0)


def test_a_stop_when_the_job_is_done_leaves_its_video_to_be_taken_up(server: LoopbackVideos) -> None:
    with pytest.raises(KeyboardInterrupt):
        connect(server).render(REQUEST, stop)
    connect(server).render(REQUEST)
    assert (server.count("POST"), server.count("DELETE")) == (1, 0)


def test_a_stop_that_can_not_be_passed_on_still_stops(vllm: LoopbackVideos, caplog: pytest.LogCaptureFixture) -> None:
    vllm.states = [QUEUED]
    vllm.fail("DELETE", (500, {"error": {"message": "engine is wedged"}}))
    with pytest.raises(KeyboardInterrupt):
        connect(vllm).render(REQUEST, stop)
    assert "engine is wedged" in caplog.text


RENDER_AND_HANG = f"""
import sys
from agent.renderer import RenderRequest
from agent.renderers.video_server import VideoServer
VideoServer(sys.argv[1], pause_seconds=0.01).render(RenderRequest(**{REQUEST.model_dump()!r}))
"""


def test_a_process_that_is_killed_in_flight_leaves_a_job_that_the_next_one_takes_up(
    server: LoopbackVideos, own_jobs: Path
) -> None:
    server.states = [QUEUED]
    with subprocess.Popen([sys.executable, "-c", RENDER_AND_HANG, server.base_url], cwd=ROOT) as process:
        try:
            wait_until(lambda: server.count("GET /v1/videos/") > 1, 60)
        finally:
            os.kill(process.pid, signal.SIGKILL)
    assert len(list(own_jobs.iterdir())) == 1
    server.states = [DONE]
    other = REQUEST.model_copy(update={"seed": 8})
    connect(server).render(other)
    assert server.count("POST") == 2, "another request has a job of its own"
    connect(server).render(REQUEST)
    assert server.count("POST") == 2
    assert list(own_jobs.iterdir()) == []


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", '{"job": 3}', '{"job": "gone"}'])
def test_a_note_that_is_damaged_or_outdated_costs_nothing(content: str, own_jobs: Path) -> None:
    with serving(LoopbackVideos("sglang")) as server:
        server.states = [QUEUED]
        with pytest.raises(KeyboardInterrupt):
            connect(server).render(REQUEST, stop)
        server.states = [DONE]
        (note,) = own_jobs.iterdir()
        note.write_text(content, encoding="utf-8")
        assert connect(server).render(REQUEST).num_frames == 5
        assert server.count("POST") == 2
    assert list(own_jobs.iterdir()) == []


def test_a_cache_that_can_not_be_written_costs_only_the_taking_up(
    server: LoopbackVideos, own_jobs: Path, caplog: pytest.LogCaptureFixture
) -> None:
    own_jobs.parent.mkdir()
    own_jobs.write_text("in the way", encoding="utf-8")
    assert connect(server).render(REQUEST).num_frames == 5
    assert "can't be taken up" in caplog.text


@pytest.mark.parametrize(
    ("change", "made"),
    [
        ({"num_frames": 4}, "4 frames of 96x64 at 8 fps"),
        ({"num_frames": 9}, "9 frames of 96x64 at 8 fps"),
        ({"num_frames": 80}, "at least 69 frames of 96x64 at 8 fps"),
        ({"fps": 16}, "5 frames of 96x64 at 16 fps"),
        ({"size": "64x64", "width": 64}, "5 frames of 64x64 at 8 fps"),
    ],
)
def test_a_server_that_makes_other_clips_than_asked_for_stops_the_run_with_what_to_ask(
    change: dict[str, Any], made: str, server: LoopbackVideos
) -> None:
    server.changes = change
    with pytest.raises(UsageError, match=f"made {made} where 5 of 96x64 at 8 were asked for; .*--num-frames"):
        connect(server).render(REQUEST)


@pytest.mark.parametrize("content", [b"", b"not a video", "<html>sorry</html>"])
def test_a_file_that_is_no_video_is_an_error(content: Any, server: LoopbackVideos) -> None:
    server.fail("/content", (200, content))
    with pytest.raises(RenderError, match="bytes that are no good video"):
        connect(server).render(REQUEST)


def test_half_a_video_file_is_an_error(server: LoopbackVideos) -> None:
    video = paint_video(REQUEST.text, 7, 96, 64, 5, 8)
    server.fail("/content", (200, video[: len(video) // 2]))
    with pytest.raises(RenderError, match="no good video"):
        connect(server).render(REQUEST)


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ((200, {"status": "queued"}), "named no job"),
        ((200, {"id": "", "status": "queued"}), "named no job"),
        ((200, "<html>Welcome</html>"), "no JSON object"),
        ((200, [1]), "no JSON object"),
        ((307, ""), "answered 307"),
    ],
)
def test_an_answer_that_makes_no_sense_is_an_error_and_no_crash(
    answer: tuple[int, Any], said: str, server: LoopbackVideos
) -> None:
    server.fail("POST", answer)
    with pytest.raises(RenderError, match=said):
        connect(server).render(REQUEST)


@given(
    st.fixed_dictionaries(
        {}, optional={name: st.none() | st.text() | st.integers() | st.dictionaries(st.text(), st.text())
                      for name in ("id", "status", "progress", "error")},
    )
    | st.fixed_dictionaries(
        {"status": st.sampled_from(["queued", "in_progress", "completed", "failed", "deleted"])},
        optional={"progress": st.floats(allow_nan=False) | st.text(), "error": st.none() | st.text() | st.just({})},
    )
)  # fmt: skip
def test_any_record_is_a_state_or_a_render_error(record: dict[str, Any]) -> None:
    with suppress(RenderError):
        assert read_state(record).phase in ("waiting", "done", "failed")


@given(
    st.builds(
        RenderRequest,
        text=st.just("a"),
        seed=st.just(0),
        width=st.none() | st.integers(1, 5000),
        height=st.none() | st.integers(1, 5000),
        num_frames=st.none() | st.integers(1, 999),
        fps=st.none() | st.floats(0.1, 240),
    )
)
def test_sizes_are_filled_in_for_good(request_: RenderRequest) -> None:
    filled = fill_sizes(request_)
    assert fill_sizes(filled) == filled
    assert filled.width is not None
    assert filled.width % 16 == 0
    assert abs(filled.width - (request_.width or filled.width)) <= 15
    assert filled.num_frames == (request_.num_frames or 81)


def test_the_key_is_sent_and_stands_in_no_message(
    vllm: LoopbackVideos, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("RETAKE_RENDER_API_KEY", KEY)
    monkeypatch.setenv("OPENAI_API_KEY", "sk-for-somebody-else")
    vllm.fail("POST", (503, {"detail": f"busy with {KEY}"}), (400, {"detail": f"no such key as {KEY}"}))
    renderer = connect(vllm)
    with pytest.raises(RenderError) as problem:
        renderer.render(REQUEST)
    assert vllm.keys == {f"Bearer {KEY}"}
    assert KEY not in f"{problem.value} {caplog.text} {vars(renderer)}"


def test_only_the_render_servers_own_key_is_ever_sent(vllm: LoopbackVideos, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.setenv("RETAKE_API_KEY", KEY)
    connect(vllm).render(REQUEST)
    assert vllm.keys == {None}


@pytest.mark.parametrize("status", [401, 403])
def test_a_wrong_key_is_the_users_slip_at_once_and_later(status: int, vllm: LoopbackVideos) -> None:
    vllm.fail("/v1/models", (status, {"error": "Unauthorized"}))
    with pytest.raises(UsageError, match="RETAKE_RENDER_API_KEY"):
        connect(vllm)
    renderer = connect(vllm)
    vllm.fail("POST", (status, {"error": "Unauthorized"}))
    with pytest.raises(UsageError, match="RETAKE_RENDER_API_KEY"):
        renderer.render(REQUEST)


def test_a_key_that_can_be_none_is_refused(vllm: LoopbackVideos, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RETAKE_RENDER_API_KEY", "sk\n1")
    with pytest.raises(UsageError, match="RETAKE_RENDER_API_KEY"):
        connect(vllm)


@pytest.mark.parametrize(
    ("base_url", "said"),
    [
        ("127.0.0.1:8091", "is no address"),
        ("ftp://127.0.0.1", "is no address"),
        ("http://", "is no address"),
        ("http://127.0.0.1:port", "is no address"),
        ("http://user:secret@127.0.0.1:9", "no user, password"),
        ("http://127.0.0.1:9/?key=secret", "no user, password"),
        ("http://127.0.0.1:9", "can't reach http://127.0.0.1:9;"),
    ],
)
def test_an_address_without_a_server_is_the_users_slip_at_once(base_url: str, said: str) -> None:
    with pytest.raises(UsageError, match=said) as slip:
        VideoServer(base_url)
    assert "secret" not in str(slip.value)


def test_another_model_than_the_served_one_is_refused(server: LoopbackVideos) -> None:
    assert connect(server, model=MODEL).info.model == MODEL
    with pytest.raises(UsageError, match=f"serves no model 'other'; it serves {MODEL}"):
        connect(server, model="other")


def test_a_server_that_lists_no_models_needs_its_dialect_and_model_named(vllm: LoopbackVideos) -> None:
    vllm.fail("/v1/models", *[(404, {"detail": "Not Found"})] * 3)
    with pytest.raises(UsageError, match="--render-dialect vllm-omni, sglang, fastvideo"):
        connect(vllm)
    with pytest.raises(UsageError, match="--model"):
        connect(vllm, dialect="vllm-omni")
    assert connect(vllm, dialect="vllm-omni", model=MODEL).render(REQUEST).num_frames == 5


def test_a_server_of_another_kind_is_told_from_the_known_ones(vllm: LoopbackVideos) -> None:
    vllm.owner = "ollama"
    with pytest.raises(UsageError, match="owned by ollama"):
        connect(vllm)
    with pytest.raises(UsageError, match="known: auto, vllm-omni, sglang, fastvideo"):
        find_dialect("sora", ["vllm"], vllm.base_url)


def test_a_server_that_makes_no_videos_is_the_users_slip(vllm: LoopbackVideos) -> None:
    vllm.fail("POST", (404, {"detail": "Not Found"}))
    with pytest.raises(UsageError, match="is it a server of videos"):
        connect(vllm).render(REQUEST)


def test_several_threads_share_one_renderer(server: LoopbackVideos) -> None:
    server.states = [QUEUED, HALF, DONE]
    renderer = connect(server)
    clips: dict[int, np.ndarray] = {}

    def render(seed: int) -> None:
        clips[seed] = renderer.render(REQUEST.model_copy(update={"seed": seed})).frames

    threads = [threading.Thread(target=render, args=(seed,)) for seed in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    alone = [renderer.render(REQUEST.model_copy(update={"seed": seed})).frames for seed in range(3)]
    assert all(np.array_equal(clips[seed], alone[seed]) for seed in range(3))


RUN = [
    "--renderer=server", "--embedder=hashing", "--graph=none", "--size=96x96", "--num-frames=6", "--fps=8",
    "--seeds=1", "--verify-seeds=1", "--max-iterations=1",
]  # fmt: skip


@pytest.mark.parametrize("server", ["sglang"], indirect=True)
def test_retake_run_renders_on_the_server_and_finds_the_run_again(server: LoopbackVideos, tmp_path: Path) -> None:
    command = ("run", "a red circle moves up", f"--output-dir={tmp_path / 'runs'}", *RUN)
    command += (f"--render-base-url={server.base_url}",)
    done = retake(*command, RETAKE_RENDER_API_KEY=KEY)
    assert done.returncode == 0, done.stdout + done.stderr
    (folder,) = (tmp_path / "runs").iterdir()
    trajectory = read_trajectory(folder)
    assert trajectory.renders
    assert all(render.failure is None for render in trajectory.renders)
    assert server.count("POST") == len(trajectory.renders)
    renderer = trajectory.header["models"]["renderer"]
    assert (renderer["name"], renderer["model"], renderer["version"]) == ("server", MODEL, server.dialect)
    saved = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    assert saved["render"]["base_url"] == server.base_url
    for file in folder.rglob("*"):
        assert not file.is_file() or KEY.encode() not in file.read_bytes()
    posts = server.count("POST")
    assert retake(*command, RETAKE_RENDER_API_KEY=KEY).returncode == 0
    assert server.count("POST") == posts


def test_retake_run_takes_up_the_job_of_a_killed_run(vllm: LoopbackVideos, tmp_path: Path) -> None:
    vllm.states = [QUEUED]
    command = ("run", "a red circle moves up", f"--output-dir={tmp_path / 'runs'}", *RUN)
    command += (f"--render-base-url={vllm.base_url}",)
    arguments = [sys.executable, "-c", "import retake; retake.main()", *command]
    with subprocess.Popen(arguments, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            wait_until(lambda: vllm.count("GET /v1/videos/") > 0, 60)
        finally:
            os.kill(process.pid, signal.SIGKILL)
    assert vllm.count("POST") == 1
    vllm.states = [DONE]
    done = retake(*command)
    assert done.returncode == 0, done.stdout + done.stderr
    (folder,) = (tmp_path / "runs").iterdir()
    assert vllm.count("POST") == len(read_trajectory(folder).renders)


def test_retake_run_without_a_server_writes_nothing(tmp_path: Path) -> None:
    output_dir = f"--output-dir={tmp_path / 'runs'}"
    done = retake("run", "a red circle moves up", output_dir, *RUN, "--render-base-url=http://127.0.0.1:9")
    assert done.returncode == 2
    assert "can't reach http://127.0.0.1:9" in " ".join(done.stderr.split())
    assert not (tmp_path / "runs").exists()


def test_the_doctor_names_the_server_or_says_what_is_wrong_with_it(vllm: LoopbackVideos) -> None:
    config = fast_config(render__renderer="server", render__base_url=vllm.base_url)
    found = {finding.what: finding for finding in examine(config)}
    assert found["renderer"].state == "good"
    assert f"{vllm.dialect} at {vllm.base_url}" in found["renderer"].said
    vllm.fail("/v1/models", (503, {"detail": "loading"}), (503, {"detail": "loading"}))
    found = {finding.what: finding for finding in examine(config)}
    assert found["renderer"].state == "broken"
    assert "loading" in found["renderer"].said


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"render__renderer": "server"}, "--render-base-url"),
        ({"render__renderer": "comfyui", "render__base_url": "http://127.0.0.1:8188"}, "--workflow"),
        ({"render__renderer": "server", "render__base_url": "http://me:secret@h"}, "no user, password"),
        ({"render__renderer": "server", "render__dialect": "sora"}, "render.dialect"),
    ],
)
def test_settings_that_do_not_fit_are_refused(settings: dict[str, Any], said: str) -> None:
    with pytest.raises(UsageError, match=said) as slip:
        fast_config(**settings)
    assert "\n" not in str(slip.value)
