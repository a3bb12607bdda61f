"""Finished runs for tests of training data: real ones on the painter, and made-up scores in the place of theirs."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from fakes import fast_config

from agent.parts import open_parts
from agent.records import Assessed, Candidate, Purpose, Render
from agent.rewriter import Draft, Rewriter, RewriteTask
from agent.run import begin_run
from feedback.records import Assessment
from finetune.data.runs import FinishedRun, read_runs

LOOSE = "a motionless crimson ball"
BESIDE = "a crimson ball drifting to the right, left of an azure box"
WORDS = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]
Scores = Mapping[str, Mapping[int, float | None]]


class CarelessRewriter:
    """Writes four drafts for BESIDE: one to be mended, one that forgets everything, one that is right, an empty one."""

    name = "careless"
    drafts = (
        "Sure! Here is the prompt: A red circle moves to the right on a black background.",
        "A quiet meadow in the evening sun, grass and wind.",
        "A red circle drifts to the right. A blue square stands still on the right. "
        "The red circle is to the left of the blue square.",
        "  ",
    )

    def rewrite(self, task: RewriteTask) -> list[Draft]:
        return [Draft(text) for text in self.drafts] if task.iteration == 0 else []


def make_run(prompt: str, folder: Path, name: str, rewriter: Rewriter | None = None, **overrides: Any) -> FinishedRun:
    """A run by rules on the painter, or by another rewriter, read back."""
    config = fast_config(**overrides)
    parts = open_parts(config)
    begin_run(prompt, config, folder, name).execute(replace(parts, rewriter=rewriter) if rewriter else parts)
    (run,) = read_runs([folder / name])
    assert isinstance(run, FinishedRun)
    return run


def break_off(run: FinishedRun, folder: Path, lines: int = 4) -> None:
    """A run folder whose trajectory ends after some lines."""
    folder.mkdir()
    begun = (run.folder / "trajectory.jsonl").read_bytes().splitlines(keepends=True)
    (folder / "trajectory.jsonl").write_bytes(b"".join(begun[:lines]))


def with_scores(
    run: FinishedRun, scores: Sequence[Scores], intents: Mapping[int, float] | None = None, **purposes: Purpose
) -> FinishedRun:
    """The same run with one candidate for each entry, "text zero" and so on: dimension to seed to score.

    The overall score is their mean, and so is the intent where it is not given by candidate. Renders are of the loop;
    those of seed N are of another purpose where `seedN` names it.
    """
    renders: dict[str, Render] = {}
    assessed: list[Assessed] = []
    for number, by_dimension in enumerate(scores):
        for seed in {seed for by_seed in by_dimension.values() for seed in by_seed}:
            purpose = purposes.get(f"seed{seed}", "loop")
            render = Render(candidate=str(number), seed=seed, iteration=0, purpose=purpose, path="clip.mp4")
            renders[render.id] = render
            dimensions = {name: by_seed[seed] for name, by_seed in by_dimension.items() if seed in by_seed}
            known = [value for value in dimensions.values() if value is not None]
            mean = sum(known) / len(known) if known else None
            intent = (intents or {}).get(number, mean)
            assessment = Assessment(feedbacks=[], dimensions=dimensions, overall=mean, intent=intent)
            assessed.append(Assessed(render=render.id, assessment=assessment))
    candidates = [
        Candidate(id=str(n), iteration=0, text=f"text {WORDS[n]}", origin="prompt" if n == 0 else "retrieval")
        for n in range(len(scores))
    ]
    trajectory = replace(run.trajectory, candidates=candidates, renders=list(renders.values()), assessed=assessed)
    return replace(run, trajectory=trajectory)
