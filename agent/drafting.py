"""From what is known so far to new candidates: the rewriter's task, its drafts, and what the screen makes of them."""

from collections.abc import Collection, Sequence
from dataclasses import replace

from agent.brief import read_brief
from agent.errors import Interrupted, StageError, UsageError
from agent.item_memory import recall_items
from agent.ports import Ports
from agent.principles.judge import judge_text
from agent.records import Candidate, Finding
from agent.rewriter import Attempt, Draft, RewriteTask, same_words
from agent.screen_candidate import screen_candidate
from agent.standings import Standing, rank_candidates
from agent.state import History, LoopState, draft_rows
from agent.trajectory import Drafts
from agent.withheld import withhold
from graph_store.records import Modifier

PARENTS = 3
"""How many of the best candidates an evolution breeds from, as Prompt-A-Video does."""


def write_drafts(state: LoopState, iteration: int, ports: Ports) -> LoopState:
    """This iteration's drafts: the rewriter's, or the rules' when it fails."""
    ports.stop.check()
    if ports.config.search.strategy == "best_of_n" or History(state).keeps_words:
        return {"iteration": iteration, "drafts": []}
    task = _rewrite_task(state, iteration, ports)
    written = ports.journal.once("drafts", str(iteration), lambda: _ask_rewriter(task, ports))
    ports.notify("drafted", iteration=iteration, drafts=written)
    return {"iteration": iteration, "drafts": draft_rows(written.drafts)}


def _ask_rewriter(task: RewriteTask, ports: Ports) -> Drafts:
    """The rewriter's drafts; the rules' when it fails, unless the run is strict."""
    try:
        ports.enter("rewrite")
        drafts, reason = ports.rewriter.rewrite(task), None
    except (Interrupted, UsageError):
        raise
    except Exception as problem:
        if ports.config.rewrite.strict:
            raise StageError(f"the rewriter failed and --strict is set: {problem}") from problem
        reason = ports.record_failure("rewrite", problem)
        drafts = ports.fallback.rewrite(task)
        drafts = [replace(draft, origin="fallback") for draft in drafts]
    return Drafts(drafts=drafts, fallback=reason)


def _rewrite_task(state: LoopState, iteration: int, ports: Ports) -> RewriteTask:
    history = History(state)
    ranked = rank_candidates(history.candidates, history.renders, history.assessed, ports.config.selection)
    standings = {standing.candidate: standing for standing in ranked}
    given_up = {u.question for u in history.decisions[-1].unreachable} if history.decisions else set[str]()
    attempts = [_attempt(c, standings.get(c.id), history, given_up) for c in history.candidates if c.dropped is None]
    task = replace(
        _brief(state, ports),
        history=tuple(attempts),
        items=recall_items(history.checklist, history.candidates, history.renders, history.assessed),
        unreachable=tuple(sorted(given_up)),
        tried=tuple(text for c in history.candidates for text in (c.text, c.raw_text) if text),
        champion=ranked[0].candidate if ranked else None,
        parents=_parents(ranked) if ports.config.search.strategy == "evolve" else (),
        iteration=iteration,
        n=ports.config.rewrite.candidates,
        seed=ports.config.seed + 1000 * iteration,
    )
    return withhold(task, ports.config.rewrite)


def _parents(ranked: Sequence[Standing]) -> tuple[str, ...]:
    """The best candidates that show as much of the prompt as the original does."""
    return tuple(standing.candidate for standing in ranked if standing.passes_gate)[:PARENTS]


def _brief(state: LoopState, ports: Ports) -> RewriteTask:
    assert ports.journal.header  # noqa: S101 - written when the ports were connected
    modifiers = [Modifier(**row) for row in state.get("modifiers", [])]
    return read_brief(ports.journal.header, History(state).checklist, modifiers)


def _attempt(candidate: Candidate, standing: Standing | None, history: History, given_up: Collection[str]) -> Attempt:
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
        failing=tuple(
            sorted({question for assessment in seen for question in assessment.failing}.difference(given_up))
        ),
    )


def make_candidates(state: LoopState, ports: Ports) -> list[Candidate]:
    """Candidates of this iteration's drafts; of the rules' too, when the screen left nothing of the rewriter's."""
    history, brief = History(state), _brief(state, ports)
    made = [] if history.candidates else [_original(brief, ports)]
    made += _screen_drafts(history.drafts, made, history, brief, ports)
    survivors = [candidate for candidate in made if candidate.dropped is None and candidate.id != "0"]
    if history.drafts and not survivors and not ports.config.rewrite.strict:
        task = _rewrite_task(state, history.iteration, ports)
        drafts = [replace(draft, origin="fallback") for draft in ports.fallback.rewrite(task)]
        made += _screen_drafts(drafts, made, history, brief, ports)
    return made


def _original(brief: RewriteTask, ports: Ports) -> Candidate:
    """Candidate 0: the prompt as it is. What the screen finds in it is noted, nothing is changed."""
    findings = screen_candidate(brief.prompt, brief, ports.config, ports.renderer).findings
    return Candidate(id="0", iteration=0, text=brief.prompt, origin="prompt", findings=list(findings))


def _screen_drafts(
    drafts: Sequence[Draft], made: Sequence[Candidate], history: History, brief: RewriteTask, ports: Ports
) -> list[Candidate]:
    """Candidates of these drafts, with the next ids; a text that is a candidate already is left out."""
    added: list[Candidate] = []
    for draft in drafts:
        earlier = [*history.candidates, *made, *added]
        # The rules write in the person's own words, whatever language is asked for.
        by_rules = draft.origin == "fallback" or ports.rewriter.name == ports.fallback.name
        told = replace(brief, target_lang="") if by_rules else brief
        screened = screen_candidate(draft.text, told, ports.config, ports.renderer)
        if any(same_words(screened.text, known.text) for known in earlier if draft.unusable is None):
            continue
        candidate_id = str(len(earlier))
        dropped = draft.unusable or screened.dropped
        judged = _judge(candidate_id, screened.text, ports) if dropped is None else ()
        added.append(
            Candidate(
                id=candidate_id,
                iteration=history.iteration,
                text=screened.text,
                origin=draft.origin,
                rationale=draft.rationale,
                parent=draft.parent,
                modifiers=list(draft.modifiers),
                raw_text=draft.text if screened.text != draft.text else None,
                findings=[*screened.findings, *judged],
                dropped=dropped or next((f"{found.rule}: {found.detail}" for found in judged), None),
            )
        )
    return added


def _judge(candidate_id: str, text: str, ports: Ports) -> Sequence[Finding]:
    """What the run's model finds broken in the text, where the run asks for its verdict; paid for once."""
    model = ports.language_model
    if not ports.config.principles.judge_text or model is None:
        return ()
    ports.enter("rewrite")
    negative, seed = ports.config.render.negative_prompt, ports.config.seed
    judgement = ports.journal.once(
        "judgement", candidate_id, lambda: judge_text(model, ports.prompt, text, negative=negative, seed=seed)
    )
    return judgement.findings
