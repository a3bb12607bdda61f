"""Which renders the budget allows: seeds, and the share kept for the verification. Pure."""

from collections.abc import Sequence

from agent.config import LoopConfig
from agent.records import Candidate, Render
from agent.state import RenderTask

UNSEEN = 10_000
"""Distance between the loop's seeds and the verification's."""


def loop_seeds(config: LoopConfig) -> list[int]:
    """The seeds on which every candidate of the loop is rendered."""
    return [config.seed + index for index in range(config.render.seeds)]


def unseen_seeds(config: LoopConfig) -> list[int]:
    """The verification's seeds; at most half of all renders go there."""
    return [config.seed + UNSEEN + index for index in range(min(config.verify_seeds, config.stop.max_renders // 4))]


def reserved_renders(config: LoopConfig) -> int:
    """Renders kept for champion and original on the unseen seeds."""
    return 2 * len(unseen_seeds(config))


def plan_renders(candidates: Sequence[Candidate], renders: Sequence[Render], config: LoopConfig) -> list[RenderTask]:
    """The loop's next renders, candidate by candidate, within the budget.

    A candidate is rendered on all seeds or not at all, except the original, which gets what there is.
    """
    left = config.stop.max_renders - reserved_renders(config) - len([r for r in renders if r.purpose == "loop"])
    tasks: list[RenderTask] = []
    for candidate in candidates:
        seeds = loop_seeds(config)
        if candidate.id == "0":
            seeds = seeds[: max(1, left)]
        if len(tasks) + len(seeds) <= max(1, left):
            tasks += [render_task(candidate, seed, "loop") for seed in seeds]
    return tasks


def plan_verification(champion: Candidate, original: Candidate, config: LoopConfig) -> list[RenderTask]:
    """Both on every unseen seed, in pairs."""
    return [
        render_task(candidate, seed, "verify") for seed in unseen_seeds(config) for candidate in (original, champion)
    ]


def render_task(candidate: Candidate, seed: int, purpose: str) -> RenderTask:
    """One render of this candidate."""
    return {
        "candidate": candidate.id,
        "seed": seed,
        "iteration": candidate.iteration,
        "purpose": purpose,
        "text": candidate.text,
    }
