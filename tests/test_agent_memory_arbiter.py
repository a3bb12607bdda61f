"""The memory arbiter: who makes room for whom, when, and how often."""

import logging
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from memory_servers import LoopbackComfyUIWithMemory, LoopbackOllama, LoopbackVLLM
from video_servers import serving

from agent.memory.arbiter import MemoryArbiter, Mode, Phase
from agent.memory.places import contend, find_total_memory
from agent.memory.servers import comfyui_resident, server_resident
from feedback.resident import Holding, Resident

PHASES: tuple[Phase, ...] = get_args(Phase)
SHARE = 0.5
MEMORY = 100
MEMORIES = {
    "cpu": set(),
    "cuda": {"gpu 0"},
    "cuda:0": {"gpu 0"},
    "cuda:1": {"gpu 1"},
    "http://127.0.0.1:8000": {"gpu 0", "gpu 1"},
    "http://LOCALHOST:8001": {"gpu 0", "gpu 1"},
    "http://[::1]:8002/prefix": {"gpu 0", "gpu 1"},
    "http://gpu-box:8000": {"gpu-box"},
    "https://gpu-box:8188": {"gpu-box"},
    "https://api.example.com": {"api.example.com"},
}
"""Which memory a part at this place may take."""


class Recorded:
    """A resident that notes what it is told, and refuses while `refuses`."""

    def __init__(self, name: str, log: list[tuple[str, str]], *holdings: tuple[str, int | None]) -> None:
        self.name, self.log = name, log
        self._holdings = [Holding(name, place, weight, "" if weight else "?") for place, weight in holdings]
        self.is_here = True
        self.refuses = False

    @property
    def holdings(self) -> list[Holding]:
        return self._holdings

    def acquire(self) -> None:
        self._note("acquire")
        self.is_here = True

    def release(self) -> None:
        self._note("release")
        self.is_here = False

    def _note(self, act: str) -> None:
        self.log.append((act, self.name))
        if self.refuses:
            raise RuntimeError(f"no {act}\ntoday")


@pytest.fixture
def log() -> list[tuple[str, str]]:
    return []


def one_gpu(log: list[tuple[str, str]], **weights: int | None) -> dict[str, Recorded]:
    """Parts by name, all on the same accelerator, of these weights."""
    return {name: Recorded(name, log, ("cuda:0", weight)) for name, weight in weights.items()}


def arbiter_of(
    parts: Mapping[Phase, Sequence[Resident]], mode: Mode = "share", memory: int | None = MEMORY, **given: Any
) -> MemoryArbiter:
    return MemoryArbiter(parts, mode, find_memory=lambda place: memory, weight_share=SHARE, **given)


def meets(one: Recorded, other: Recorded) -> bool:
    """By the table above: whether the two share memory, and not as models of one server."""
    return any(
        MEMORIES[own.place] & MEMORIES[its.place] and not ("://" in own.place and own.place == its.place)
        for own in one.holdings
        for its in other.holdings
    )


Setting = tuple[list[Recorded], dict[Phase, list[Recorded]]]


@st.composite
def houses(draw: st.DrawFn) -> Setting:
    """Parts in any place and of any weight, and which phase needs which."""
    holding = st.tuples(st.sampled_from(sorted(MEMORIES)), st.none() | st.integers(1, 40))
    log: list[tuple[str, str]] = []
    parts = [
        Recorded(str(number), log, *held)
        for number, held in enumerate(draw(st.lists(st.lists(holding, min_size=1, max_size=2), max_size=5)))
    ]
    needs = {phase: [part for part in parts if draw(st.booleans())] for phase in PHASES}
    return parts, needs


def scarce(part: Recorded) -> bool:
    return any(MEMORIES[own.place] for own in part.holdings)


walks = st.lists(st.sampled_from(PHASES), min_size=1, max_size=8)
modes = st.sampled_from(get_args(Mode))


