"""What of a run is worth teaching (SFT), and which of its texts are wanted or not (KTO)."""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from finetune.data.comparisons import Comparison, overall
from finetune.data.rows import KtoRow, SftRow
from finetune.data.rules import Rules
from finetune.data.runs import FinishedRun
from finetune.data.screen_pairs import dropped_texts


def sft_rows(run: FinishedRun, rules: Rules, dropped: Counter[str]) -> list[SftRow]:
    """The winner, when its gain was verified; the prompt itself, when that was good enough as typed; else none."""
    reason = _objection(run, rules)
    if reason is not None:
        dropped[reason] += 1
        return []
    best, score = run.result.best, run.result.best_score
    origin: dict[str, Any] = {"kind": "render", "run_id": run.run_id, "renderer": run.renderer}
    if best.id == "0":
        why = "the prompt as typed reached the score threshold: it is to be left alone"
        return [SftRow(prompt=run.prompt, text=best.text, score=score, why=why, **origin)]
    gain, seeds = run.result.verified_gain, run.result.verification.seeds if run.result.verification else ()
    why = f"beat the prompt as typed by {gain:.3f} on {len(seeds)} seeds that chose nothing"
    return [
        SftRow(
            prompt=run.prompt, text=best.text, score=score, verified_gain=gain, seeds=tuple(seeds), why=why, **origin
        )
    ]


def kto_rows(
    run: FinishedRun, comparisons: Sequence[Comparison], taught: Sequence[SftRow], rules: Rules
) -> list[KtoRow]:
    """Wanted: the verified winner. Unwanted: what is below the prompt as typed by the margin, or the screen dropped."""
    wanted = [
        KtoRow(
            prompt=row.prompt,
            text=row.text,
            label=True,
            score=row.score,
            verified_gain=row.verified_gain,
            seeds=row.seeds,
            kind=row.kind,
            run_id=row.run_id,
            renderer=row.renderer,
            why=row.why,
        )
        for row in taught
        if row.verified_gain is not None
    ]
    return [*wanted, *_losers(run, comparisons, rules), *_dropped(run)]


def _objection(run: FinishedRun, rules: Rules) -> str | None:
    """Why nothing of this run is taught; None when something is."""
    result = run.result
    if result.best_score is None:
        return "winner: no video could be scored"
    if result.best.id == "0":
        return None if _was_good_enough(run) else "winner: nothing beat the prompt as typed"
    if result.verified_gain is None:
        return "winner: its gain is not verified"
    if result.verified_gain <= rules.min_gain:
        return f"winner: its verified gain is not above {rules.min_gain:g}"
    return None


def _was_good_enough(run: FinishedRun) -> bool:
    """Whether it was the prompt as typed that reached the threshold; not a champion that lost on unseen seeds."""
    decisions = run.trajectory.decisions
    return run.result.stop_reason == "score_threshold" and bool(decisions) and decisions[-1].champion == "0"


def _losers(run: FinishedRun, comparisons: Sequence[Comparison], rules: Rules) -> Iterator[KtoRow]:
    for found in comparisons:
        is_clear = found.margin >= rules.margin and found.margin > 0 and len(found.seeds) >= rules.min_seeds
        if found.better.candidate == "0" and is_clear:
            yield KtoRow(
                prompt=run.prompt,
                text=run.trajectory.candidate(found.worse.candidate).text,
                label=False,
                score=overall(found.worse),
                margin=found.margin,
                seeds=found.seeds,
                kind="render",
                run_id=run.run_id,
                renderer=run.renderer,
                why=f"worse than the prompt as typed by {found.margin:.3f} on {len(found.seeds)} common seeds",
            )


def _dropped(run: FinishedRun) -> Iterator[KtoRow]:
    for text, reason in dropped_texts(run):
        yield KtoRow(
            prompt=run.prompt,
            text=text,
            label=False,
            kind="screen",
            run_id=run.run_id,
            renderer=run.renderer,
            why=f"dropped before any video was made, {reason}",
        )
