"""The nodes of the loop: read the state, call the ports, return what changed.

Whatever costs something is done inside `journal.once`, so that a node that runs again after a crash repeats nothing.
"""

from langgraph.types import interrupt

from agent.assess import assess
from agent.budget import loop_budget, loop_seeds, reserved_renders, unseen_seeds
from agent.checklist import write_checklist
from agent.decide import Spent, decide_next
from agent.drafting import make_candidates, write_drafts
from agent.item_memory import find_unreachable, recall_items
from agent.kept_words import keep_words
from agent.ports import Ports
from agent.reach import Reach, measure_reach
from agent.records import Candidate, Decision, Verification, name_render
from agent.render_clip import render_to_file
from agent.result import count_totals, make_result, named_faults
from agent.standings import Standing, mean_known, overall_by_seed, rank_candidates
from agent.state import History, LoopState, RenderTask, rows
from agent.trajectory import Checklist, RetrievedModifier


def retrieve(_: LoopState, ports: Ports) -> LoopState:
    """The prompt's checklist, and the modifiers that suit it."""
    prompt = ports.prompt
    checklist = ports.journal.once("checklist", "", lambda: _write_checklist(prompt, ports))
    modifiers = ports.journal.once("modifiers", "", lambda: _retrieve_modifiers(prompt, ports))
    ports.notify("retrieved", prompt=prompt, checklist=checklist, modifiers=modifiers)
    return {
        "prompt": prompt,
        "checklist": rows(checklist.questions),
        "modifiers": [modifier.model_dump() for modifier in modifiers],
    }


def _write_checklist(prompt: str, ports: Ports) -> Checklist:
    ports.enter("rewrite")
    return write_checklist(prompt, ports.language_model, ports.config.seed)


def _retrieve_modifiers(prompt: str, ports: Ports) -> list[RetrievedModifier]:
    if ports.store is None:
        return []
    try:
        found = ports.store.retrieve(prompt, ports.config.retrieve.modifiers_per_kind)
    except Exception as problem:
        ports.record_failure("retrieve", problem)
        return []
    return [
        RetrievedModifier(text=m.text, kind=m.kind, cosine=round(m.cosine, 6), via=m.via, count=m.count)
        for m in found.modifiers
    ]


def compose(state: LoopState, ports: Ports) -> LoopState:
    """The first drafts: the prompt with the retrieved modifiers worked in."""
    return write_drafts(state, 0, ports)


def refine(state: LoopState, ports: Ports) -> LoopState:
    """New drafts, from what is known of all earlier candidates."""
    return write_drafts(state, History(state).decisions[-1].iteration + 1, ports)


def screen(state: LoopState, ports: Ports) -> LoopState:
    """Drafts become candidates: repaired once where flawed, dropped with a reason where that does not help."""
    history = History(state)
    made = ports.journal.once("candidates", str(history.iteration), lambda: make_candidates(state, ports))
    ports.notify("screened", iteration=history.iteration, candidates=made)
    return {"candidates": rows(made), "drafts": []}


def review(state: LoopState, ports: Ports) -> LoopState:
    """A person's edits to this iteration's candidates, when the run asks for them.

    The interrupt carries `{"candidates": [{"id", "text"}]}` and is resumed with `{id: text}`; an empty text drops the
    candidate.
    """
    history = History(state)
    mode = ports.config.review
    if mode == "never" or (mode == "first" and history.iteration > 0):
        return {}
    open_ones = [candidate for candidate in history.new_candidates() if candidate.id != "0"]
    if not open_ones:
        return {}
    edits: dict[str, str] = interrupt({"candidates": [{"id": c.id, "text": c.text} for c in open_ones]})
    edited = [_edited(candidate, edits.get(candidate.id, candidate.text)) for candidate in open_ones]
    return {"candidates": rows(ports.journal.once("candidates", f"{history.iteration}-review", lambda: edited))}


def _edited(candidate: Candidate, text: str) -> Candidate:
    if text == candidate.text:
        return candidate
    if not text.strip():
        return candidate.model_copy(update={"dropped": "dropped in review"})
    return candidate.model_copy(update={"text": text.strip(), "raw_text": candidate.text, "origin": "review"})


