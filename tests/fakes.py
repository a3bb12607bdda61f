"""Parts for tests that do not ship: a painter that counts, one that fails, broken ones; configs that run fast."""

import os
from pathlib import Path
from typing import Any

from agent.config import LoopConfig
from agent.config_file import make_config
from agent.errors import RenderError
from agent.renderer import RenderRequest, StepCallback
from agent.renderers.painter import Painter
from agent.rewriter import Draft, RewriteTask
from feedback.clip import Clip

FAST: dict[str, Any] = {
    "retrieve": {"embedder": "hashing"},
    "render": {"renderer": "painter", "num_frames": 6, "width": 96, "height": 96, "seeds": 2},
    "verify": {"seeds": 2},
}


def fast_config(**overrides: Any) -> LoopConfig:
    """A config that runs in seconds; overrides by path with `__` for the dot."""
    return make_config(FAST, {path.replace("__", "."): value for path, value in overrides.items()})


class CountingPainter(Painter):
    """A painter that notes every clip it finishes in the file named by RETAKE_TEST_RENDERS."""

    def render(self, request: RenderRequest, on_step: StepCallback | None = None) -> Clip:
        clip = super().render(request, on_step)
        with Path(os.environ["RETAKE_TEST_RENDERS"]).open("a", encoding="utf-8") as file:
            file.write(f"{request.seed} {request.text}\n")
        return clip


class FailingPainter(Painter):
    """A painter that can't draw anything red, runs out of memory on blue, and draws the rest."""

    def render(self, request: RenderRequest, on_step: StepCallback | None = None) -> Clip:
        if "red" in request.text:
            raise RenderError("no red today")
        if "blue" in request.text:
            raise MemoryError("CUDA out of memory")
        return super().render(request, on_step)


class SlowLearner:
    """A rewriter for "a red circle moves up, two azure balls drift leftwards"; its second round gets it right."""

    name = "slow learner"
    rounds = (
        ("A red circle moves up and two azure balls drift leftwards on a black background.",),
        (
            "A red circle moves up and two blue circles move to the left.",
            "A red circle moves up, 2 azure balls go left.",
        ),
    )

    def rewrite(self, task: RewriteTask) -> list[Draft]:
        if task.iteration >= len(self.rounds):
            return []
        return [Draft(text, "as told", parent=task.champion) for text in self.rounds[task.iteration]]


class BrokenRewriter:
    """A rewriter whose server is always down."""

    name = "broken"

    def rewrite(self, task: RewriteTask) -> list[Draft]:
        raise ConnectionError("the server is gone")


class BrokenSource:
    """A source that always raises."""

    name = "broken"

    def assess(self, clip: Any, prompt: str, checklist: Any) -> Any:
        raise ZeroDivisionError("nothing to divide by")
