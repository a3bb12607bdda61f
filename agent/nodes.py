"""The nodes of the loop: read the state, call the ports, return what changed.

Whatever costs something is done inside `journal.once`, so that a node that runs again after a crash repeats nothing.
"""

from collections.abc import Sequence
from dataclasses import replace

from langgraph.types import interrupt

from agent.budget import loop_seeds, reserved_renders, unseen_seeds
from agent.checklist import write_checklist
from agent.decide import Spent, decide_next
from agent.errors import Interrupted, StageError, UsageError
from agent.ports import Ports
from agent.records import Assessed, Candidate, Decision, Render, Verification
from agent.render_clip import render_to_file
from agent.result import count_totals, make_result
from agent.rewriter import Attempt, Draft, RewriteTask, same_words
from agent.screen import Screened, screen_text
from agent.standings import Standing, mean_known, rank_candidates
from agent.state import History, LoopState, RenderTask, draft_rows, rows
from agent.trajectory import Drafts, Failure, RetrievedModifier
from feedback.combine import combine_feedback
from feedback.errors import ClipError
from feedback.gather import gather_feedback
from feedback.video_file import read_clip
from graph_store.records import Modifier


def retrieve(state: LoopState, ports: Ports) -> LoopState:
    """The prompt's checklist, and the modifiers that suit it."""
    prompt = state.get("prompt", "")
    checklist = ports.journal.once(
        "checklist", "", lambda: write_checklist(prompt, ports.language_model, ports.config.seed)
    )
    modifiers = ports.journal.once("modifiers", "", lambda: _retrieve_modifiers(prompt, ports))
    ports.notify("retrieved", checklist=checklist, modifiers=modifiers)
    return {"checklist": rows(checklist.questions), "modifiers": [modifier.model_dump() for modifier in modifiers]}


def _retrieve_modifiers(prompt: str, ports: Ports) -> list[RetrievedModifier]:
    if ports.store is None:
        return []
    try:
        found = ports.store.retrieve(prompt, ports.config.retrieve.modifiers_per_kind)
    except Exception as problem:
        _record_failure("retrieve", problem, ports)
        return []
    return [
        RetrievedModifier(text=m.text, kind=m.kind, cosine=round(m.cosine, 6), via=m.via, count=m.count)
        for m in found.modifiers
    ]


def compose(state: LoopState, ports: Ports) -> LoopState:
    """The first drafts: the prompt with the retrieved modifiers worked in."""
    return _write_drafts(state, 0, ports)


def refine(state: LoopState, ports: Ports) -> LoopState:
    """New drafts, from what is known of all earlier candidates."""
    return _write_drafts(state, History(state).decisions[-1].iteration + 1, ports)


def _write_drafts(state: LoopState, iteration: int, ports: Ports) -> LoopState:
    ports.stop.check()
    task = _rewrite_task(state, iteration, ports)
    written = ports.journal.once("drafts", str(iteration), lambda: _ask_rewriter(task, ports))
    ports.notify("drafted", iteration=iteration, drafts=written)
    return {"iteration": iteration, "drafts": draft_rows(written.drafts)}


def _ask_rewriter(task: RewriteTask, ports: Ports) -> Drafts:
    """The rewriter's drafts; the rules' when it fails, unless the run is strict."""
    try:
        drafts, reason = ports.rewriter.rewrite(task), None
    except (Interrupted, UsageError):
        raise
    except Exception as problem:
        if ports.config.rewrite.strict:
            raise StageError(f"the rewriter failed and --strict is set: {problem}") from problem
        reason = _record_failure("rewrite", problem, ports)
        drafts = ports.fallback.rewrite(task)
        drafts = [replace(draft, origin="fallback") for draft in drafts]
    return Drafts(drafts=drafts, fallback=reason)


def _rewrite_task(state: LoopState, iteration: int, ports: Ports) -> RewriteTask:
    history = History(state)
    config = ports.config
    ranked = rank_candidates(history.candidates, history.renders, history.assessed)
    standings = {standing.candidate: standing for standing in ranked}
    return RewriteTask(
        prompt=history.prompt,
        checklist=tuple(history.checklist),
        modifiers=tuple(Modifier(**row) for row in state.get("modifiers", [])),
        history=tuple(_attempt(c, standings.get(c.id), history) for c in history.candidates if c.dropped is None),
        champion=ranked[0].candidate if ranked else None,
        iteration=iteration,
        n=config.rewrite.candidates,
        seed=config.seed + 1000 * iteration,
        target_lang=config.rewrite.target_lang,
        word_limit=config.rewrite.word_limit,
    )


def _attempt(candidate: Candidate, standing: Standing | None, history: History) -> Attempt:
    """What the rewriter is told of one earlier candidate: its worst render's critique, failures on any seed."""
    seen = [
        row.assessment
        for row in history.assessed
        if row.render in {r.id for r in history.renders if r.candidate == candidate.id and r.purpose == "loop"}
    ]
    worst = min((a for a in seen if a.overall is not None), key=lambda a: a.overall or 0.0, default=None)
    return Attempt(
        candidate=candidate,
        score=standing.overall if standing else None,
        dimensions=dict(standing.dimensions) if standing else {},
        critique=worst.critique if worst else "",
        failing=tuple(sorted({question for assessment in seen for question in assessment.failing})),
    )


