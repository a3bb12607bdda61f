"""How the leader stands when what no wording brings about is left out. Scores stay what they are: this is for stopping.

Pure.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

from agent.records import Assessed, Render, Unreachable
from agent.standings import Standing, mean_known
from feedback.combine import combine_feedback
from feedback.records import Assessment, Feedback, Question, Score


@dataclass(frozen=True)
class Reach:
    """What words can still do for the leader."""

    unreachable: tuple[Unreachable, ...] = ()
    score: float | None = None
    """The leader's overall score over the questions that are left, 0..1; None when nothing is left or known."""
    failing: tuple[str, ...] = ()
    """Ids of the leader's failing questions that are left."""
    lost: tuple[str, ...] = ()
    """Ids of the leader's failing questions that are unreachable."""


def measure_reach(
    unreachable: Sequence[Unreachable],
    leader: Standing | None,
    checklist: Sequence[Question],
    renders: Sequence[Render],
    assessed: Sequence[Assessed],
    weights: Mapping[str, float] | None = None,
) -> Reach:
    """The reach of the leader, over its renders in the loop on the seeds of its standing."""
    given_up = {question.question for question in unreachable}
    own = {
        render.id
        for render in renders
        if leader and (render.candidate, render.purpose) == (leader.candidate, "loop") and render.seed in leader.seeds
    }
    assessments = [row.assessment for row in assessed if row.render in own]
    failing = {question for assessment in assessments for question in assessment.failing}
    return Reach(
        unreachable=tuple(unreachable),
        score=mean_known([score_without(given_up, assessment, checklist, weights) for assessment in assessments]),
        failing=tuple(sorted(failing - given_up)),
        lost=tuple(sorted(failing & given_up)),
    )


def score_without(
    given_up: Collection[str],
    assessment: Assessment,
    checklist: Sequence[Question],
    weights: Mapping[str, float] | None = None,
) -> float | None:
    """The overall score that the same feedback gives when these questions are not asked, 0..1; None as in `combine`."""
    left = [question for question in checklist if question.id not in given_up]
    return combine_feedback([_without(given_up, f) for f in assessment.feedbacks], left, weights).overall


def _without(given_up: Collection[str], feedback: Feedback) -> Feedback:
    """The feedback without these verdicts; a leading score that is the mean of the verdicts is taken over the rest."""
    left = [verdict for verdict in feedback.verdicts if verdict.question_id not in given_up]
    before = [verdict.p_yes for verdict in feedback.verdicts if verdict.p_yes is not None]
    score = feedback.score
    if len(left) == len(feedback.verdicts) or score.value is None or not before:
        return feedback
    if abs(score.value - fmean(before)) < 1e-6:
        known = [verdict.p_yes for verdict in left if verdict.p_yes is not None]
        why = "" if known else "all that it answers is out of reach"
        score = Score(name=score.name, value=fmean(known) if known else None, why=why)
    return feedback.model_copy(update={"verdicts": left, "scores": [score, *feedback.scores[1:]]})
