"""Servers that give their memory back, each in its own format, over real sockets, in good and bad days."""

import json
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from memory_servers import (
    LoopbackComfyUIWithMemory,
    LoopbackLMStudio,
    LoopbackOllama,
    LoopbackSGLang,
    LoopbackVLLM,
    models,
)
from video_servers import KEY, MODEL, LoopbackServer, LoopbackVideos, Reply, serving

from agent.errors import StageError
from agent.memory.server_control import ServerMemoryError, SilentServerError
from agent.memory.servers import NoLeverError, ServerResident, comfyui_resident, server_resident
from agent.renderer import RenderRequest
from agent.renderers.comfyui import ComfyUI
from agent.renderers.video_server import VideoServer
from feedback.resident import Resident

WORKFLOW = {
    "1": {"class_type": "CLIPTextEncode", "inputs": {"text": "{{prompt}}"}},
    "2": {
        "class_type": "EmptyHunyuanLatentVideo",
        "inputs": {"width": "{{width}}", "height": "{{height}}", "length": "{{num_frames}}"},
    },
    "3": {"class_type": "KSampler", "inputs": {"seed": "{{seed}}"}},
    "4": {"class_type": "CreateVideo", "inputs": {"fps": "{{fps}}"}},
    "5": {"class_type": "SaveVideo", "inputs": {}},
}
REQUEST = RenderRequest(
    text="a red circle moves up, black background", seed=7, width=96, height=64, num_frames=5, fps=8.0
)


@pytest.fixture(autouse=True)
def own_jobs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RETAKE_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.delenv("RETAKE_RENDER_API_KEY", raising=False)


@pytest.fixture
def vllm() -> Iterator[LoopbackVLLM]:
    with serving(LoopbackVLLM()) as server:
        yield server


@pytest.fixture
def sglang() -> Iterator[LoopbackSGLang]:
    with serving(LoopbackSGLang()) as server:
        yield server


@pytest.fixture
def comfyui() -> Iterator[LoopbackComfyUIWithMemory]:
    with serving(LoopbackComfyUIWithMemory()) as server:
        yield server


def part(server: LoopbackServer, model: str = "base", **settings: Any) -> ServerResident:
    return server_resident(f"{server.base_url}/v1", model, **({"seconds": 5.0} | settings))


def memory_of(server: LoopbackServer) -> object:
    """What it holds, in its own terms."""
    match server:
        case LoopbackVLLM() | LoopbackSGLang():
            return server.holds_memory
        case LoopbackOllama() | LoopbackLMStudio():
            return set(server.loaded)
        case LoopbackComfyUIWithMemory():
            return server.reserved
    raise AssertionError


KINDS: dict[str, tuple[Callable[[], LoopbackServer], object, object, object]] = {
    "vllm": (LoopbackVLLM, True, False, True),
    "sglang": (LoopbackSGLang, True, False, True),
    "sglang-videos": (lambda: LoopbackSGLang(serves_videos=True), True, False, True),
    "ollama": (lambda: LoopbackOllama("base:latest"), {"base:latest"}, set(), set()),
    "lm-studio": (lambda: LoopbackLMStudio({"base": "base"}), {"base"}, set(), {"base"}),
    "comfyui": (LoopbackComfyUIWithMemory, 9_000_000_064, 64, 64),
}
"""How to start it, and what it holds before, released, and acquired again."""


@pytest.mark.parametrize("kind", KINDS)
def test_what_a_server_holds_is_free_once_release_returns_and_acquire_brings_it_back(kind: str) -> None:
    start, before, released, after = KINDS[kind]
    with serving(start()) as server:
        mine = comfyui_resident(server.base_url, "wan.json") if kind == "comfyui" else part(server)
        assert isinstance(mine, Resident)
        assert memory_of(server) == before
        mine.release()
        assert memory_of(server) == released
        mine.acquire()
        assert memory_of(server) == after


