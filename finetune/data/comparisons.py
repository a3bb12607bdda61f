"""Candidates of one run held against each other on the same seeds: what pairs and verdicts are made of."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

from agent.records import Purpose
from agent.standings import TIE, Standing, pair_standings
from agent.trajectory import Trajectory

CLIP_SLACK = 0.05
"""By how much a text may be worse where the score says only how good a clip is: what moves as asked is less steady."""


@dataclass(frozen=True)
class Comparison:
    """Two candidates on the seeds on which both, and the prompt as typed, have a score."""

    better: Standing
    """By overall score; the earlier candidate when they are equal."""
    worse: Standing
    lead: float | None
    """The least that `better` is ahead in any dimension, its slack added: below 0 it does not dominate.

    None when a dimension is known of one of them only."""

    @property
    def margin(self) -> float:
        """Difference of the overall scores, 0..1."""
        return overall(self.better) - overall(self.worse)

    @property
    def seeds(self) -> tuple[int, ...]:
        """Of both."""
        return self.better.seeds

    @property
    def dominates(self) -> bool:
        """Whether `better` is worse in no dimension, beyond the slack."""
        return self.lead is not None and self.lead >= 0


def compare_candidates(trajectory: Trajectory, min_seeds: int = 1) -> list[Comparison]:
    """Each two candidates that have scores on common seeds, once.

    Only renders of one kind are held against each other: those of the loop with those that verify; in a run that
    drafts the full ones with those that verify, and drafts only where the full ones have fewer than `min_seeds`.
    """
    drafts = trajectory.header.get("config", {}).get("draft", {}).get("enabled", False)
    kinds: list[tuple[Purpose, ...]] = [("full", "verify"), ("loop",)] if drafts else [("loop", "verify")]
    slack = _slack(trajectory)
    found: dict[tuple[str, str], Comparison] = {}
    for purposes in kinds:
        for one, other in pair_standings(trajectory.renders, trajectory.assessed, purposes):
            known = found.get((one.candidate, other.candidate))
            if known is None or len(known.seeds) < min_seeds:
                found[one.candidate, other.candidate] = _compare(one, other, slack)
    return list(found.values())


def overall(standing: Standing) -> float:
    """The overall score of one who was compared; it has one."""
    return cast("float", standing.overall)


def _compare(one: Standing, other: Standing, slack: Mapping[str, float]) -> Comparison:
    better, worse = (one, other) if overall(one) >= overall(other) else (other, one)
    return Comparison(better, worse, _lead(better.dimensions, worse.dimensions, slack))


def _lead(
    better: Mapping[str, float | None], worse: Mapping[str, float | None], slack: Mapping[str, float]
) -> float | None:
    leads: list[float] = []
    for name in {*better, *worse}:
        ours, theirs = better.get(name), worse.get(name)
        if ours is not None and theirs is not None:
            leads.append(ours - theirs + slack.get(name, TIE))
        elif ours is not None or theirs is not None:
            return None
    return min(leads, default=None)


def _slack(trajectory: Trajectory) -> dict[str, float]:
    feedbacks = (feedback for row in trajectory.assessed for feedback in row.assessment.feedbacks)
    return {feedback.source: CLIP_SLACK for feedback in feedbacks if feedback.concerns == "clip"}