def render(task: RenderTask, ports: Ports) -> LoopState:
    """One clip on disk, or the reason why there is none; nothing once the run is to stop."""
    ports.stop.check()
    if ports.must_stop():
        return {}
    render_id = name_render(task["candidate"], task["seed"], task["purpose"])
    made = ports.journal.once("render", render_id, lambda: render_to_file(task, ports))
    ports.notify("rendered", render=made)
    return {"renders": rows([made])}


def decide(state: LoopState, ports: Ports) -> LoopState:
    """Go on, or stop for a named reason."""
    history = History(state)
    decision = ports.journal.once("decision", str(history.iteration), lambda: _decide(history, ports))
    ports.notify("decided", decision=decision)
    return {"decisions": rows([decision])}


def _decide(history: History, ports: Ports) -> Decision:
    totals = count_totals(history, ports)
    standings = rank_candidates(history.candidates, history.renders, history.assessed, ports.config.selection)
    spent = Spent(
        renders=len(history.renders),
        reserved_renders=reserved_renders(ports.config),
        renders_per_candidate=len(loop_seeds(ports.config)),
        tokens=(totals.tokens_in or 0) + (totals.tokens_out or 0),
        seconds=ports.clock(),
        stop_requested=ports.folder.stop_file.exists(),
        new_candidates=len(history.new_candidates()),
        why_unscored=_why_unscored(history),
    )
    reach = _measure_reach(history, standings[0] if standings else None, ports)
    decision = decide_next(history.iteration, standings, history.decisions, spent, ports.config.stop, reach)
    if ports.config.draft.enabled:
        return decision
    scores = overall_by_seed(history.renders, history.assessed).get(decision.champion or "", {})
    left = loop_budget(ports.config) - spent.renders
    return keep_words(decision, list(scores.values()), history.decisions, left, ports.config.stop)


def _measure_reach(history: History, leader: Standing | None, ports: Ports) -> Reach:
    stop, known = ports.config.stop, (history.checklist, history.candidates, history.renders, history.assessed)
    wordings = stop.unreachable_wordings if ports.config.rewrite.remember else 0
    faults = named_faults(history, ports)
    unreachable = find_unreachable(recall_items(*known), wordings, stop.unreachable_renders, faults)
    weights = ports.config.assess.weights
    return measure_reach(unreachable, leader, history.checklist, history.renders, history.assessed, weights)


def _why_unscored(history: History) -> str:
    """The first reason that a render or a source gave for there being no score; empty when none did."""
    failures = [made.failure for made in history.renders if made.failure]
    reasons = [f.score.why for row in history.assessed for f in row.assessment.feedbacks if f.score.value is None]
    return next(iter(failures + reasons), "")


def verify(state: LoopState, ports: Ports) -> LoopState:
    """Champion against original on the unseen seeds."""
    assessed = assess(state, ports)
    seen = History({**state, "assessed": [*state.get("assessed", []), *assessed.get("assessed", [])]})
    verification = ports.journal.once("verification", "", lambda: _compare(seen, ports))
    ports.notify("verified", verification=verification)
    return {**assessed, "verification": verification.model_dump(mode="json")}


def _compare(history: History, ports: Ports) -> Verification:
    champion = history.champion or "0"
    scores = {row.render: score for row in history.assessed if (score := row.assessment.overall) is not None}
    wanted = unseen_seeds(ports.config)
    seeds = [seed for seed in wanted if {f"{champion}-{seed}", f"0-{seed}"} <= scores.keys()]
    missing = len(wanted) - len(seeds)
    ours = [scores[f"{champion}-{seed}"] for seed in seeds]
    original = [scores[f"0-{seed}"] for seed in seeds]
    return Verification(
        seeds=seeds,
        champion=champion,
        champion_scores=ours,
        original_scores=original,
        gain=mean_known([a - b for a, b in zip(ours, original, strict=True)]),
        why=f"{missing} of {len(wanted)} unseen seeds have no score for both" if missing else "",
    )


def finish(state: LoopState, ports: Ports) -> LoopState:
    """The outcome, in result.json."""
    history = History(state)
    found = state.get("verification")
    verification = Verification.model_validate(found) if found else None
    result = ports.journal.once("result", "", lambda: make_result(history, verification, ports))
    ports.folder.write_result(result)
    ports.notify("finished", result=result)
    return {"result": result.model_dump(mode="json")}
