"""What the loop remembers of each question: how the texts worded it, and what their renders showed. Pure.

A question that fails has two explanations, the wording or the generator. One that fails in several really different
wordings and on several renders is not a matter of words any more.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

from agent.records import Assessed, Candidate, Fault, Purpose, Render, Unreachable
from feedback.combine import mean_p_yes
from feedback.intent import wording_of
from feedback.records import Question

HOLDS = 0.5
"""Least P(yes) of a question that holds, as in `feedback.combine`."""


@dataclass(frozen=True)
class Trial:
    """One text, and how often its renders showed what the question asks for."""

    candidate: str
    text: str
    wording: tuple[str, ...]
    """The text's words for it; empty when the rules find none, and then it counts as no wording."""
    seeds: tuple[int, ...]
    """Of the renders in which a source could tell; at least one."""
    p_yes: tuple[float, ...]
    """Mean over the sources, a number a render, in the order of `seeds`."""
    seen: tuple[str, ...] = ()
    """What was seen instead, a line for each verdict that does not hold."""

    @property
    def mean(self) -> float:
        """Mean P(yes) over the renders."""
        return fmean(self.p_yes)


@dataclass(frozen=True)
class ItemMemory:
    """All trials of one question, in the order of the candidates."""

    question: Question
    trials: tuple[Trial, ...] = ()

    @property
    def wordings(self) -> int:
        """How many really different wordings were tried; what a text says of other things makes no difference."""
        return len({frozenset(trial.wording) for trial in self.trials if trial.wording})

    @property
    def renders(self) -> int:
        """How many renders answered the question."""
        return sum(len(trial.p_yes) for trial in self.trials)

    @property
    def held(self) -> int:
        """In how many of them it held."""
        return sum(p_yes >= HOLDS for trial in self.trials for p_yes in trial.p_yes)

    @property
    def nearest(self) -> Trial | None:
        """The trial with the highest mean P(yes), the earliest of equals; None without trials."""
        return max(self.trials, key=lambda trial: trial.mean, default=None)

    @property
    def seen(self) -> str:
        """What was seen instead most often, the earliest of equals; empty when no source said."""
        counts = Counter(line for trial in self.trials for line in trial.seen)
        return counts.most_common(1)[0][0] if counts else ""


def recall_items(
    checklist: Sequence[Question],
    candidates: Sequence[Candidate],
    renders: Sequence[Render],
    assessed: Sequence[Assessed],
    purposes: Collection[Purpose] = ("loop",),
) -> tuple[ItemMemory, ...]:
    """The memory of each question of the checklist, in its order, from the renders of these purposes."""
    feedbacks = {row.render: row.assessment.feedbacks for row in assessed}
    made = {
        candidate.id: [
            r for r in renders if r.candidate == candidate.id and r.purpose in purposes and r.id in feedbacks
        ]
        for candidate in candidates
    }

    def try_out(question: Question, candidate: Candidate) -> Trial | None:
        own = made[candidate.id]
        answers = [(r.seed, p) for r in own if (p := mean_p_yes(question.id, feedbacks[r.id])) is not None]
        if not answers:
            return None
        seeds, p_yes = zip(*answers, strict=True)
        seen = [
            verdict.seen
            for render in own
            for feedback in feedbacks[render.id]
            for verdict in feedback.verdicts
            if verdict.question_id == question.id and verdict.holds is False and verdict.seen
        ]
        return Trial(candidate.id, candidate.text, wording_of(question, candidate.text), seeds, p_yes, tuple(seen))

    return tuple(
        ItemMemory(question, tuple(trial for c in candidates if (trial := try_out(question, c))))
        for question in checklist
    )


def find_unreachable(
    items: Iterable[ItemMemory], wordings: int, renders: int, faults: Mapping[str, Fault] | None = None
) -> list[Unreachable]:
    """The questions that held in no render, of so many wordings and renders at least; none when `wordings` is 0.

    `faults` is whom the rewriter blamed, by the text of the question.
    """
    if not wordings:
        return []
    return [
        Unreachable(
            question=item.question.id,
            text=item.question.text,
            wordings=item.wordings,
            renders=item.renders,
            seeds=len({seed for trial in item.trials for seed in trial.seeds}),
            best_p_yes=item.nearest.mean,
            seen=item.seen,
            fault=(faults or {}).get(item.question.text, "unclear"),
        )
        for item in items
        if item.nearest and item.held == 0 and item.wordings >= wordings and item.renders >= renders
    ]


def describe_item(item: ItemMemory) -> str:
    """The memory of one question in a line for a reader who writes: ways, renders, the nearest text, what was seen."""
    if item.nearest is None:
        return f"{item.question.text} never answered"
    ways = f"asked {item.wordings} way{'' if item.wordings == 1 else 's'}" if item.wordings else "asked"
    line = f"{item.question.text} {ways} in {item.renders} renders, held in {item.held}"
    words = " ".join(item.nearest.wording)
    line += f"; nearest, with P(yes) {item.nearest.mean:.2f}: {words}" if words else ""
    return line + (f"; seen instead: {item.seen}" if item.seen and item.held < item.renders else "")


def describe_unreachable(question: Unreachable) -> str:
    """What was given up, with the evidence, in a line for a person."""
    line = f"{question.text} held in none of {question.renders} renders, asked {question.wordings} ways"
    line += f" on {question.seeds} seed{'' if question.seeds == 1 else 's'}, P(yes) {question.best_p_yes:.2f} at best"
    line += f"; seen instead: {question.seen}" if question.seen else ""
    blamed = {"generator": "the rewriter blames the generator", "prompt": "the rewriter blames the wording"}
    return line + (f"; {blamed[question.fault]}" if question.fault != "unclear" else "")