@pytest.mark.parametrize("kind", KINDS)
def test_to_be_told_again_changes_nothing(kind: str) -> None:
    start, _, released, after = KINDS[kind]
    with serving(start()) as server:
        mine = comfyui_resident(server.base_url, "wan.json") if kind == "comfyui" else part(server)
        for _ in range(2):
            mine.release()
            assert memory_of(server) == released
        for _ in range(2):
            mine.acquire()
            assert memory_of(server) == after
        assert not getattr(server, "has_crashed", False)


def test_a_server_is_asked_what_it_is_once_and_only_when_it_has_to_make_room(vllm: LoopbackVLLM) -> None:
    rewriter, judge = part(vllm), part(vllm, "base-lora")
    assert (rewriter.holdings[0].place, rewriter.holdings[0].weight_bytes) == (vllm.base_url, None)
    assert "does not say" in rewriter.holdings[0].why_unknown
    assert not vllm.seen
    for one in (rewriter, judge, rewriter):
        one.release()
        one.acquire()
    assert vllm.count("GET /v1/models") == 1


def test_a_vllm_that_sleeps_already_is_not_told_to(vllm: LoopbackVLLM) -> None:
    vllm.is_sleeping = True
    part(vllm).release()
    assert vllm.count("POST") == 0


def test_a_vllm_that_a_killed_run_left_asleep_is_woken(vllm: LoopbackVLLM) -> None:
    vllm.is_sleeping = True
    part(vllm).acquire()
    assert not vllm.is_sleeping


def test_a_vllm_without_dev_mode_says_how_to_start_it_and_is_asked_once() -> None:
    with serving(LoopbackVLLM(dev_mode=False)) as server:
        mine = part(server)
        for _ in range(2):
            with pytest.raises(NoLeverError, match="VLLM_SERVER_DEV_MODE=1 and --enable-sleep-mode"):
                mine.release()
        assert [path for _, path, _ in server.seen] == ["/v1/models", "/is_sleeping"]
        assert not mine.is_away
        mine.acquire()


def test_an_sglang_without_memory_saver_says_how_to_start_it_and_is_left_alone() -> None:
    with serving(LoopbackSGLang(memory_saver=False)) as server:
        with pytest.raises(NoLeverError, match="--enable-memory-saver"):
            part(server).release()
        assert server.count("POST") == 0


def test_two_parts_of_one_sglang_release_and_resume_it_once(sglang: LoopbackSGLang) -> None:
    rewriter, judge = part(sglang), part(sglang, "base:adapter")
    for one in (rewriter, judge):
        one.release()
    for one in (judge, rewriter):
        one.acquire()
    assert sglang.holds_memory
    assert not sglang.has_crashed
    assert sglang.count("POST") == 2


def test_an_sglang_that_was_not_released_is_never_resumed(sglang: LoopbackSGLang) -> None:
    part(sglang).acquire()
    assert sglang.count("POST") == 0


@pytest.mark.parametrize("name", ["qwen3:8b", "QWEN3:8B"])
def test_of_several_models_that_an_ollama_has_loaded_only_ours_goes(name: str) -> None:
    with serving(LoopbackOllama("qwen3:8b", "somebodys:latest", lingering=0)) as server:
        server.loaded[name] = server.loaded.pop("qwen3:8b")
        part(server, name).release()
        assert set(server.loaded) == {"somebodys:latest"}


def test_an_ollama_that_has_not_loaded_the_model_is_not_told_to_unload_it() -> None:
    with serving(LoopbackOllama("somebodys:latest")) as server:
        part(server).release()
        assert server.count("POST") == 0


def test_a_model_that_ollama_keeps_is_not_called_released() -> None:
    with serving(LoopbackOllama("base:latest", lingering=10_000)) as server:
        mine = part(server, seconds=0.3)
        with pytest.raises(ServerMemoryError, match="keeps base"):
            mine.release()
        assert not mine.is_away


def test_an_lm_studio_loads_all_instances_of_our_model_as_they_were() -> None:
    with serving(LoopbackLMStudio({"qwen": "qwen", "qwen:2": "qwen", "other": "other"})) as server:
        server.loaded["qwen:2"] = ("qwen", {"context_length": 512})
        before = dict(server.loaded)
        mine = part(server, "qwen")
        mine.release()
        assert set(server.loaded) == {"other"}
        mine.acquire()
        assert server.loaded == before


