"""One run with a real model in every role, tiny random ones: each is loaded once, and phases make room."""

from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from command import retake
from diffusers import DiffusionPipeline
from fakes import fast_config
from serve import build_tiny_chat_model
from tiny_detectors import save_tiny_detector
from tiny_encoders import save_tiny_encoder
from tiny_pipelines import QUIET, save_tiny
from tiny_vlms import save_tiny_vlm
from transformers import (
    AutoModel,
    AutoModelForCausalLM,
    AutoModelForImageTextToText,
    AutoModelForZeroShotObjectDetection,
)

from agent.config import LoopConfig
from agent.config_file import make_config
from agent.errors import UsageError
from agent.parts import open_parts
from agent.plan import plan_run
from agent.records import Result
from agent.renderer import RenderRequest, StepCallback
from agent.renderers.painter import Painter
from agent.run import begin_run
from agent.trajectory import read_trajectory
from feedback.clip import Clip
from feedback.resident import Holding
from feedback.sources.temporal import TemporalSource

pytestmark = QUIET
PROMPT = "a red circle moves to the right"


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Role to the folder of its tiny model."""
    root = tmp_path_factory.mktemp("models")
    return {
        "renderer": str(save_tiny("WanPipeline", root / "wan")),
        "rewriter": str(build_tiny_chat_model(root / "chat")),
        "judge": str(save_tiny_vlm("LLaVA", root / "vlm")),
        "detector": str(save_tiny_detector("OWLv2", root / "owl")),
        "encoder": str(save_tiny_encoder("CLIP", root / "clip")),
    }


def stack(folders: dict[str, str], **overrides: Any) -> LoopConfig:
    """A config with a model of its own in every role."""
    return make_config(
        {
            "retrieve": {"embedder": "hashing"},
            "rewrite": {"rewriter": "llm", "model": folders["rewriter"], "max_tokens": 16, "candidates": 1},
            "render": {
                "model": folders["renderer"], "width": 32, "height": 32, "num_frames": 9, "num_inference_steps": 2,
                "seeds": 1, "device": "cpu",
            },
            "assess": {
                "sources": ["alignment", "spatial", "temporal", "motion", "similarity", "consistency", "physics"],
                "judge": "vlm", "judge_model": folders["judge"],
                "detector": "zero-shot", "detector_model": folders["detector"], "detector_threshold": 0.01,
                "similarity_model": folders["encoder"], "consistency_model": folders["encoder"],
            },
            "stop": {"max_iterations": 1, "score_threshold": 1.0},
            "verify": {"seeds": 1},
        },
        {path.replace("__", "."): value for path, value in overrides.items()},
    )  # fmt: skip


@pytest.fixture
def loads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Where weights were loaded from, in order."""
    loaded: list[str] = []

    def count(owner: Any) -> None:
        original = owner.from_pretrained.__func__

        def from_pretrained(cls: Any, location: str, *args: Any, **settings: Any) -> Any:
            loaded.append(str(location))
            return original(cls, location, *args, **settings)

        monkeypatch.setattr(owner, "from_pretrained", classmethod(from_pretrained))

    for owner in (
        DiffusionPipeline, AutoModel, AutoModelForCausalLM, AutoModelForImageTextToText,
        AutoModelForZeroShotObjectDetection,
    ):  # fmt: skip
        count(owner)
    return loaded


def test_a_run_with_a_model_in_every_role_loads_each_of_them_once(
    folders: dict[str, str], tmp_path: Path, loads: list[str]
) -> None:
    result = begin_run(PROMPT, stack(folders), tmp_path, "run").execute()
    assert sorted(loads) == sorted(folders.values())
    trajectory = read_trajectory(tmp_path / "run")
    assert result.totals.failed_renders == 0
    assert len(trajectory.assessed) >= 2
    assert result.totals.llm_calls > 3
    dimensions = trajectory.assessed[0].assessment.dimensions
    for source in ("alignment", "temporal", "similarity", "consistency"):
        assert dimensions[source] is not None
    models = trajectory.header["models"]
    assert models["renderer"]["model"] == folders["renderer"]
    assert models["renderer"]["family"] == "wan"
    assert models["rewriter"]["model"] == folders["rewriter"]
    assert models["judge"]["model"] == folders["judge"]


