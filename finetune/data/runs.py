"""Run folders as training data reads them: which are finished, and what a rewriter made of them would be told."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agent.brief import read_brief
from agent.errors import UsageError
from agent.prompts import PromptTemplates
from agent.records import Result
from agent.rewriter_card import RewriterBrief, brief_of
from agent.trajectory import Trajectory, read_trajectory
from finetune.errors import DistillError

UNFINISHED = "run: not finished"
DAMAGED = "run: can't be read"


@dataclass(frozen=True)
class FinishedRun:
    """A run with its outcome."""

    folder: Path
    trajectory: Trajectory
    result: Result
    brief: RewriterBrief
    """What a rewriter distilled from it is told beside the prompt."""

    @property
    def run_id(self) -> str:
        """Name of its folder."""
        return self.folder.name

    @property
    def prompt(self) -> str:
        """What was typed, without flags."""
        return self.trajectory.prompt

    @property
    def renderer(self) -> str | None:
        """Model that made the videos."""
        return self.made_by("renderer")

    def made_by(self, part: str) -> str | None:
        """The model of "renderer", "judge" or "rewriter"; the name of one without a model, None when not recorded."""
        said: Mapping[str, Any] = self.trajectory.header.get("models", {}).get(part) or {}
        return said.get("model") or said.get("name")


@dataclass(frozen=True)
class LeftOut:
    """A run that gives no rows."""

    folder: Path
    reason: str
    detail: str = ""


def find_run_folders(paths: Sequence[Path]) -> list[Path]:
    """All run folders at or below these paths, each once, in order. Raises DistillError when there are none."""
    folders = sorted({file.parent for path in paths for file in path.rglob("trajectory.jsonl")})
    if not folders:
        raise DistillError(f"no trajectory.jsonl in or below {', '.join(map(str, paths))}; name run folders")
    return folders


def read_runs(folders: Sequence[Path]) -> Iterator[FinishedRun | LeftOut]:
    """The runs one after the other, or why they can't be used: a batch may be large."""
    for folder in folders:
        try:
            trajectory = read_trajectory(folder)
            brief = _brief(trajectory)
        except (UsageError, DistillError) as problem:
            yield LeftOut(folder, DAMAGED, str(problem))
            continue
        if trajectory.result is None:
            yield LeftOut(folder, UNFINISHED, f"`retake resume {folder}` goes on with it")
        else:
            yield FinishedRun(folder, trajectory, trajectory.result, brief)


def agree_on_brief(briefs: Mapping[Path, RewriterBrief]) -> RewriterBrief:
    """The one brief of all these runs: a rewriter is told one thing. Raises DistillError, naming two that differ."""
    (first, agreed), *others = briefs.items()
    for folder, brief in others:
        if difference := _difference(agreed, brief):
            raise DistillError(
                f"a rewriter made of {first} would be told other things than one of {folder}: {difference}; make a set "
                f"of each, `--like {first}` takes only the runs that agree with that one"
            )
    return agreed


def _difference(one: RewriterBrief, other: RewriterBrief) -> str | None:
    """The first thing in which two briefs differ, None when they are the same."""
    ours, theirs = one.model_dump(), other.model_dump()
    name = next((name for name in ours if ours[name] != theirs[name]), None)
    if name == "template":
        return "their templates 'distilled' differ"
    return name and f"{name} is {ours[name]!r} in the first, {theirs[name]!r} in the second"


def _brief(trajectory: Trajectory) -> RewriterBrief:
    header = trajectory.header
    try:
        task = read_brief(header, [], [])
    except (KeyError, TypeError, AttributeError):
        raise DistillError("its header does not say with which settings it was made") from None
    return brief_of(task, PromptTemplates(header.get("templates")))
