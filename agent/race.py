"""Which renders come next: one seed for each new candidate, more for those that keep up with the leader. Pure.

A race in the manner of successive halving, on paired seeds: all start on the first seed; who leads is seen again on the
next ones, and so is the original, before the lead is believed; of the others only those go on that the luck of a seed
could still put ahead, the better half first. The plan is made anew after every wave of renders, from what is on record.
"""

from collections.abc import Iterable, Mapping, Sequence, Set
from statistics import fmean, stdev

from agent.budget import loop_budget, loop_seeds, render_task
from agent.config import LoopConfig
from agent.decide import holds_threshold
from agent.kept_words import plan_kept_words, seeds_beyond
from agent.records import Candidate
from agent.standings import overall_by_seed, rank_candidates
from agent.state import History, RenderTask

Step = tuple[tuple[str, int], ...]
"""Renders, each a candidate and a seed, that are worth something only together."""
Seen = Mapping[str, Set[int]]
"""On which seeds of the loop a candidate has been rendered, with or without success."""


def plan_renders(history: History, config: LoopConfig) -> list[RenderTask]:
    """The next wave of this iteration; empty when it has told what it can, or the budget of the loop is used up."""
    made = [render for render in history.renders if render.purpose == "loop"]
    left = max(0, loop_budget(config) - len(made))
    seen: dict[str, set[int]] = {}
    for render in made:
        seen.setdefault(render.candidate, set()).add(render.seed)
    champion = history.champion or "0"
    if config.search.strategy == "best_of_n":
        steps = [(("0", seed),) for seed in seeds_beyond(seen.get("0", set()), left, config)]
    elif history.keeps_words:
        scores = overall_by_seed(history.renders, history.assessed).get(champion, {})
        steps = [((champion, seed),) for seed in plan_kept_words(seen[champion], scores, config)]
    else:
        steps = _first_seeds(history, seen, left, config) or _next_seeds(history, seen, config)
    by_id = {candidate.id: candidate for candidate in history.candidates}
    return [render_task(history.prompt, by_id[name], seed, "loop") for name, seed in _fitting(steps, left)]


def may_overtake(scores: Mapping[int, float], leading: Mapping[int, float], min_delta: float) -> bool:
    """Whether the lead over these scores by seed is within what another seed does to the leader's own.

    Compared on the seeds that both have, False when there are none. Where the leader has no second seed to tell its
    spread, only who is ahead of it may.
    """
    shared = scores.keys() & leading.keys()
    if not shared:
        return False
    spread = stdev(leading.values()) if len(leading) > 1 else 0.0
    return fmean(scores[seed] - leading[seed] for seed in shared) + spread > min_delta


def _first_seeds(history: History, seen: Seen, left: int, config: LoopConfig) -> list[Step]:
    """New candidates on the first seed, no more than leave one of them the renders that it takes to lead."""
    fresh = [candidate for candidate in history.new_candidates() if candidate.id not in seen]
    original, others = _apart(fresh)
    first, seeds = loop_seeds(config)[0], len(loop_seeds(config))
    owed = (seeds - 1) + (seeds - len(seen.get("0", {first})))
    room = max(0, left - len(original) - owed)
    return [((candidate.id, first),) for candidate in [*original, *others[:room]]]


def _apart(candidates: Sequence[Candidate]) -> tuple[list[Candidate], list[Candidate]]:
    """The original, if it is among them, and the others."""
    return [c for c in candidates if c.id == "0"], [c for c in candidates if c.id != "0"]


def _next_seeds(history: History, seen: Seen, config: LoopConfig) -> list[Step]:
    """The next seed for the leader while it lacks one; then for the better half of those that may still overtake it."""

    def step(candidate: str) -> Step:
        """The candidate's next seed, with the original beside it."""
        seed = next((seed for seed in loop_seeds(config) if seed not in seen.get(candidate, set())), None)
        both = dict.fromkeys(("0", candidate))
        return () if seed is None else tuple((name, seed) for name in both if seed not in seen.get(name, set()))

    standings = rank_candidates(history.candidates, history.renders, history.assessed, config.selection)
    if not standings:
        return [step("0")]
    leader = standings[0]
    if holds_threshold(leader, len(loop_seeds(config)), config.stop):
        return []
    if to_confirm := step(leader.candidate):
        return [to_confirm]
    scores = overall_by_seed(history.renders, history.assessed)
    chasing = [
        standing.candidate
        for standing in standings[1:]
        if any(candidate.id == standing.candidate for candidate in _apart(history.new_candidates())[1])
        and standing.passes_gate
        and step(standing.candidate)
        and may_overtake(scores[standing.candidate], scores[leader.candidate], config.stop.min_delta)
    ]
    return [step(candidate) for candidate in chasing[: (len(chasing) + 1) // 2]]


def _fitting(steps: Iterable[Step], left: int) -> list[tuple[str, int]]:
    """The renders of the first steps that the budget holds, each once."""
    chosen: dict[tuple[str, int], None] = {}
    for step in steps:
        if len(chosen.keys() | set(step)) > left:
            break
        chosen |= dict.fromkeys(step)
    return list(chosen)