def test_a_dry_run_names_every_model_with_its_size_and_loads_none(folders: dict[str, str], loads: list[str]) -> None:
    plan = plan_run(stack(folders))
    assert loads == []
    by_phase = {phase.phase: [holding.model for holding in phase.holdings] for phase in plan.phases}
    assert by_phase["rewrite"] == [folders["rewriter"]]
    assert {Path(name).parent for name in by_phase["render"]} == {Path(folders["renderer"])}
    assert by_phase["judge"] == [folders[role] for role in ("judge", "detector", "encoder", "rewriter")]
    assert all(holding.weight_bytes for phase in plan.phases for holding in phase.holdings)
    assert plan.renders <= 64
    assert plan.llm_calls >= 1 + 2 * 1


def test_a_real_run_stays_within_its_plan(folders: dict[str, str], tmp_path: Path) -> None:
    config = stack(folders, assess__sources=["alignment", "physics"], stop__max_renders=6)
    plan, result = plan_run(config), begin_run(PROMPT, config, tmp_path, "run").execute()
    assert result.totals.renders <= plan.renders <= 6
    assert result.totals.llm_calls <= plan.llm_calls


def test_the_dry_run_of_the_command_prints_models_and_budget_and_writes_nothing(
    folders: dict[str, str], tmp_path: Path
) -> None:
    told = retake(
        "run", PROMPT, "--dry-run", "--model", folders["renderer"], "--rewriter", "llm", "--rewriter-model",
        folders["rewriter"], "--judge", "vlm", "--judge-model", folders["judge"],
        "--output-dir", str(tmp_path / "runs"),
        COLUMNS="200",
    )  # fmt: skip
    assert told.returncode == 0, told.stderr
    for folder in (folders["renderer"], folders["rewriter"], folders["judge"]):
        assert folder in told.stdout
    assert "at most" in told.stdout
    assert "480" in told.stdout
    assert not (tmp_path / "runs").exists()


def test_a_model_alone_is_rendered_by_diffusers(folders: dict[str, str]) -> None:
    assert make_config({}, {"render.model": folders["renderer"]}).render.renderer == "diffusers"
    assert make_config({}, {"render.model": "x", "render.renderer": "pocket"}).render.renderer == "pocket"
    assert make_config({}).render.renderer == "pocket"


def test_a_detector_without_its_model_is_one_clear_line() -> None:
    with pytest.raises(UsageError, match="--detector-model"):
        make_config({"assess": {"detector": "zero-shot"}})


# Room in memory

moves: list[str] = []


class OnGpu:
    """Stands for a part whose model takes a GPU's memory: notes when it moves and whether it is there when used."""

    label: str

    def __init__(self) -> None:
        super().__init__()
        self.is_there = True

    @property
    def holdings(self) -> list[Holding]:
        return [Holding(self.label, "cuda:0", 10**9)]

    def acquire(self) -> None:
        self.is_there = True
        moves.append(f"+{self.label}")

    def release(self) -> None:
        self.is_there = False
        moves.append(f"-{self.label}")

    def use(self) -> None:
        assert self.is_there
        moves.append(self.label)


class GpuPainter(OnGpu, Painter):
    label = "painter"

    def render(self, request: RenderRequest, on_step: StepCallback | None = None) -> Clip:
        self.use()
        return super().render(request, on_step)


class GpuSource(OnGpu, TemporalSource):
    label = "eye"

    def assess(self, clip: Clip, prompt: str, checklist: Any) -> Any:
        self.use()
        return super().assess(clip, prompt, checklist)


def run_on_gpu(folder: Path, memory: str) -> tuple[Result, list[str]]:
    moves.clear()
    config = fast_config(
        render__renderer=f"{__name__}:GpuPainter", assess__sources=["alignment", f"{__name__}:GpuSource"], memory=memory
    )
    result = begin_run("a crimson ball drifting rightwards", config, folder, "run").execute(open_parts(config))
    return result, list(moves)


def test_phases_that_share_a_gpu_take_turns_and_nothing_moves_within_a_phase(tmp_path: Path) -> None:
    _, told = run_on_gpu(tmp_path, "share")
    assert "-painter" in told
    assert "-eye" in told
    painted = [index for index, move in enumerate(told) if move == "painter"]
    assert any(later - first == 1 for first, later in pairwise(painted))
    there = {"painter", "eye"}
    for move in told:
        if move[0] in "+-":
            (there.add if move[0] == "+" else there.discard)(move[1:])
        else:
            assert there == {move}


def test_a_run_that_keeps_its_models_moves_none_and_comes_to_the_same(tmp_path: Path) -> None:
    shared, _ = run_on_gpu(tmp_path / "shared", "share")
    kept, told = run_on_gpu(tmp_path / "kept", "keep")
    assert not [move for move in told if move[0] == "-"]
    assert kept.best == shared.best
    assert kept.verified_gain == shared.verified_gain
