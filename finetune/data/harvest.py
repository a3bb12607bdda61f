"""All that one run gives, small enough to keep of every run of a large batch; and one run for each prompt."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from agent.rewriter_card import RewriterBrief
from finetune.data.comparisons import Comparison, compare_candidates
from finetune.data.near import near_pairs
from finetune.data.pairs import pair_rows
from finetune.data.rows import Row
from finetune.data.rules import Rules
from finetune.data.runs import FinishedRun
from finetune.data.screen_pairs import screen_rows
from finetune.data.winners import kto_rows, sft_rows

PARTS = ("renderer", "judge", "rewriter")


@dataclass(frozen=True)
class Harvest:
    """One run's rows, and what was left out."""

    folder: Path
    prompt: str
    brief: RewriterBrief
    made_by: dict[str, str | None]
    """Model of each of PARTS."""
    scored: int
    """Renders that have a score."""
    rows: dict[str, list[Row]]
    """By set."""
    comparisons: list[Comparison]
    """Of its candidates, also those that made no pair."""
    dropped: Counter[str]
    """What made no row, by reason."""


def harvest_run(run: FinishedRun, rules: Rules) -> Harvest:
    """What this run gives by these rules."""
    dropped: Counter[str] = Counter()
    comparisons = compare_candidates(run.trajectory, rules.min_seeds)
    taught = sft_rows(run, rules, dropped)
    if unscored := _count_unscored(run):
        dropped["candidate: rendered, and no score"] += unscored
    return Harvest(
        folder=run.folder,
        prompt=run.prompt,
        brief=run.brief,
        made_by={part: run.made_by(part) for part in PARTS},
        scored=sum(row.assessment.overall is not None for row in run.trajectory.assessed),
        rows={
            "sft": [*taught],
            "dpo": [*pair_rows(run, comparisons, rules, dropped), *screen_rows(run, rules, dropped)],
            "kto": [*kto_rows(run, comparisons, taught, rules)],
        },
        comparisons=comparisons,
        dropped=dropped,
    )


def best_measured(harvests: Sequence[Harvest], near: float) -> list[Harvest]:
    """One run for each prompt: of those whose prompts are nearly the same the one with the most scored renders.

    In the order given; of equals the first.
    """
    order = sorted(range(len(harvests)), key=lambda place: -harvests[place].scored)
    rivals: dict[int, set[int]] = {}
    for one, other in near_pairs([harvests[place].prompt for place in order], near):
        rivals.setdefault(other, set()).add(one)
    kept: set[int] = set()
    for rank in range(len(order)):
        if not rivals.get(rank, set()) & kept:
            kept.add(rank)
    return [harvests[place] for place in sorted(order[rank] for rank in kept)]


def _count_unscored(run: FinishedRun) -> int:
    scored = {row.render for row in run.trajectory.assessed if row.assessment.overall is not None}
    rendered = {render.candidate for render in run.trajectory.renders}
    return len(rendered - {render.candidate for render in run.trajectory.renders if render.id in scored})