def test_one_instance_by_its_id_leaves_the_others_of_its_model() -> None:
    with serving(LoopbackLMStudio({"qwen": "qwen", "qwen:2": "qwen"})) as server:
        mine = part(server, "qwen:2")
        mine.release()
        assert set(server.loaded) == {"qwen"}
        mine.acquire()
        assert set(server.loaded) == {"qwen", "qwen:2"}


def test_a_model_that_lm_studio_loaded_by_itself_meanwhile_is_not_loaded_twice() -> None:
    with serving(LoopbackLMStudio({"qwen": "qwen"})) as server:
        mine = part(server, "qwen")
        mine.release()
        server.loaded["qwen"] = ("qwen", {})
        mine.acquire()
        assert set(server.loaded) == {"qwen"}


def test_an_lm_studio_before_0_4_is_to_be_updated() -> None:
    with serving(LoopbackLMStudio({"qwen": "qwen"}, version=0)) as server:
        with pytest.raises(NoLeverError, match=r"update it to 0\.4"):
            part(server, "qwen").release()
        part(server, "qwen").acquire()
        assert set(server.loaded) == {"qwen"}


class Plain(LoopbackServer):
    """A chat server that knows nothing of memory, such as a company's."""

    def answer(self, method: str, path: str, fields: dict[str, Any], content_type: str) -> Reply:
        return models("somebody", "base") if path == "/v1/models" else (404, "no such page")


def test_a_server_that_knows_no_way_says_so_and_is_sent_nothing_but_questions() -> None:
    with serving(Plain()) as server:
        mine = part(server)
        for _ in range(2):
            with pytest.raises(NoLeverError, match="no server that gives memory back"):
                mine.release()
            mine.acquire()
        assert server.count("POST") == 0
        assert server.count("GET /v1/models") == 1


def test_a_comfyui_that_has_nothing_to_free_does_not_hold_up_the_run(comfyui: LoopbackComfyUIWithMemory) -> None:
    comfyui.reserved = 0
    comfyui_resident(comfyui.base_url, "wan.json", seconds=30).release()
    assert comfyui.count("POST /free") == 1


@pytest.mark.parametrize("route", ["/sleep", "/is_sleeping", "/v1/models"])
@pytest.mark.parametrize("fault", [(500, {"error": "out of memory"}), (503, "busy"), (401, {"error": "key?"}), "drop"])
def test_a_server_that_fails_to_release_says_why_and_may_be_asked_again(
    vllm: LoopbackVLLM, route: str, fault: Any
) -> None:
    mine = part(vllm)
    vllm.fail(f"{route}$", fault)
    with pytest.raises(StageError, match=rf"broke the connection.*{route}|answered \d+ to .*{route}: .+"):
        mine.release()
    mine.release()
    assert vllm.is_sleeping
    mine.acquire()
    assert not vllm.is_sleeping


def test_a_server_that_fails_to_wake_is_still_away_and_tried_again_at_the_next_use(vllm: LoopbackVLLM) -> None:
    mine = part(vllm)
    mine.release()
    vllm.fail("POST /wake_up", (500, {"error": "no room"}))
    with pytest.raises(ServerMemoryError, match="no room"):
        mine.return_if_away()
    mine.return_if_away()
    assert not vllm.is_sleeping
    asked = len(vllm.seen)
    mine.return_if_away()
    assert len(vllm.seen) == asked


def test_a_server_too_slow_to_release_counts_as_away(sglang: LoopbackSGLang) -> None:
    mine = part(sglang, seconds=0.3)
    sglang.fail("POST /release", "silence")
    with pytest.raises(SilentServerError, match=r"silent for 0\.3 s"):
        mine.release()
    sglang.holds_memory = False
    mine.return_if_away()
    assert sglang.holds_memory
    assert not sglang.has_crashed


