"""The ComfyUI renderer against a loopback server that speaks ComfyUI's routes, and its workflows with slots."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from command import ROOT, retake
from conformance_renderer import RendererConformance
from hypothesis import given
from hypothesis import strategies as st
from video_servers import KEY, LoopbackComfyUI, serving, wait_until

from agent.errors import RenderError, UsageError
from agent.renderer import RenderRequest
from agent.renderers.comfyui import ComfyUI
from agent.renderers.comfyui_workflow import Workflow
from agent.renderers.server_job import JobFailedError, JobGoneError
from agent.trajectory import read_trajectory

REQUEST = RenderRequest(
    text="a red circle moves up, black background", seed=7, width=96, height=64, num_frames=5, fps=8.0
)
NODES: dict[str, Any] = {
    "6": {"class_type": "CLIPTextEncode", "inputs": {"text": "{{prompt}}", "clip": ["38", 0]}},
    "40": {
        "class_type": "EmptyHunyuanLatentVideo",
        "inputs": {"width": "{{width}}", "height": "{{ height }}", "length": "{{num_frames}}", "batch_size": 1},
    },
    "3": {"class_type": "KSampler", "inputs": {"seed": "{{seed}}", "steps": 4, "positive": ["6", 0]}},
    "8": {"class_type": "VAEDecode", "inputs": {"samples": ["3", 0]}},
    "47": {"class_type": "CreateVideo", "inputs": {"images": ["8", 0], "fps": "{{fps}}"}},
    "9": {"class_type": "SaveVideo", "inputs": {"video": ["47", 0], "filename_prefix": "video/retake"}},
}


@pytest.fixture(autouse=True)
def own_jobs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where jobs in flight are noted in this test; no key of this machine is sent anywhere."""
    monkeypatch.setenv("RETAKE_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.delenv("RETAKE_RENDER_API_KEY", raising=False)
    return tmp_path / "cache" / "jobs"


@pytest.fixture
def server() -> Iterator[LoopbackComfyUI]:
    with serving(LoopbackComfyUI()) as running:
        yield running


def workflow(folder: Path, **changes: Any) -> Path:
    """A workflow file; `changes` replace inputs by node's class, as `KSampler={"steps": 3}`."""
    nodes = json.loads(json.dumps(NODES))
    for node in nodes.values():
        node["inputs"] |= changes.get(node["class_type"], {})
    path = folder / "wan.json"
    path.write_text(json.dumps(nodes), encoding="utf-8")
    return path


def connect(server: LoopbackComfyUI, path: Path, **settings: Any) -> ComfyUI:
    return ComfyUI(server.base_url, path, **({"pause_seconds": 0.005, "timeout_seconds": 20} | settings))


@pytest.fixture(scope="module")
def slotted(tmp_path_factory: pytest.TempPathFactory) -> Workflow:
    path = tmp_path_factory.mktemp("workflow") / "slotted.json"
    inputs = {"text": "{{prompt}}", "noted": "<{{prompt}}>", "seed": "{{seed}}"}
    path.write_text(json.dumps({"1": {"class_type": "X", "inputs": inputs}}), encoding="utf-8")
    return Workflow(path)


def stop(done: int, total: int) -> None:
    """A step callback of somebody who has had enough."""
    raise KeyboardInterrupt


class TestComfyUI(RendererConformance):
    request_ = RendererConformance.request_.model_copy(update={"width": 96, "height": 64, "num_frames": 4, "fps": 8.0})

    @pytest.fixture
    def renderer(self, server: LoopbackComfyUI, tmp_path: Path) -> ComfyUI:
        return connect(server, workflow(tmp_path))


def test_slots_are_typed_where_they_are_the_whole_value_and_text_elsewhere(tmp_path: Path) -> None:
    path = workflow(tmp_path, CLIPTextEncode={"text": "{{prompt}}, seed {{seed}}, film grain"})
    filled = Workflow(path).fill(
        {"prompt": "a {{seed}} and {x|y}", "seed": 7, "width": 96, "height": 64, "num_frames": 5, "fps": 8}
    )
    assert filled["6"]["inputs"]["text"] == "a {{seed}} and {x|y}, seed 7, film grain"
    latent = filled["40"]["inputs"]
    assert latent == {"width": 96, "height": 64, "length": 5, "batch_size": 1}
    assert filled["3"]["inputs"] == {"seed": 7, "steps": 4, "positive": ["6", 0]}
    assert filled["47"]["inputs"]["fps"] == 8


@given(text=st.text() | st.just("{{seed}} \\1 {{prompt}}"))
def test_any_text_goes_into_its_slot_as_it_is(slotted: Workflow, text: str) -> None:
    filled = slotted.fill({"prompt": text, "seed": 1})
    assert filled["1"]["inputs"] == {"text": text, "noted": f"<{text}>", "seed": 1}


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "can't read the workflow"),
        ("{", "is no JSON"),
        (b"\xff\xfe\x00", "is no JSON"),
        ("[]", "API format"),
        ("{}", "API format"),
        ('{"nodes": [], "links": []}', r"Export \(API\)"),
        ('{"1": {"class_type": "X", "inputs": {"seed": "{{seed}}"}}}', r"has no \{\{prompt\}\} slot"),
        ('{"1": {"class_type": "X", "inputs": {"text": "{{prompt}}"}}}', r"has no \{\{seed\}\} slot"),
        ('{"1": {"class_type": "X", "inputs": {"text": "{{promt}}"}}}', r"unknown slot \{\{promt\}\}; known: prompt, "),
    ],
)
def test_a_workflow_that_can_not_be_used_is_refused_in_one_line(
    content: str | bytes | None, said: str, tmp_path: Path
) -> None:
    path = tmp_path / "wan.json"
    if content is not None:
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    with pytest.raises(UsageError, match=said) as slip:
        ComfyUI("http://127.0.0.1:9", path)
    assert "\n" not in str(slip.value)


