"""The held-out judge: looks at what was chosen, and never has a part in the choice."""

import time
from collections.abc import Sequence
from pathlib import Path

from agent.bench.records import BenchSettings, Look
from agent.config import AssessConfig
from agent.errors import UsageError
from agent.models import find_residents, judge_in_memory
from feedback.errors import ClipError
from feedback.judge import Judge
from feedback.records import Question
from feedback.registry import JUDGES, open_judge
from feedback.resident import Resident
from feedback.video_file import read_clip

DEFAULTS = {"pocket": "critic"}
"""Held-out judge by renderer, where none is named."""
OFF = "none"


class HeldOutJudge:
    """A judge that the loop does not ask; `residents` hold its model in memory, if it has one."""

    def __init__(self, name: str, judge: Judge, residents: Sequence[Resident] = ()) -> None:
        self.name, self.residents = name, residents
        self._judge = judge

    def look(self, video: Path, questions: Sequence[Question]) -> Look:
        """Mean P(yes) over the questions; no score when it can't answer half of them, or the video can't be read."""
        started = time.monotonic()
        try:
            verdicts = self._judge.ask(read_clip(video), questions)
        except ClipError as problem:
            return Look(score=None, why=str(problem))
        answered = [verdict.p_yes for verdict in verdicts if verdict.p_yes is not None]
        seconds = round(time.monotonic() - started, 3)
        if not answered or 2 * len(answered) < len(questions):
            why = f"{self.name} could answer {len(answered)} of {len(questions)} questions"
            return Look(score=None, why=why, seconds=seconds)
        return Look(score=min(1.0, sum(answered) / len(answered)), seconds=seconds)


def open_held_out(settings: BenchSettings) -> HeldOutJudge | None:
    """The judge that the settings name, None when there is none. Raises UsageError, FeedbackError.

    The loop's own judge is refused: what it likes is what it has chosen.
    """
    if settings.held_out is None:
        return None
    name, model = split_name(settings.held_out)
    own = settings.config.assess
    if _is_own(name, model, own):
        raise UsageError(
            f"{settings.held_out!r} is the judge that the loop asks, so it is not held out; name another one "
            "with --held-out-judge, or none"
        )
    base_url = settings.held_out_base_url
    judge = open_judge(name, model, base_url=base_url, device=own.judge_device, described=0)
    return HeldOutJudge(settings.held_out, judge, find_residents([judge_in_memory(name, judge, base_url, model)]))


def choose_held_out(named: str | None, renderer: str) -> str | None:
    """The judge that was named; unless one was, the renderer's default. None when there is none, or "none" was said."""
    chosen = named or DEFAULTS.get(renderer)
    return None if chosen == OFF else chosen


def split_name(named: str) -> tuple[str, str | None]:
    """NAME:MODEL taken apart where NAME is a judge's; anything else, such as 'package.module:Class', is a name."""
    name, colon, model = named.partition(":")
    return (name, model or None) if colon and name in JUDGES else (named, None)


def _is_own(name: str, model: str | None, own: AssessConfig) -> bool:
    return name == own.judge and (model is None or own.judge_model is None or model == own.judge_model)