def test_a_server_that_is_gone_is_one_line_and_is_found_when_it_is_back() -> None:
    with serving(LoopbackVLLM()) as server:
        port = int(server.base_url.rpartition(":")[2])
    mine = server_resident(f"http://127.0.0.1:{port}/v1", "base", seconds=5)
    with pytest.raises(ServerMemoryError, match=f"can't reach http://127.0.0.1:{port}"):
        mine.release()
    with pytest.raises(ServerMemoryError, match="can't reach"):
        mine.acquire()
    assert not mine.is_away


def test_the_key_goes_to_the_server_and_stands_in_no_message(vllm: LoopbackVLLM) -> None:
    mine = part(vllm, api_key=KEY)
    vllm.fail("POST /sleep", (500, {"error": f"who is {KEY}?"}))
    with pytest.raises(ServerMemoryError, match=r"who is \*\*\*") as problem:
        mine.release()
    assert vllm.keys == {f"Bearer {KEY}"}
    assert KEY not in f"{problem.value}{problem.getrepr()}{mine!r}{mine.holdings}"


def test_user_and_password_of_an_address_stand_in_no_place_and_no_message() -> None:
    mine = server_resident("http://me:secret@127.0.0.1:9/v1", "base", seconds=1)
    with pytest.raises(ServerMemoryError) as problem:
        mine.release()
    assert "secret" not in f"{problem.value}{mine.holdings}"


def test_a_redirect_is_not_followed(vllm: LoopbackVLLM) -> None:
    mine = part(vllm, api_key=KEY)
    vllm.fail("GET /v1/models", (302, "elsewhere"))
    with pytest.raises(ServerMemoryError, match="answered 302"):
        mine.release()


def test_threads_that_find_a_server_asleep_wake_it_once(vllm: LoopbackVLLM) -> None:
    mine = part(vllm)
    mine.release()
    threads = [threading.Thread(target=mine.return_if_away) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert vllm.count("POST /wake_up") == 1


class SleepyVideos(LoopbackVideos):
    """A vLLM-Omni with sleep mode, which renders only while it is awake."""

    def __init__(self) -> None:
        super().__init__("vllm-omni")
        self.engine = LoopbackVLLM()

    def answer(self, method: str, path: str, fields: dict[str, Any], content_type: str) -> Reply:
        if path in ("/sleep", "/wake_up", "/is_sleeping"):
            return self.engine.answer(method, path, fields, content_type)
        if method == "POST" and self.engine.is_sleeping:
            return 500, {"detail": "the engine sleeps"}
        return super().answer(method, path, fields, content_type)


def test_a_video_server_that_was_released_renders_what_it_would_have(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RETAKE_RENDER_API_KEY", KEY)
    with serving(SleepyVideos()) as server:
        renderer = VideoServer(server.base_url, pause_seconds=0.005, timeout_seconds=20)
        assert isinstance(renderer, Resident)
        assert [(own.model, own.place) for own in renderer.holdings] == [(MODEL, server.base_url)]
        before = renderer.render(REQUEST)
        renderer.release()
        assert server.engine.is_sleeping
        after = renderer.render(REQUEST)
        assert (after.frames == before.frames).all()
        assert server.count("POST /wake_up") == 1
        assert server.keys == {f"Bearer {KEY}"}


def test_a_fastvideo_server_says_that_it_can_not_make_room_and_renders_on() -> None:
    with serving(LoopbackVideos("fastvideo")) as server:
        renderer = VideoServer(server.base_url, pause_seconds=0.005, timeout_seconds=20)
        with pytest.raises(NoLeverError):
            renderer.release()
        renderer.acquire()
        assert len(renderer.render(REQUEST).frames) == 5


def test_a_comfyui_that_was_released_renders_what_it_would_have(
    comfyui: LoopbackComfyUIWithMemory, tmp_path: Path
) -> None:
    path = tmp_path / "wan.json"
    path.write_text(json.dumps(WORKFLOW), encoding="utf-8")
    renderer = ComfyUI(comfyui.base_url, path, pause_seconds=0.005, timeout_seconds=20)
    assert isinstance(renderer, Resident)
    before = renderer.render(REQUEST)
    renderer.release()
    assert comfyui.reserved == 64
    renderer.acquire()
    assert (renderer.render(REQUEST).frames == before.frames).all()
