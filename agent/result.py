"""The outcome of a run, from its history. Pure but for the clock."""

from typing import get_args

from agent.item_memory import recall_items
from agent.ports import Ports
from agent.principles.outcome import Principled, TextJudgement
from agent.records import Fault, Purpose, Result, Totals, Unreachable, Verification
from agent.rewriter import Draft
from agent.standings import rank_candidates
from agent.state import History
from agent.trajectory import Checklist, Drafts


def make_result(history: History, verification: Verification | None, ports: Ports) -> Result:
    """What to hand to the user: the champion, or the original when the champion did worse on the unseen seeds."""
    last = history.decisions[-1]
    assert last.stop is not None  # noqa: S101 - only a decision to stop leads here
    purpose = "full" if history.promotion and history.promotion.champion else "loop"
    ranked = rank_candidates(history.candidates, history.renders, history.assessed, ports.config.selection, purpose)
    standings = {standing.candidate: standing for standing in ranked}
    gain = verification.gain if verification else None
    best_id = history.champion or "0"
    if gain is not None and gain < 0:
        best_id, gain = "0", 0.0
    elif history.champion == "0" and len(standings) > 1 and ports.config.verify_seeds:
        gain = 0.0
    best, original = standings.get(best_id), standings.get("0")
    return Result(
        prompt=history.prompt,
        best=history.candidate(best_id),
        best_score=best.overall if best else None,
        best_video=history.best_video(best_id),
        original_score=original.overall if original else None,
        original_video=history.best_video("0"),
        promotion=history.promotion,
        verification=verification,
        verified_gain=gain,
        stop_reason=last.stop,
        why=last.why,
        unreachable=_still_unreachable(history),
        iterations=history.iteration,
        totals=count_totals(history, ports),
    )


def _still_unreachable(history: History) -> list[Unreachable]:
    """What the last decision gave up, less what a full render or one on an unseen seed shows after all."""
    known = (history.checklist, history.candidates, history.renders, history.assessed)
    held = {item.question.id for item in recall_items(*known, purposes=get_args(Purpose)) if item.held}
    return [question for question in history.decisions[-1].unreachable if question.question not in held]


def named_faults(history: History, ports: Ports) -> dict[str, Fault]:
    """Whom the rewriter blamed last for each question that it looked at, by the question's text."""
    faults: dict[str, Fault] = {}
    for iteration in range(history.iteration + 1):
        written = ports.journal.read("drafts", str(iteration))
        for draft in written.drafts if isinstance(written, Drafts) else ():
            faults |= draft.faults
    return faults


def count_totals(history: History, ports: Ports) -> Totals:
    """What the run has cost so far; tokens are None when the server does not say."""
    drafts = [ports.journal.read("drafts", str(i)) for i in range(history.iteration + 1)]
    paid: list[Checklist | Draft | Principled | TextJudgement] = [
        draft for row in drafts if isinstance(row, Drafts) for draft in row.drafts
    ]
    checklist = ports.journal.read("checklist", "")
    paid += [checklist] if isinstance(checklist, Checklist) else []
    judgements = [ports.journal.read("judgement", candidate.id) for candidate in history.candidates]
    paid += [judgement for judgement in judgements if isinstance(judgement, TextJudgement)]
    softening = (ports.journal.header or {}).get("softening")
    paid += [Principled.model_validate(softening)] if softening else []
    asked = [f.evidence for row in history.assessed for f in row.assessment.feedbacks if "llm_calls" in f.evidence]
    tokens_in = [row.tokens_in for row in paid] + [evidence["tokens_in"] for evidence in asked]
    tokens_out = [row.tokens_out for row in paid] + [evidence["tokens_out"] for evidence in asked]
    return Totals(
        renders=len(history.renders),
        failed_renders=sum(made.path is None for made in history.renders),
        render_seconds=round(sum(made.seconds for made in history.renders), 3),
        llm_calls=sum(row.llm_calls for row in paid) + sum(evidence["llm_calls"] for evidence in asked),
        tokens_in=None if None in tokens_in else sum(count for count in tokens_in if count),
        tokens_out=None if None in tokens_out else sum(count for count in tokens_out if count),
        fallbacks=sum(candidate.origin == "fallback" for candidate in history.candidates),
        seconds=round(ports.clock(), 3),
    )