@settings(max_examples=120, deadline=None)
@given(house=houses(), walk=walks, mode=modes, memory=st.none() | st.just(MEMORY))
def test_whoever_is_needed_is_there_and_only_who_is_in_the_way_has_gone(
    house: Setting, walk: list[Phase], mode: Mode, memory: int | None
) -> None:
    parts, needs = house
    log = parts[0].log if parts else []
    arbiter = arbiter_of(needs, mode, memory)
    told = {part.name for phase in PHASES for part in needs[phase]}
    for phase in walk:
        were_here = {part.name: part.is_here for part in parts}
        log.clear()
        arbiter.enter(phase)
        acts = [act for act, _ in log]
        released = {name for act, name in log if act == "release"}
        assert acts == sorted(acts, reverse=True), "first all is released, then all is acquired"
        assert len(set(log)) == len(log), "nobody is told twice"
        for part in parts:
            if part in needs[phase]:
                assert part.is_here
                assert part.name not in released
            elif part.name in released:
                assert were_here[part.name], "what has gone already is not told again"
                assert any(meets(part, needed) for needed in needs[phase])
                assert mode != "keep"
            if part.is_here and mode == "share" and part not in needs[phase] and part.name in told:
                busy = {own.place for needed in needs[phase] for own in needed.holdings if "://" in own.place}
                is_on_busy_server = any(own.place in busy for own in part.holdings)
                assert is_on_busy_server or not any(meets(part, needed) for needed in needs[phase])
        log.clear()
        assert arbiter.enter(phase) is None
        assert not log


@settings(max_examples=120, deadline=None)
@given(
    weights=st.lists(st.none() | st.integers(1, 40), min_size=1, max_size=6),
    walk=walks,
    draw=st.data(),
)
def test_auto_keeps_on_one_accelerator_no_more_than_fits_and_moves_nothing_while_all_does(
    weights: list[int | None], walk: list[Phase], draw: st.DataObject
) -> None:
    log: list[tuple[str, str]] = []
    parts = [Recorded(str(number), log, ("cuda:0", weight)) for number, weight in enumerate(weights)]
    needs = {phase: [part for part in parts if draw.draw(st.booleans())] for phase in PHASES}
    known = [part for part in parts if any(part in needs[phase] for phase in PHASES)]
    arbiter = arbiter_of(needs, "auto")
    for phase in walk:
        arbiter.enter(phase)
        others = [part for part in known if part.is_here and part not in needs[phase]]
        if needs[phase] and others:
            held = [own.weight_bytes for part in [*needs[phase], *others] for own in part.holdings]
            assert None not in held
            assert sum(weight or 0 for weight in held) <= SHARE * MEMORY
    every = [own.weight_bytes for part in known for own in part.holdings]
    if None not in every and sum(weight or 0 for weight in every) <= SHARE * MEMORY:
        assert "release" not in {act for act, _ in log}
        assert not arbiter.changes


@settings(max_examples=80, deadline=None)
@given(house=houses(), walk=walks, mode=modes)
def test_at_the_end_every_server_that_made_room_is_awake(house: Setting, walk: list[Phase], mode: Mode) -> None:
    parts, needs = house
    arbiter = arbiter_of(needs, mode)
    for phase in walk:
        arbiter.enter(phase)
    arbiter.close()
    assert all(part.is_here for part in parts if any("://" in own.place for own in part.holdings))
    if parts:
        parts[0].log.clear()
        assert arbiter.close() is None
        assert not parts[0].log


def test_at_the_end_a_model_of_this_process_makes_room_for_the_server_that_is_woken(
    log: list[tuple[str, str]],
) -> None:
    writer = Recorded("writer", log, ("http://127.0.0.1:8000", None))
    renderer = Recorded("renderer", log, ("cuda:0", 5))
    arbiter = arbiter_of({"rewrite": [writer], "render": [renderer]}, "auto")
    arbiter.enter("render")
    log.clear()
    arbiter.close()
    assert log == [("release", "renderer"), ("acquire", "writer")]


def test_steps_that_need_the_same_model_call_nothing(log: list[tuple[str, str]]) -> None:
    parts = one_gpu(log, model=30, renderer=30)
    arbiter = arbiter_of({"rewrite": [parts["model"]], "render": [parts["renderer"]], "judge": [parts["model"]]})
    arbiter.enter("rewrite")
    log.clear()
    for phase in ("judge", "rewrite", "rewrite", "judge"):
        assert arbiter.enter(phase) is None
    assert not log


def test_a_phase_without_parts_leaves_all_where_it_is(log: list[tuple[str, str]]) -> None:
    parts = one_gpu(log, renderer=30)
    arbiter = arbiter_of({"render": [parts["renderer"]]})
    arbiter.enter("render")
    log.clear()
    assert arbiter.enter("rewrite") is None
    assert arbiter.enter("render") is None
    assert not log


