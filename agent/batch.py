"""Many prompts in one process: parts made once, one run folder a prompt, a summary table. Rerunning it resumes it."""

import csv
import io
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np

from agent.config import LoopConfig
from agent.draft_order import add_orders
from agent.errors import Interrupted, UsageError
from agent.parts import Parts, open_parts
from agent.records import PairOrders, Result
from agent.run import begin_run
from agent.run_folder import write_text
from feedback.errors import FeedbackError
from graph_store.errors import GraphStoreError

RESAMPLES = 10_000
"""Of the bootstrap."""


@dataclass(frozen=True)
class BatchRow:
    """One prompt's outcome, a line of summary.csv; empty cells are unknown."""

    prompt: str
    best_prompt: str = ""
    original_score: float | None = None
    best_score: float | None = None
    verified_gain: float | None = None
    champion_gain: float | None = None
    """Of the champion, also when the original was returned because the champion lost on the unseen seeds."""
    stop_reason: str = ""
    renders: int = 0
    run_dir: str = ""
    error: str = ""
    draft_order: PairOrders | None = None
    """How its drafts ranked the candidates that were rendered in full; None when the run did not draft. In summary.csv
    the rank correlation."""
    notes: tuple[str, ...] = ()
    """What a person should know of how the prompt was read; joined by "; " in summary.csv."""


@dataclass(frozen=True)
class Summary:
    """What a batch came to."""

    mean_gain: float | None
    """Of the champions over the prompts as typed, on unseen seeds; lost ones count as what they lost."""
    interval: tuple[float | None, float | None]
    """95 %, by bootstrap over prompts; (None, None) when nothing is verified."""
    verified: int
    improved: int
    kept_original: int
    worse: int
    """Champions that lost to the prompt as typed; the prompt was returned in their place."""
    failed: int
    renders: int
    drafted: int = 0
    """Prompts whose drafts were compared with full renders."""
    draft_order: PairOrders | None = None
    """Over all those prompts."""


def read_prompts(path: Path) -> list[str]:
    """The prompts of a TXT, JSONL or CSV file, in order, each once, blank lines left out. Raises UsageError.

    In JSONL and CSV they are called `prompt`, or `captions` as in the tables of physical rules that RAPO++ brings.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as problem:
        raise UsageError(f"can't read prompts from {path}: {problem}") from None
    try:
        match path.suffix.lower():
            case ".jsonl":
                found = [_prompt_in(json.loads(line)) for line in text.split("\n") if line.strip()]
            case ".csv":
                found = [_prompt_in(row) for row in csv.DictReader(io.StringIO(text))]
            case _:
                found = text.splitlines()
        prompts = [prompt.strip() for prompt in found if prompt and prompt.strip()]
    except (ValueError, KeyError, TypeError, AttributeError, csv.Error):
        raise UsageError(f"{path}: every row needs a 'prompt'") from None
    if not prompts:
        raise UsageError(f"{path} holds no prompts")
    return list(dict.fromkeys(prompts))


def _prompt_in(row: Mapping[str, str]) -> str:
    return row["prompt"] if "prompt" in row else row["captions"]


def run_batch(
    prompts: Sequence[str], config: LoopConfig, folder: Path, on_row: Callable[[BatchRow], None]
) -> list[BatchRow]:
    """Runs every prompt, one folder each, summary.csv written after each. A failed prompt is a row with its error."""
    parts = open_parts(config)
    rows: list[BatchRow] = []
    try:
        for prompt in prompts:
            rows.append(_run_one(prompt, config, folder, parts))
            _write_summary(rows, folder)
            on_row(rows[-1])
    finally:
        parts.memory.close()
    return rows


def _run_one(prompt: str, config: LoopConfig, folder: Path, parts: Parts) -> BatchRow:
    try:
        run = begin_run(prompt, config, folder)
        return _row(prompt, run.execute(parts), run.folder.path.name, run.notes)
    except Interrupted:
        raise
    except (UsageError, FeedbackError, GraphStoreError) as problem:
        return BatchRow(prompt, error=str(problem))
    except Exception as problem:
        return BatchRow(prompt, error=f"{type(problem).__name__}: {problem}")


def _row(prompt: str, result: Result, run_dir: str, notes: Sequence[str]) -> BatchRow:
    return BatchRow(
        prompt=prompt,
        best_prompt=result.best.text,
        original_score=result.original_score,
        best_score=result.best_score,
        verified_gain=result.verified_gain,
        champion_gain=result.verification.gain if result.verification else result.verified_gain,
        draft_order=result.promotion.order if result.promotion else None,
        error=f"{result.stop_reason}: {result.why}" if result.stop_reason == "all_candidates_failed" else "",
        stop_reason=result.stop_reason,
        renders=result.totals.renders,
        run_dir=run_dir,
        notes=tuple(notes),
    )


def _write_summary(rows: Sequence[BatchRow], folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    table = io.StringIO()
    writer = csv.DictWriter(table, [field.name for field in fields(BatchRow)])
    writer.writeheader()
    writer.writerows(_cells(row) for row in rows)
    write_text(folder / "summary.csv", table.getvalue())


def _cells(row: BatchRow) -> dict[str, Any]:
    correlation = row.draft_order.rank_correlation if row.draft_order else None
    return asdict(row) | {"notes": "; ".join(row.notes), "draft_order": correlation}


def summarize(rows: Sequence[BatchRow]) -> Summary:
    """Counts, and the champions' mean gain with its bootstrap interval over prompts.

    Not the mean of what was returned: that is never negative, for a champion that lost is replaced on the very seeds
    that told.
    """
    gains = np.array([row.champion_gain for row in rows if row.champion_gain is not None])
    orders = [row.draft_order for row in rows if row.draft_order]
    interval: tuple[float | None, float | None] = (None, None)
    if len(gains):
        rng = np.random.default_rng(0)
        means = gains[rng.integers(len(gains), size=(RESAMPLES, len(gains)))].mean(axis=1)
        low, high = np.quantile(means, [0.025, 0.975])
        interval = float(low), float(high)
    return Summary(
        mean_gain=float(gains.mean()) if len(gains) else None,
        interval=interval,
        verified=len(gains),
        improved=int((gains > 0).sum()),
        kept_original=int((gains == 0).sum()),
        worse=int((gains < 0).sum()),
        failed=sum(bool(row.error) for row in rows),
        renders=sum(row.renders for row in rows),
        drafted=len(orders),
        draft_order=add_orders(orders) if orders else None,
    )
