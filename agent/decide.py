"""Go on, or stop for a named reason. Pure: the history and the budget in, a decision out."""

from collections.abc import Sequence
from dataclasses import dataclass

from agent.config import StopConfig
from agent.reach import Reach
from agent.records import Decision, StopReason
from agent.standings import Standing


@dataclass(frozen=True)
class Spent:
    """What the run has used up so far, and what one more iteration would take at least."""

    renders: int
    reserved_renders: int
    """Kept for the verification."""
    renders_per_candidate: int
    tokens: int
    seconds: float
    stop_requested: bool
    new_candidates: int
    """How many candidates of this iteration were offered to the renderer."""
    why_unscored: str = ""
    """Of the first render that failed or could not be scored."""


def decide_next(
    iteration: int,
    standings: Sequence[Standing],
    earlier: Sequence[Decision],
    spent: Spent,
    stop: StopConfig,
    reach: Reach | None = None,
) -> Decision:
    """The decision after `iteration`, with the leader of `standings` as the champion.

    Stop reasons in the order in which they are looked for: stop_file, time_limit, max_cost, all_candidates_failed,
    score_threshold, unreachable, max_iterations, no_improvement, max_renders. What is unreachable counts for none of
    them, and for no score.
    """
    leader, reach = standings[0] if standings else None, reach or Reach()
    reason, why = _reason_to_stop(iteration, leader, earlier, spent, stop, reach)
    if reason is None and leader is not None and leader.overall is not None:
        why = f"candidate {leader.candidate} leads with {leader.overall:.3f}; going on"
    return Decision(
        iteration=iteration,
        champion=leader.candidate if leader else None,
        score=leader.overall if leader else None,
        stop=reason,
        why=why,
        unreachable=list(reach.unreachable),
    )


def holds_threshold(leader: Standing, renders_per_candidate: int, stop: StopConfig) -> bool:
    """Whether the leader is good enough, and not by the luck of one seed where candidates are rendered on several."""
    is_confirmed = len(leader.seeds) >= min(2, renders_per_candidate)
    return is_confirmed and leader.overall is not None and leader.overall >= stop.score_threshold


def _reason_to_stop(
    iteration: int,
    leader: Standing | None,
    earlier: Sequence[Decision],
    spent: Spent,
    stop: StopConfig,
    reach: Reach,
) -> tuple[StopReason | None, str]:
    if spent.stop_requested:
        return "stop_file", "a file named STOP stands in the run folder"
    if stop.time_limit is not None and spent.seconds >= stop.time_limit:
        return "time_limit", f"{spent.seconds:.0f} s of {stop.time_limit:.0f} s are over"
    if stop.max_tokens_spent is not None and spent.tokens >= stop.max_tokens_spent:
        return "max_cost", f"{spent.tokens} of {stop.max_tokens_spent} tokens are spent"
    if leader is None or leader.overall is None:
        return "all_candidates_failed", f"no render could be made and scored; {spent.why_unscored}".rstrip("; ")
    if holds_threshold(leader, spent.renders_per_candidate, stop):
        return (
            "score_threshold",
            f"candidate {leader.candidate} reaches {leader.overall:.3f} of {stop.score_threshold:.3f}",
        )
    if reach.lost and reach.score is not None and reach.score >= stop.score_threshold:
        return (
            "score_threshold",
            f"candidate {leader.candidate} reaches {reach.score:.3f} of {stop.score_threshold:.3f} "
            f"without {_name_lost(reach)}, and {leader.overall:.3f} with it",
        )
    if reach.lost and not reach.failing:
        return "unreachable", f"of candidate {leader.candidate} only fails {_name_lost(reach)}"
    if earlier and (ended := earlier[-1].words_ended):
        return ended, f"after the last new words, candidate {leader.candidate} was rendered on new seeds, too"
    if iteration >= stop.max_iterations:
        return "max_iterations", f"{iteration} refinements are done"
    if spent.new_candidates == 0:
        return "no_improvement", "the rewriter has nothing new to try"
    if (still := _iterations_without_gain(leader.overall, earlier, stop.min_delta)) >= stop.patience:
        return "no_improvement", f"no gain of {stop.min_delta} in {still} iterations"
    left = stop.max_renders - spent.renders - spent.reserved_renders
    if left < spent.renders_per_candidate:
        return "max_renders", f"{left} renders left for the loop, a candidate takes {spent.renders_per_candidate}"
    return None, ""


def _name_lost(reach: Reach) -> str:
    """What the leader fails on and no wording brought about, with the evidence."""
    lost = [
        f"{question.text!r} ({question.wordings} wordings, {question.renders} renders)"
        for question in reach.unreachable
        if question.question in reach.lost
    ]
    return "what held in no render: " + ", ".join(lost)


def _iterations_without_gain(score: float, earlier: Sequence[Decision], min_delta: float) -> int:
    """How many of the latest iterations, this one included, brought less than `min_delta` over the best before them."""
    scores = [decision.score for decision in earlier if decision.score is not None] + [score]
    best, still = scores[0], 0
    for value in scores[1:]:
        still = 0 if value >= best + min_delta else still + 1
        best = max(best, value)
    return still