def test_the_model_is_the_workflows_name_and_content(server: LoopbackComfyUI, tmp_path: Path) -> None:
    info = connect(server, workflow(tmp_path)).info
    assert (info.name, info.version) == ("comfyui", "0.3.76")
    assert info.model.startswith("wan.json@")
    assert connect(server, workflow(tmp_path)).info == info
    assert connect(server, workflow(tmp_path, KSampler={"steps": 5})).info.model != info.model


def test_what_the_workflow_has_no_slot_for_is_not_asked(server: LoopbackComfyUI, tmp_path: Path) -> None:
    wish = REQUEST.model_copy(update={"negative": "blur", "num_inference_steps": 9, "guidance_scale": 3.0})
    resolved = connect(server, workflow(tmp_path)).resolve(wish)
    assert (resolved.negative, resolved.num_inference_steps, resolved.guidance_scale) == (None, None, None)
    slotted = workflow(tmp_path, KSampler={"steps": "{{steps}}", "cfg": "{{guidance}}", "negative": "{{negative}}"})
    renderer = connect(server, slotted)
    assert renderer.resolve(wish) == wish
    renderer.render(wish)
    assert list(server.jobs.values())[-1]["3"]["inputs"]["steps"] == 9
    assert list(server.jobs.values())[-1]["3"]["inputs"]["negative"] == "blur"


def test_a_slot_that_nothing_fills_is_refused_with_the_flag_that_does(server: LoopbackComfyUI, tmp_path: Path) -> None:
    renderer = connect(server, workflow(tmp_path, KSampler={"steps": "{{steps}}"}))
    with pytest.raises(UsageError, match="--num-inference-steps"):
        renderer.resolve(REQUEST)


def test_a_prompt_is_waited_for_through_queue_and_run(server: LoopbackComfyUI, tmp_path: Path, own_jobs: Path) -> None:
    server.queued, server.running = 2, 2
    counted: list[int] = []
    connect(server, workflow(tmp_path)).render(REQUEST, lambda done, total: counted.append(done))
    assert counted == [0] * 4 + list(range(1, 101))
    assert list(own_jobs.iterdir()) == []


def test_a_video_of_video_helper_suite_is_found_and_a_kept_one_preferred(
    server: LoopbackComfyUI, tmp_path: Path
) -> None:
    server.save = lambda name: {
        "8": {"images": [{"filename": "frame.png", "subfolder": "", "type": "temp"}], "text": ["done"]},
        "7": {"gifs": [{"filename": "preview.webm", "subfolder": "", "type": "temp"}]},
        "9": {"gifs": [{"filename": name, "subfolder": "video", "type": "output", "format": "video/h264-mp4"}]},
    }
    assert connect(server, workflow(tmp_path)).render(REQUEST).num_frames == 5


