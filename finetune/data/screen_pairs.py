"""DPO pairs of texts that no video has told apart: what the screen or a person mended, and what they dropped."""

from collections import Counter
from collections.abc import Iterator

from finetune.data.near import similarity
from finetune.data.pairs import SAME_TEXTS
from finetune.data.rows import DpoRow
from finetune.data.rules import Rules
from finetune.data.runs import FinishedRun

NOISE = {"empty", "leak", "nonsense"}
"""Findings on what is no text for a generator at all: to be told from a good one it takes no training."""


def dropped_texts(run: FinishedRun) -> Iterator[tuple[str, str]]:
    """(text as it was written, why it was dropped before any video was made), but for what is no text at all."""
    for candidate in run.trajectory.candidates:
        text = candidate.raw_text or candidate.text
        is_noise = any(finding.rule in NOISE for finding in candidate.findings)
        if candidate.dropped is not None and _has_words(text) and not is_noise:
            yield text, candidate.dropped


def screen_rows(run: FinishedRun, rules: Rules, dropped: Counter[str]) -> list[DpoRow]:
    """Mended over flawed texts, then the run's best over dropped ones; `dropped` counts what is left out, by reason."""
    rows: list[DpoRow] = []
    for row in (*_mended(run), *_best_over_dropped(run)):
        if similarity(row.chosen, row.rejected) >= rules.near:
            dropped[SAME_TEXTS] += 1
        elif len(rows) >= rules.screen_per_prompt:
            dropped[f"pair: more than {rules.screen_per_prompt} by the screen of one prompt"] += 1
        else:
            rows.append(row)
    return rows


def _mended(run: FinishedRun) -> Iterator[DpoRow]:
    """The best text first; none that shows less of what was asked than the prompt as typed."""
    standings = run.trajectory.standings()
    places = {standing.candidate: place for place, standing in enumerate(standings)}
    failed = {standing.candidate for standing in standings if not standing.passes_gate}
    kept = [c for c in run.trajectory.candidates if c.dropped is None and c.id not in failed]
    for candidate in sorted(kept, key=lambda c: (places.get(c.id, len(places)), int(c.id))):
        if candidate.raw_text and _has_words(candidate.raw_text):
            flaws = "; ".join(f"{finding.rule}: {finding.detail}" for finding in candidate.findings)
            why = "a person edited it" if candidate.origin == "review" else f"the screen mended it: {flaws}"
            yield _row(run, candidate.text, candidate.raw_text, why)


def _best_over_dropped(run: FinishedRun) -> Iterator[DpoRow]:
    if run.result.best_score is None:
        return
    for text, reason in dropped_texts(run):
        yield _row(
            run, run.result.best.text, text, f"the rejected text was dropped before any video was made, {reason}"
        )


def _row(run: FinishedRun, chosen: str, rejected: str, why: str) -> DpoRow:
    return DpoRow(
        prompt=run.prompt,
        chosen=chosen,
        rejected=rejected,
        kind="screen",
        run_id=run.run_id,
        renderer=run.renderer,
        why=why,
    )


def _has_words(text: str) -> bool:
    return any(char.isalnum() for char in text)
