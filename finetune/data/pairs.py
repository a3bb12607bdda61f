"""DPO pairs of one run: a better and a worse text, told apart by videos of the same seeds."""

from collections import Counter
from collections.abc import Sequence

from finetune.data.comparisons import Comparison, overall
from finetune.data.near import similarity
from finetune.data.rows import DpoRow
from finetune.data.rules import Rules
from finetune.data.runs import FinishedRun

SAME_TEXTS = "pair: the two texts are nearly the same"


def pair_rows(run: FinishedRun, comparisons: Sequence[Comparison], rules: Rules, dropped: Counter[str]) -> list[DpoRow]:
    """The run's pairs by these rules, the widest margin first; `dropped` counts the others by reason.

    Of many pairs those stay whose better texts differ: each text wins once before one wins twice. The prompt as typed
    may be on either side.
    """
    texts = {candidate.id: candidate.text for candidate in run.trajectory.candidates}
    kept: list[Comparison] = []
    for comparison in sorted(comparisons, key=lambda c: -c.margin):
        chosen, rejected = texts[comparison.better.candidate], texts[comparison.worse.candidate]
        reason = _objection(comparison, rules)
        if reason is None and similarity(chosen, rejected) >= rules.near:
            reason = SAME_TEXTS
        if reason is None:
            kept.append(comparison)
        else:
            dropped[reason] += 1
    picked = _pick_diverse(kept, texts, rules)
    if over := len(kept) - len(picked):
        dropped[f"pair: more than {rules.per_prompt} of one prompt"] += over
    return [_row(run, comparison, texts, rules) for comparison in picked]


def _objection(comparison: Comparison, rules: Rules) -> str | None:
    """Why the rules make no pair of this; None when they do."""
    if len(comparison.seeds) < rules.min_seeds:
        return f"pair: fewer than {rules.min_seeds} common seeds"
    if comparison.margin < rules.margin or comparison.margin == 0:
        return f"pair: less than {rules.margin:g} apart"
    if not comparison.better.passes_gate:
        return "pair: the better text shows less of what was asked than the prompt as typed"
    if rules.dominance and not comparison.dominates:
        return "pair: better overall, but not in every dimension"
    return None


def _pick_diverse(widest_first: Sequence[Comparison], texts: dict[str, str], rules: Rules) -> list[Comparison]:
    """At most `per_prompt` of them, widest first again."""
    won: list[str] = []
    turns: list[tuple[int, int]] = []
    for place, comparison in enumerate(widest_first):
        text = texts[comparison.better.candidate]
        turns.append((sum(similarity(text, other) >= rules.near for other in won), place))
        won.append(text)
    return [widest_first[place] for place in sorted(place for _, place in sorted(turns)[: rules.per_prompt])]


def _row(run: FinishedRun, comparison: Comparison, texts: dict[str, str], rules: Rules) -> DpoRow:
    better, worse = comparison.better, comparison.worse
    than = "the prompt as typed" if worse.candidate == "0" else "another text"
    winner = "the prompt as typed is better than another text" if better.candidate == "0" else f"better than {than}"
    everywhere = ", and worse in no dimension" if rules.dominance else ""
    return DpoRow(
        prompt=run.prompt,
        chosen=texts[better.candidate],
        rejected=texts[worse.candidate],
        score_chosen=overall(better),
        score_rejected=overall(worse),
        margin=comparison.margin,
        seeds=comparison.seeds,
        kind="render",
        run_id=run.run_id,
        renderer=run.renderer,
        why=f"{winner} by {comparison.margin:.3f} on {len(comparison.seeds)} common seeds{everywhere}",
    )