@pytest.mark.parametrize(
    ("outputs", "said"),
    [
        ({}, "no video but nothing"),
        ({"9": {"images": [{"filename": "a.png", "type": "output"}]}}, "no video but a.png"),
    ],
)
def test_a_workflow_that_saves_no_video_stops_the_run(
    outputs: dict[str, Any], said: str, server: LoopbackComfyUI, tmp_path: Path
) -> None:
    server.save = lambda name: outputs
    with pytest.raises(UsageError, match=said):
        connect(server, workflow(tmp_path)).render(REQUEST)


@pytest.mark.parametrize(
    ("node", "said"),
    [
        ({"KSampler": {"seed": "seed {{seed}}"}}, r"node 3 \(KSampler\): Failed to convert: seed, seed 7, INT"),
        ({}, "Node not found: WanVideoSampler"),
    ],
)
def test_a_workflow_that_the_server_refuses_stops_the_run(
    node: dict[str, Any], said: str, server: LoopbackComfyUI, tmp_path: Path
) -> None:
    path = workflow(tmp_path, **node)
    if not node:
        path.write_text(path.read_text(encoding="utf-8").replace("VAEDecode", "WanVideoSampler"), encoding="utf-8")
    with pytest.raises(UsageError, match=f"refuses the workflow: {said}"):
        connect(server, path).render(REQUEST)
    assert server.count("POST /prompt") == 1


@pytest.mark.parametrize(
    ("messages", "said"),
    [
        (
            [["execution_error", {"node_type": "KSampler", "exception_message": "CUDA out\nof memory"}]],
            "failed in KSampler: CUDA out of memory",
        ),
        ([["execution_interrupted", {}]], "was interrupted on the server"),
        ([["execution_start", {}]], "does not say why"),
    ],
)
def test_a_prompt_that_fails_is_an_error_in_the_servers_words(
    messages: list[Any], said: str, server: LoopbackComfyUI, tmp_path: Path, own_jobs: Path
) -> None:
    server.error = messages
    with pytest.raises(JobFailedError, match=said):
        connect(server, workflow(tmp_path)).render(REQUEST)
    assert server.count("POST /prompt") == 1
    assert list(own_jobs.iterdir()) == []


@pytest.mark.parametrize("step", ["POST /prompt", "GET /queue", "GET /history", "GET /view"])
def test_a_busy_server_is_asked_again(step: str, server: LoopbackComfyUI, tmp_path: Path) -> None:
    server.fail(step, *[(503, "loading")] * 2)
    assert connect(server, workflow(tmp_path)).render(REQUEST).num_frames == 5
    assert len(server.jobs) == 1


@pytest.mark.parametrize("step", ["GET /queue", "GET /history", "GET /view"])
def test_a_lost_connection_costs_no_second_prompt(step: str, server: LoopbackComfyUI, tmp_path: Path) -> None:
    server.fail(step, "drop", "cut", "drop")
    assert connect(server, workflow(tmp_path)).render(REQUEST).num_frames == 5
    assert server.count("POST /prompt") == 1


def test_a_server_that_falls_silent_is_asked_again(server: LoopbackComfyUI, tmp_path: Path) -> None:
    server.fail("GET /(history|view)", "silence", "silence")
    assert connect(server, workflow(tmp_path), answer_seconds=1).render(REQUEST).num_frames == 5
    assert server.count("POST /prompt") == 1


def test_a_prompt_that_a_restarted_server_lost_is_queued_anew_once(server: LoopbackComfyUI, tmp_path: Path) -> None:
    server.queued = 1_000
    renderer = connect(server, workflow(tmp_path))

    def restart(done: int, total: int) -> None:
        if server.queued:
            server.jobs.clear()
        server.queued = 0

    assert renderer.render(REQUEST, restart).num_frames == 5
    assert server.count("POST /prompt") == 2
    server.queued = 1_000
    with pytest.raises(JobGoneError, match="no longer knows prompt"):
        renderer.render(REQUEST, lambda done, total: server.jobs.clear())
    assert server.count("POST /prompt") == 4


def test_a_file_that_is_gone_is_made_anew_once(server: LoopbackComfyUI, tmp_path: Path) -> None:
    server.fail("GET /view", (404, ""))
    assert connect(server, workflow(tmp_path)).render(REQUEST).num_frames == 5
    assert server.count("POST /prompt") == 2


