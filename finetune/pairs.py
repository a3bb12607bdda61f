"""Trajectories in, training rows out: for SFT the verified winner, for DPO a better and a worse text on the same seeds.

Rows are conversational, in TRL's columns. Their prompt is the very text the rewriter gets in the loop. No row is made
of a score that is missing. Pure; no torch.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from agent.brief import read_brief
from agent.prompts import PromptTemplates, Rewrite, rewrite_messages, write_reply
from agent.records import Candidate
from agent.standings import TIE, Standing, pair_standings
from agent.trajectory import Trajectory
from feedback.records import Feedback
from graph_store.records import Modifier

Row = dict[str, Any]
CLIP_SLACK = 0.05


@dataclass(frozen=True)
class PairRules:
    """When two candidates make a pair."""

    margin: float = 0.05
    """Least difference of the overall scores, 0..1."""
    per_prompt: int = 1
    """Most pairs of one trajectory, widest margin first."""


def make_sft_row(trajectory: Trajectory) -> Row | None:
    """The winner as the completion to teach; None unless it beat the original on seeds the loop had not seen."""
    result = trajectory.result
    if result is None or result.best.id == "0" or not result.verified_gain or result.verified_gain <= 0:
        return None
    return {
        "prompt": _messages(trajectory),
        "completion": [_answer(result.best)],
        "run": trajectory.header.get("created"),
        "verified_gain": result.verified_gain,
        "why": "beat the prompt as typed on unseen seeds",
    }


def make_dpo_rows(trajectory: Trajectory, rules: PairRules) -> list[Row]:
    """Pairs in which the chosen text is worse in no dimension and better overall by the margin, on the same seeds.

    In a dimension that says only how good a clip is, it may be worse by `CLIP_SLACK`: what moves as asked is a little
    less steady than what does not.
    """
    slack = {feedback.source: CLIP_SLACK for feedback in _feedbacks(trajectory) if feedback.concerns == "clip"}
    met = pair_standings(trajectory.renders, trajectory.assessed)
    found = (_dominance(one, other, rules.margin, slack) for one, other in met)
    pairs = [pair for pair in found if pair]
    pairs.sort(key=lambda pair: (-pair[2], int(pair[0].candidate), int(pair[1].candidate)))
    return [
        {
            "prompt": _messages(trajectory),
            "chosen": [_answer(trajectory.candidate(chosen.candidate))],
            "rejected": [_answer(trajectory.candidate(rejected.candidate))],
            "run": trajectory.header.get("created"),
            "score_chosen": chosen.overall,
            "score_rejected": rejected.overall,
            "margin": margin,
            "seeds": list(chosen.seeds),
            "why": f"dominates on {len(chosen.seeds)} common seeds",
        }
        for chosen, rejected, margin in pairs[: rules.per_prompt]
    ]


def _feedbacks(trajectory: Trajectory) -> Iterator[Feedback]:
    return (feedback for row in trajectory.assessed for feedback in row.assessment.feedbacks)


def _dominance(
    one: Standing, other: Standing, margin: float, slack: Mapping[str, float]
) -> tuple[Standing, Standing, float] | None:
    """(better, worse, by how much), None when neither dominates."""
    if one.overall is None or other.overall is None:
        return None
    better, worse = (one, other) if one.overall >= other.overall else (other, one)
    gap = abs(one.overall - other.overall)
    for name in {*better.dimensions, *worse.dimensions}:
        left, right = better.dimensions.get(name), worse.dimensions.get(name)
        if (left is None) != (right is None) or (
            left is not None and right is not None and left < right - slack.get(name, TIE)
        ):
            return None
    return (better, worse, gap) if gap >= margin and better.passes_gate else None


def _messages(trajectory: Trajectory) -> list[Row]:
    """What the rewriter is told before anything was rendered."""
    modifiers = [Modifier(m.text, m.kind, m.cosine, m.via, m.count) for m in trajectory.modifiers]
    task = read_brief(trajectory.header, trajectory.checklist, modifiers)
    templates = PromptTemplates(trajectory.header.get("templates"))
    return [dict(message) for message in rewrite_messages(task, templates)]


def _answer(candidate: Candidate) -> Row:
    return {"role": "assistant", "content": write_reply(Rewrite(candidate.text, candidate.rationale))}
