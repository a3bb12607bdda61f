"""All feedback on one render, as one assessment."""

from collections.abc import Mapping, Sequence

from feedback.records import Assessment, Feedback, Question


def combine_feedback(
    feedbacks: Sequence[Feedback], checklist: Sequence[Question], weights: Mapping[str, float] | None = None
) -> Assessment:
    """The assessment of one render.

    `overall` is the mean of the sources' leading scores, weighted by source name (1.0 where none is given; negative
    weights are a ValueError), over those that have one. `intent` is the mean over the questions of the mean P(yes) that
    the sources gave each; unanswered questions don't count. A question fails when that mean is below 0.5.

    A clip that is merely steady and sharp says nothing of the prompt: `overall` is None when no score concerns the
    prompt, and when sources tried the checklist but could answer less than half of it.
    """
    weights = weights or {}
    if wrong := [name for name, weight in weights.items() if weight < 0]:
        raise ValueError(f"the weight of {wrong[0]!r} is {weights[wrong[0]]}; weights are 0 or more")
    dimensions = {feedback.source: feedback.score.value for feedback in feedbacks}
    scored = {name: value for name, value in dimensions.items() if value is not None}
    total = sum(weights.get(name, 1.0) for name in scored)
    overall = sum(weights.get(name, 1.0) * value for name, value in scored.items()) / total if total > 0 else None
    shown = {question.id: p for question in checklist if (p := mean_p_yes(question.id, feedbacks)) is not None}
    if not _speaks_of_prompt(feedbacks) or _is_mostly_unanswered(len(shown), checklist, feedbacks):
        overall = None
    return Assessment(
        feedbacks=list(feedbacks),
        dimensions=dimensions,
        overall=_within(overall),
        intent=_within(sum(shown.values()) / len(shown) if shown else None),
        failing=[question_id for question_id, p_yes in shown.items() if p_yes < 0.5],
        critique=_merged(feedbacks),
    )


def _speaks_of_prompt(feedbacks: Sequence[Feedback]) -> bool:
    return any(feedback.concerns == "prompt" and feedback.score.value is not None for feedback in feedbacks)


def _is_mostly_unanswered(answered: int, checklist: Sequence[Question], feedbacks: Sequence[Feedback]) -> bool:
    return 2 * answered < len(checklist) and any(feedback.verdicts for feedback in feedbacks)


def mean_p_yes(question_id: str, feedbacks: Sequence[Feedback]) -> float | None:
    """Mean P(yes) that the sources gave one question, 0..1; None when none could answer it."""
    given = [
        verdict.p_yes
        for feedback in feedbacks
        for verdict in feedback.verdicts
        if verdict.question_id == question_id and verdict.p_yes is not None
    ]
    return sum(given) / len(given) if given else None


def _within(value: float | None) -> float | None:
    """Rounding in a mean may leave 0..1 by one digit."""
    return None if value is None else min(1.0, max(0.0, value))


def _merged(feedbacks: Sequence[Feedback]) -> str:
    """Every line of critique once, in the order of the sources."""
    lines = (line.strip() for feedback in feedbacks for line in feedback.critique.splitlines())
    return "\n".join(dict.fromkeys(line for line in lines if line))