def test_the_largest_goes_and_the_smallest_may_stay(log: list[tuple[str, str]]) -> None:
    parts = one_gpu(log, writer=5, judge=10, renderer=40)
    arbiter = arbiter_of(
        {"rewrite": [parts["writer"]], "render": [parts["renderer"]], "judge": [parts["judge"]]}, "auto"
    )
    change = arbiter.enter("render")
    assert change is not None
    assert change.released == ("judge",)


@pytest.mark.parametrize(
    ("weight", "memory"), [(None, MEMORY), (1, None)], ids=["a weight nobody knows", "a memory nobody knows"]
)
def test_what_is_unknown_may_not_fit(log: list[tuple[str, str]], weight: int | None, memory: int | None) -> None:
    parts = one_gpu(log, writer=weight, renderer=1)
    arbiter = arbiter_of({"rewrite": [parts["writer"]], "render": [parts["renderer"]]}, "auto", memory)
    change = arbiter.enter("render")
    assert change is not None
    assert change.released == ("writer",)


def test_the_server_that_is_needed_never_sleeps_for_another_part(log: list[tuple[str, str]]) -> None:
    address = "http://127.0.0.1:8000"
    writer = Recorded("writer", log, (address, None))
    judge = Recorded("judge", log, (address, None))
    detector = Recorded("detector", log, ("cuda:0", 5))
    arbiter = arbiter_of({"rewrite": [writer], "judge": [judge, detector]})
    arbiter.enter("rewrite")
    log.clear()
    arbiter.enter("judge")
    assert ("release", "writer") not in log


def test_a_change_is_told_with_names_and_seconds(log: list[tuple[str, str]], caplog: pytest.LogCaptureFixture) -> None:
    ticks = iter([0.0, 0.0, 0.0, 10.0, 12.5, 13.0])
    parts = one_gpu(log, writer=30, renderer=30)
    arbiter = arbiter_of({"rewrite": [parts["writer"]], "render": [parts["renderer"]]}, clock=lambda: next(ticks))
    parts["renderer"].refuses = True
    with caplog.at_level(logging.INFO):
        arbiter.enter("rewrite")
        change = arbiter.enter("render")
    assert change is not None
    assert change == arbiter.changes[-1]
    assert (change.phase, change.released, change.acquired) == ("render", ("writer",), ())
    assert (change.release_seconds, change.acquire_seconds) == (2.5, 0.5)
    assert change.failed == ("renderer was not acquired: no acquire today",)
    assert "released=('writer',)" in caplog.text


def test_a_part_that_fails_is_one_warning_and_is_told_again_at_the_next_change(
    log: list[tuple[str, str]], caplog: pytest.LogCaptureFixture
) -> None:
    parts = one_gpu(log, writer=30, renderer=30)
    arbiter = arbiter_of({"rewrite": [parts["writer"]], "render": [parts["renderer"]]})
    arbiter.enter("rewrite")
    parts["writer"].refuses = True
    for phase in ("render", "rewrite", "render"):
        arbiter.enter(phase)
        log.clear()
        arbiter.enter(phase)
        assert not log, "while the phase stays, it is left alone"
    warnings = [record for record in caplog.records if record.levelno == logging.WARNING]
    assert [record.getMessage() for record in warnings] == ["writer was not released: no release today"]
    assert [len(change.failed) for change in arbiter.changes[-3:]] == [1, 1, 1]
    parts["writer"].refuses = False
    arbiter.enter("rewrite")
    assert parts["writer"].is_here
    assert not arbiter.changes[-1].failed


def test_of_threads_that_enter_together_one_moves_and_all_find_it_done(log: list[tuple[str, str]]) -> None:
    class Slow(Recorded):
        def acquire(self) -> None:
            time.sleep(0.05)
            super().acquire()

    writer, renderer = Recorded("writer", log, ("cuda:0", 30)), Slow("renderer", log, ("cuda:0", 30))
    arbiter = arbiter_of({"rewrite": [writer], "render": [renderer]})
    arbiter.enter("render")
    arbiter.enter("rewrite")
    log.clear()
    found: list[bool] = []

    def work() -> None:
        arbiter.enter("render")
        found.append(renderer.is_here)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert log == [("release", "writer"), ("acquire", "renderer")]
    assert found == [True] * 8


@pytest.mark.parametrize("place", sorted(MEMORIES))
@pytest.mark.parametrize("other", sorted(MEMORIES))
def test_two_places_contend_where_they_may_be_the_same_memory(place: str, other: str) -> None:
    is_one_server = "://" in place and place == other
    assert contend(place, other) == (bool(MEMORIES[place] & MEMORIES[other]) and not is_one_server)


