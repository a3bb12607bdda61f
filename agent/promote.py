"""From drafts to full renders: which candidates are rendered again, and whether the drafts had ranked them rightly.

A draft that ranks candidates otherwise than the full render does is worse than none: it spends renders on the wrong
words. So each run that drafts measures it, on the very candidates that it would otherwise have trusted.
"""

from collections.abc import Sequence
from statistics import fmean

from agent.assess import assess
from agent.draft_order import Scores, compare_orders
from agent.ports import Ports
from agent.records import Candidate, Promotion, Purpose, Render
from agent.standings import rank_candidates
from agent.state import History, LoopState


def find_leaders(history: History, ports: Ports) -> list[Candidate]:
    """The original, then the other candidates in the order of their drafts; those without a score are left out."""
    ranked = rank_candidates(history.candidates, history.renders, history.assessed, ports.config.selection)
    ids = ["0", *(standing.candidate for standing in ranked if standing.candidate != "0")]
    return [history.candidate(candidate_id) for candidate_id in ids]


def promote(state: LoopState, ports: Ports) -> LoopState:
    """Who leads among the full renders, and how well the drafts foretold it."""
    update = assess(state, ports)
    history = History({**state, "assessed": [*state.get("assessed", []), *update.get("assessed", [])]})
    promotion = ports.journal.once("promotion", "", lambda: _compare_with_drafts(history, ports))
    ports.notify("promoted", promotion=promotion)
    return {**update, "promotion": promotion.model_dump(mode="json")}


def _compare_with_drafts(history: History, ports: Ports) -> Promotion:
    ranked = rank_candidates(history.candidates, history.renders, history.assessed, ports.config.selection, "full")
    leader = ranked[0] if ranked else None
    full_renders = [render for render in history.renders if render.purpose == "full"]
    candidates = list(dict.fromkeys(render.candidate for render in full_renders))
    drafts = [r for r in history.renders if r.purpose == "loop" and r.candidate in candidates]
    order = compare_orders(_scores(history, "loop"), _scores(history, "full"))
    return Promotion(
        candidates=candidates,
        champion=leader.candidate if leader else None,
        score=leader.overall if leader else None,
        order=order,
        rank_correlation=order.rank_correlation,
        why="" if order.rank_correlation is not None else "no two candidates differ both as drafts and in full",
        draft_seconds=_mean_seconds(drafts),
        full_seconds=_mean_seconds(full_renders),
    )


def _scores(history: History, purpose: Purpose) -> Scores:
    overall = {row.render: row.assessment.overall for row in history.assessed}
    return {
        (render.candidate, render.seed): score
        for render in history.renders
        if render.purpose == purpose and (score := overall.get(render.id)) is not None
    }


def _mean_seconds(renders: Sequence[Render]) -> float | None:
    seconds = [render.seconds for render in renders if render.path]
    return round(fmean(seconds), 3) if seconds else None