def screen(state: LoopState, ports: Ports) -> LoopState:
    """Drafts become candidates: repaired once where flawed, dropped with a reason where that does not help."""
    history = History(state)
    made = ports.journal.once("candidates", str(history.iteration), lambda: _make_candidates(state, ports))
    ports.notify("screened", iteration=history.iteration, candidates=made)
    return {"candidates": rows(made), "drafts": []}


def _make_candidates(state: LoopState, ports: Ports) -> list[Candidate]:
    """Candidates of this iteration's drafts; of the rules' too, when the screen left nothing of the rewriter's."""
    history = History(state)
    made = [] if history.candidates else [_original(history, ports)]
    made += _screen_drafts(history.drafts, made, history, ports)
    survivors = [candidate for candidate in made if candidate.dropped is None and candidate.id != "0"]
    if history.drafts and not survivors and not ports.config.rewrite.strict:
        task = _rewrite_task(state, history.iteration, ports)
        drafts = [replace(draft, origin="fallback") for draft in ports.fallback.rewrite(task)]
        made += _screen_drafts(drafts, made, history, ports)
    return made


def _original(history: History, ports: Ports) -> Candidate:
    """Candidate 0: the prompt as it is. What the screen finds in it is noted, nothing is changed."""
    findings = _screen_text(history.prompt, history, ports).findings
    return Candidate(id="0", iteration=0, text=history.prompt, origin="prompt", findings=list(findings))


def _screen_drafts(
    drafts: Sequence[Draft], made: Sequence[Candidate], history: History, ports: Ports
) -> list[Candidate]:
    """Candidates of these drafts, with the next ids; a text that is a candidate already is left out."""
    added: list[Candidate] = []
    for draft in drafts:
        earlier = [*history.candidates, *made, *added]
        screened = _screen_text(draft.text, history, ports)
        if any(same_words(screened.text, known.text) for known in earlier if draft.unusable is None):
            continue
        added.append(
            Candidate(
                id=str(len(earlier)),
                iteration=history.iteration,
                text=screened.text,
                origin=draft.origin,
                rationale=draft.rationale,
                parent=draft.parent,
                modifiers=list(draft.modifiers),
                raw_text=draft.text if screened.text != draft.text else None,
                findings=list(screened.findings),
                dropped=draft.unusable or screened.dropped,
            )
        )
    return added


def _screen_text(text: str, history: History, ports: Ports) -> Screened:
    return screen_text(
        text,
        prompt=history.prompt,
        checklist=history.checklist,
        token_count=ports.renderer.count_tokens,
        token_limit=ports.renderer.info.token_limit,
    )


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
    """One clip on disk, or the reason why there is none."""
    ports.stop.check()
    if ports.folder.stop_file.exists():
        return {}
    render_id = f"{task['candidate']}-{task['seed']}"
    made = ports.journal.once("render", render_id, lambda: render_to_file(task, ports))
    ports.notify("rendered", render=made)
    return {"renders": rows([made])}


def assess(state: LoopState, ports: Ports) -> LoopState:
    """What all sources say of every render that has not been assessed yet."""
    history = History(state)
    done = {row.render for row in history.assessed}
    assessed: list[Assessed] = []
    for made in history.renders:
        if made.path is None or made.id in done:
            continue
        ports.stop.check()
        try:
            row = ports.journal.once("assessed", made.id, lambda made=made: _assess_file(made, history, ports))
        except ClipError as problem:
            _record_failure("assess", problem, ports)
            continue
        ports.notify("assessed", render=made, assessment=row.assessment)
        assessed.append(row)
    return {"assessed": rows(assessed)}


def _assess_file(made: Render, history: History, ports: Ports) -> Assessed:
    clip = read_clip(ports.folder.path / (made.path or ""))
    feedbacks = gather_feedback(ports.sources, clip, history.prompt, history.checklist)
    return Assessed(
        render=made.id,
        assessment=combine_feedback(feedbacks, history.checklist, ports.config.assess.weights),
    )


def decide(state: LoopState, ports: Ports) -> LoopState:
    """Go on, or stop for a named reason."""
    history = History(state)
    decision = ports.journal.once("decision", str(history.iteration), lambda: _decide(history, ports))
    ports.notify("decided", decision=decision)
    return {"decisions": rows([decision])}


def _decide(history: History, ports: Ports) -> Decision:
    totals = count_totals(history, ports)
    standings = rank_candidates(history.candidates, history.renders, history.assessed)
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
    return decide_next(history.iteration, standings, history.decisions, spent, ports.config.stop)


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
    champion = history.decisions[-1].champion or "0"
    by_render = {row.render: row.assessment.overall for row in history.assessed}
    seeds = unseen_seeds(ports.config)
    ours = [by_render.get(f"{champion}-{seed}") for seed in seeds]
    original = [by_render.get(f"0-{seed}") for seed in seeds]
    gain = mean_known([a - b for a, b in zip(ours, original, strict=True) if a is not None and b is not None])
    return Verification(
        seeds=seeds,
        champion=champion,
        champion_scores=ours,
        original_scores=original,
        gain=gain,
        why="" if gain is not None else "no unseen seed has a score for both",
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


def _record_failure(stage: str, problem: Exception, ports: Ports) -> str:
    reason = f"{type(problem).__name__}: {' '.join(str(problem).split())}"
    ports.journal.once("failure", f"{stage}-{reason}", lambda: Failure(stage=stage, reason=reason))
    ports.notify("failed", stage=stage, reason=reason)
    return reason