def test_the_memory_of_an_accelerator_that_is_not_there_is_unknown() -> None:
    assert find_total_memory("http://127.0.0.1:8000") is None
    assert find_total_memory("cpu") is None
    assert find_total_memory("cuda:99") is None


def test_to_ask_for_memory_loads_no_torch() -> None:
    code = (
        "import sys; from agent.memory.arbiter import MemoryArbiter; from agent.memory.places import find_total_memory;"
        "import agent.memory.servers; assert find_total_memory('cuda:0') is None; assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.fixture
def house() -> Iterator[tuple[LoopbackVLLM, LoopbackOllama, LoopbackComfyUIWithMemory]]:
    """A rewriter on vLLM, a judge on Ollama, a renderer on ComfyUI; all on this machine."""
    with (
        serving(LoopbackVLLM()) as vllm,
        serving(LoopbackOllama("judge:latest")) as ollama,
        serving(LoopbackComfyUIWithMemory()) as comfyui,
    ):
        yield vllm, ollama, comfyui


def test_of_three_servers_on_one_machine_the_one_that_works_has_the_memory(
    house: tuple[LoopbackVLLM, LoopbackOllama, LoopbackComfyUIWithMemory],
) -> None:
    vllm, ollama, comfyui = house
    arbiter = MemoryArbiter(
        {
            "rewrite": [server_resident(f"{vllm.base_url}/v1", "base")],
            "render": [comfyui_resident(comfyui.base_url, "wan.json")],
            "judge": [server_resident(f"{ollama.base_url}/v1", "judge")],
        }
    )

    def load(phase: Phase) -> None:
        """What the servers that load by themselves do when they are used."""
        if phase == "judge":
            ollama.loaded["judge:latest"] = -1
        if phase == "render":
            comfyui.reserved = comfyui.KEPT + comfyui.MODELS

    def holders() -> set[str]:
        held: dict[str, bool] = {
            "rewrite": vllm.holds_memory,
            "render": comfyui.reserved > comfyui.KEPT,
            "judge": bool(ollama.loaded),
        }
        return {phase for phase, is_held in held.items() if is_held}

    phases: tuple[Phase, ...] = ("rewrite", "render", "judge")
    assert holders() == set(phases)
    for phase in phases * 2:
        arbiter.enter(phase)
        load(phase)
        assert holders() == {phase}
    arbiter.close()
    assert vllm.holds_memory
    assert not any(change.failed for change in arbiter.changes)


def test_a_rewriter_and_a_judge_on_one_vllm_share_it_awake_and_it_sleeps_once_while_videos_are_rendered(
    log: list[tuple[str, str]],
) -> None:
    with serving(LoopbackVLLM()) as vllm:
        arbiter = MemoryArbiter(
            {
                "rewrite": [server_resident(f"{vllm.base_url}/v1", "base-lora")],
                "render": [Recorded("wan", log, ("cuda:0", 3_000_000_000))],
                "judge": [server_resident(f"{vllm.base_url}/v1", "base")],
            }
        )
        for phase in ("rewrite", "judge", "rewrite", "judge"):
            arbiter.enter(phase)
        assert vllm.count("POST /sleep") == 0
        arbiter.enter("render")
        assert vllm.is_sleeping
        arbiter.enter("judge")
        arbiter.enter("rewrite")
        assert not vllm.is_sleeping
        assert (vllm.count("POST /sleep"), vllm.count("POST /wake_up")) == (1, 1)


@pytest.mark.parametrize("start", [lambda: LoopbackVLLM(dev_mode=False), LoopbackVLLM], ids=["no dev mode", "gone"])
def test_a_server_that_can_not_make_room_is_one_warning_and_the_run_goes_on(
    start: Callable[[], LoopbackVLLM], log: list[tuple[str, str]], caplog: pytest.LogCaptureFixture
) -> None:
    with serving(start()) as vllm:
        writer = server_resident(f"{vllm.base_url}/v1", "base", seconds=2)
        if vllm.dev_mode:
            writer = server_resident("http://127.0.0.1:9/v1", "base", seconds=2)
        renderer = Recorded("wan", log, ("cuda:0", None))
        arbiter = MemoryArbiter({"rewrite": [writer], "render": [renderer]})
        for phase in ("rewrite", "render", "rewrite", "render"):
            arbiter.enter(phase)
        arbiter.close()
        assert renderer.is_here
        assert len([record for record in caplog.records if record.levelno == logging.WARNING]) == 1
