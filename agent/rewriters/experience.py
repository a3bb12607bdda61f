"""Wordings in the order in which they are worth another try, by what their renders showed. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from statistics import fmean

from agent.item_memory import HOLDS, ItemMemory
from agent.rewriters.wording import Part, PromptParts
from feedback.lexicon import words_of


def order_by_experience(parts: PromptParts, items: Sequence[ItemMemory]) -> PromptParts:
    """The parts with their wordings reordered: those that held, those not tried yet, those that failed, nearest first.

    Among wordings that held, and among untried ones, the order stays: a small difference on a few seeds is chance.
    """
    memory = {item.question.id: item for item in items}

    def order(some: Sequence[Part]) -> tuple[Part, ...]:
        return tuple(replace(p, wordings=tuple(sorted(p.wordings, key=lambda w: _worth(p, w, memory)))) for p in some)

    return PromptParts(
        order(parts.things), order(parts.actions), order(parts.relations), order(parts.scenes), order(parts.extras)
    )


def _worth(part: Part, wording: str, memory: Mapping[str, ItemMemory]) -> tuple[int, float]:
    """Sorts the better wording first."""
    shown = _shown(part, wording, memory)
    if shown is None:
        return 1, 0.0
    return (0, 0.0) if shown >= HOLDS else (2, -shown)


def _shown(part: Part, wording: str, memory: Mapping[str, ItemMemory]) -> float | None:
    """Mean P(yes) over the renders of the texts with this wording, of the part's worst question; None when untried."""
    means: list[float] = []
    for question in part.questions:
        trials = memory[question].trials if question in memory else ()
        p_yes = [p for trial in trials if _says(trial.text, wording) for p in trial.p_yes]
        means += [fmean(p_yes)] if p_yes else []
    return min(means, default=None)


def _says(text: str, wording: str) -> bool:
    return f" {' '.join(words_of(wording))} " in f" {' '.join(words_of(text))} "
