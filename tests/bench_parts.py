"""Parts of bench tests that do not ship: a judge the loop never asks, methods that cheat, a bench that is killed."""

import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

sys.path.insert(0, str(Path(__file__).parents[1]))
sys.path.insert(0, str(Path(__file__).parent))

from fakes import CountingPainter, fast_config

from agent.bench.methods.best_of_n import BestOfN
from agent.bench.methods.choose import choose_best
from agent.bench.records import Answer, BenchSettings
from agent.bench.run import fit_config, run_bench
from agent.bench.studio import Studio
from agent.renderer import RenderRequest, StepCallback
from agent.rewriter import Draft, RewriteTask
from feedback.clip import Clip
from feedback.judges.shapes import ShapesJudge
from feedback.records import Question, Verdict
from feedback.resident import Holding

PROMPTS = ("a crimson ball drifting rightwards", "an azure box rises")
SEEN = Path(os.environ.get("RETAKE_TEST_LOOKS", os.devnull))


class HeldOut(ShapesJudge):
    """The shapes judge under another name; notes how often it is asked."""

    def ask(self, clip: Clip, questions: Sequence[Question]) -> list[Verdict]:
        with SEEN.open("a", encoding="utf-8") as file:
            file.write("asked\n")
        return super().ask(clip, questions)


class BoxLover:
    """A rewriter that puts a box beside whatever is asked for."""

    name = "box lover"

    def rewrite(self, task: RewriteTask) -> list[Draft]:
        return [Draft(f"{task.prompt} beside a green box", "boxes are fine")]


class OnOneGPU:
    """A `Resident` on the GPU that all of these share; who works there, and who makes room, stands in `moves`."""

    moves: ClassVar[list[str]] = []

    @property
    def holdings(self) -> list[Holding]:
        return [Holding(type(self).__name__, "cuda:0", None, "it was never weighed")]

    def note(self, act: str) -> None:
        """Notes the act, once while it goes on."""
        if (move := f"{type(self).__name__} {act}") not in self.moves[-1:]:
            self.moves.append(move)

    def acquire(self) -> None: ...

    def release(self) -> None:
        self.note("makes room")


class BigPainter(CountingPainter, OnOneGPU):
    """A painter that needs the GPU."""

    def render(self, request: RenderRequest, on_step: StepCallback | None = None) -> Clip:
        self.note("works")
        return super().render(request, on_step)


class BigHeldOut(ShapesJudge, OnOneGPU):
    """A held-out judge that needs the GPU."""

    def ask(self, clip: Clip, questions: Sequence[Question]) -> list[Verdict]:
        self.note("works")
        return super().ask(clip, questions)


class Silent:
    """A judge that can answer nothing."""

    def ask(self, clip: Clip, questions: Sequence[Question]) -> list[Verdict]:
        return [Verdict(question_id=question.id, p_yes=None, seen="dark") for question in questions]


class Peeker(BestOfN):
    """Renders on a seed of the verification."""

    name = "peeker"

    def answer(self, studio: Studio) -> Answer:
        answer = choose_best(self.name, studio)
        return answer.model_copy(update={"renders": studio.render(studio.prompt, studio.verify_seeds[:1])})


class Spendthrift(BestOfN):
    """Makes more renders than it has."""

    name = "spendthrift"

    def answer(self, studio: Studio) -> Answer:
        answer = choose_best(self.name, studio)
        return answer.model_copy(update={"renders": answer.renders * 2})


class Broken(BestOfN):
    """Never answers."""

    name = "broken"

    def answer(self, studio: Studio) -> Answer:
        raise ConnectionError("the server is gone")


def quick_settings(renders: int = 3, **changes: Any) -> BenchSettings:
    """A bench on the painter that takes seconds, two verification seeds, every render counted."""
    overrides = {path: changes.pop(path) for path in list(changes) if "__" in path}
    config = fast_config(**{"render__renderer": "fakes:CountingPainter", "render__seeds": 1} | overrides)
    given = {"config": fit_config(config, renders), "renders": renders, "verify_seeds": 2} | changes
    return BenchSettings(**given)


if __name__ == "__main__":
    # python tests/bench_parts.py FOLDER STEP: is killed, as by `kill -9`, after so many steps; 0 lets it finish.
    folder, deadly = Path(sys.argv[1]), int(sys.argv[2])

    def on_step(step: Any) -> None:
        if step.number == deadly:
            os.kill(os.getpid(), signal.SIGKILL)

    settings = quick_settings(held_out="bench_parts:HeldOut")
    run_bench(PROMPTS[:1], ["raw", "best_of_n", "loop"], settings, folder, on_step)
