"""Videos of a run that can be compared: shot with the same seed, one for each side."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from agent.errors import UsageError
from agent.records import Purpose, Render
from agent.trajectory import Trajectory, read_trajectory
from feedback.records import Assessment

Side = Literal["original", "best", "champion"]
"""The prompt as typed; what the run returned; what led the loop, which is not returned where it lost on new seeds."""
SIDES: tuple[Side, ...] = get_args(Side)
_PURPOSES: tuple[Purpose, ...] = ("verify", "full", "loop")
"""Unseen seeds first: those of the loop have chosen the champion, and flatter it."""


@dataclass(frozen=True)
class Video:
    """A render that is on disk, with what feedback said of it."""

    render: Render
    file: Path
    assessment: Assessment | None
    """None when nothing was said."""


@dataclass(frozen=True)
class SeedMatch:
    """One seed of one run, with a video for every side. Sides that have the same text share it."""

    run: Path
    prompt: str
    """What the user typed, without its flags."""
    seed: int
    purpose: Purpose
    videos: Mapping[Side, Video]

    @property
    def champion_was_returned(self) -> bool:
        """False where the run returned the original because the champion lost to it on unseen seeds."""
        return self.videos["champion"].render.candidate == self.videos["best"].render.candidate


@dataclass(frozen=True)
class LeftOut:
    """What is not exported, and why."""

    what: str
    why: str


def find_runs(paths: Sequence[Path]) -> list[Path]:
    """The run folders in or below these, sorted, each once. Raises UsageError when there are none."""
    found = sorted({file.parent.resolve() for path in paths for file in path.rglob("trajectory.jsonl")})
    if not found:
        raise UsageError(f"no trajectory.jsonl in or below {', '.join(map(str, paths))}; name run folders")
    return found


def match_seeds(runs: Sequence[Path]) -> tuple[list[SeedMatch], list[LeftOut]]:
    """What these runs have to compare, in their order, and what had to be left out."""
    matches: list[SeedMatch] = []
    left_out: list[LeftOut] = []
    for run in runs:
        try:
            trajectory = read_trajectory(run)
        except UsageError as problem:
            left_out.append(LeftOut(run.name, str(problem)))
            continue
        found, missing = _match_run(trajectory, run)
        matches += found
        left_out += missing
    return matches, left_out


def _match_run(trajectory: Trajectory, run: Path) -> tuple[list[SeedMatch], list[LeftOut]]:
    result = trajectory.result
    if result is None:
        return [], [LeftOut(run.name, f"it is not finished; go on with: retake resume {run}")]
    champion = result.verification.champion if result.verification else result.best.id
    candidates: dict[Side, str] = {"original": "0", "best": result.best.id, "champion": champion}
    missing: list[LeftOut] = []
    for purpose in _PURPOSES:
        matches, without = _match_purpose(trajectory, run, purpose, candidates)
        missing += without
        if matches:
            return matches, missing
    return [], missing or [LeftOut(run.name, "it has no videos")]


def _match_purpose(
    trajectory: Trajectory, run: Path, purpose: Purpose, candidates: Mapping[Side, str]
) -> tuple[list[SeedMatch], list[LeftOut]]:
    renders = {
        (render.seed, render.candidate): render
        for render in trajectory.renders
        if render.purpose == purpose and render.candidate in candidates.values()
    }
    assessments = {row.render: row.assessment for row in trajectory.assessed}
    matches, missing = [], []
    for seed in sorted({seed for seed, _ in renders}):
        videos: dict[Side, Video] = {}
        for side, candidate in candidates.items():
            render = renders.get((seed, candidate))
            file = _find_file(render, run)
            if render is None or file is None:
                why = f"{side} has no video: {_why_missing(render)}"
                missing.append(LeftOut(f"{run.name}, seed {seed}", why))
                break
            videos[side] = Video(render, file, assessments.get(render.id))
        else:
            matches.append(SeedMatch(run, trajectory.prompt, seed, purpose, videos))
    return matches, missing


def _find_file(render: Render | None, run: Path) -> Path | None:
    """The video of a render; None when there is none. A path that leads out of the run folder is not followed."""
    if render is None or render.path is None:
        return None
    try:
        file = (run / render.path).resolve()
        return file if file.is_relative_to(run) and file.is_file() else None
    except (OSError, ValueError):  # a name that no file system takes
        return None


def _why_missing(render: Render | None) -> str:
    if render is None:
        return "it was not rendered"
    return render.failure or f"{render.path} is not in the run folder"