def test_a_prompt_that_takes_too_long_is_given_up_and_taken_off_the_queue(
    server: LoopbackComfyUI, tmp_path: Path
) -> None:
    server.queued = 1_000_000
    with pytest.raises(RenderError, match=r"is still queued; .*--render-timeout"):
        connect(server, workflow(tmp_path), timeout_seconds=0.1).render(REQUEST)
    assert server.jobs == {}
    assert server.count("POST /interrupt") == 0


def test_a_stop_interrupts_the_running_prompt_by_its_id_and_no_other(server: LoopbackComfyUI, tmp_path: Path) -> None:
    server.running = 1_000
    with pytest.raises(KeyboardInterrupt):
        connect(server, workflow(tmp_path)).render(REQUEST, stop)
    sent = [fields for method, path, fields in server.seen if (method, path) == ("POST", "/interrupt")]
    assert sent == [{"prompt_id": next(iter(server.jobs))}]


def test_a_stop_when_the_prompt_has_just_ended_interrupts_nobody_elses(server: LoopbackComfyUI, tmp_path: Path) -> None:
    server.running = 1
    with pytest.raises(KeyboardInterrupt):
        connect(server, workflow(tmp_path)).render(REQUEST, stop)
    assert server.count("POST /interrupt") == 0
    connect(server, workflow(tmp_path)).render(REQUEST)
    assert server.count("POST /prompt") == 1


RENDER_AND_HANG = f"""
import sys
from agent.renderer import RenderRequest
from agent.renderers.comfyui import ComfyUI
ComfyUI(sys.argv[1], sys.argv[2], pause_seconds=0.01).render(RenderRequest(**{REQUEST.model_dump()!r}))
"""


def test_a_process_that_is_killed_in_flight_leaves_a_prompt_that_the_next_one_takes_up(
    server: LoopbackComfyUI, tmp_path: Path
) -> None:
    server.running = 1_000_000
    path = workflow(tmp_path)
    command = [sys.executable, "-c", RENDER_AND_HANG, server.base_url, str(path)]
    with subprocess.Popen(command, cwd=ROOT) as process:
        try:
            wait_until(lambda: server.count("GET /history/") > 1, 60)
        finally:
            os.kill(process.pid, signal.SIGKILL)
    server.running = 0
    assert connect(server, path).render(REQUEST).num_frames == 5
    assert server.count("POST /prompt") == 1


def test_a_workflow_with_sizes_of_its_own_says_what_to_ask_for(server: LoopbackComfyUI, tmp_path: Path) -> None:
    path = workflow(tmp_path, EmptyHunyuanLatentVideo={"width": 64, "height": 64, "length": 3})
    with pytest.raises(UsageError, match=r"made 3 frames of 64x64 at 8 fps .*--num-frames, --size and --fps"):
        connect(server, path).render(REQUEST)
    told = REQUEST.model_copy(update={"width": 64, "height": 64, "num_frames": 3})
    assert connect(server, path).render(told).num_frames == 3


def test_rates_that_are_no_whole_numbers_are_kept(server: LoopbackComfyUI, tmp_path: Path) -> None:
    assert connect(server, workflow(tmp_path)).render(REQUEST.model_copy(update={"fps": 12.5})).fps == 12.5


def test_a_server_that_is_no_comfyui_is_the_users_slip(server: LoopbackComfyUI, tmp_path: Path) -> None:
    server.fail("/system_stats", (404, {"detail": "Not Found"}), (200, "<html>Welcome</html>"))
    for _ in range(2):
        with pytest.raises(UsageError, match="asked as a ComfyUI server"):
            connect(server, workflow(tmp_path))


def test_retake_run_renders_with_the_workflow(server: LoopbackComfyUI, tmp_path: Path) -> None:
    done = retake(
        "run", "a red circle moves up", f"--output-dir={tmp_path / 'runs'}", "--renderer=comfyui",
        f"--render-base-url={server.base_url}", f"--workflow={workflow(tmp_path)}", "--embedder=hashing",
        "--graph=none", "--size=96x96", "--num-frames=6", "--fps=8", "--seeds=1", "--verify-seeds=1",
        "--max-iterations=1", RETAKE_RENDER_API_KEY=KEY,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    (folder,) = (tmp_path / "runs").iterdir()
    trajectory = read_trajectory(folder)
    assert all(render.failure is None for render in trajectory.renders)
    assert server.count("POST /prompt") == len(trajectory.renders) > 0
    assert trajectory.header["models"]["renderer"]["model"].startswith("wan.json@")
    assert server.keys == {f"Bearer {KEY}"}
