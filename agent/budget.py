"""Which renders the budget allows: seeds, and the share kept for the verification. Pure."""

from collections.abc import Sequence

from agent.config import LoopConfig
from agent.records import Candidate, Render
from agent.state import RenderTask

UNSEEN = 10_000
"""Distance between the loop's seeds and the verification's."""


def loop_seeds(config: LoopConfig) -> list[int]:
    """The seeds on which every candidate of the loop is rendered: fewer than asked where even two would not fit."""
    count = max(1, min(config.render.seeds, config.stop.max_renders // 2))
    return [config.seed + index for index in range(count)]


def unseen_seeds(config: LoopConfig) -> list[int]:
    """The verification's seeds: what is left when the original and one candidate are rendered, half of all at most."""
    left = config.stop.max_renders - 2 * len(loop_seeds(config))
    count = max(0, min(config.verify_seeds, left // 2, config.stop.max_renders // 4))
    return [config.seed + UNSEEN + index for index in range(count)]


def reserved_renders(config: LoopConfig) -> int:
    """Renders kept for champion and original on the unseen seeds."""
    return 2 * len(unseen_seeds(config))


def plan_renders(
    prompt: str, candidates: Sequence[Candidate], renders: Sequence[Render], config: LoopConfig
) -> list[RenderTask]:
    """The loop's next renders, candidate by candidate, within the budget.

    A candidate is rendered on all seeds or not at all, except the original, which gets what there is.
    """
    spent = sum(render.purpose == "loop" for render in renders)
    left = max(0, config.stop.max_renders - reserved_renders(config) - spent)
    tasks: list[RenderTask] = []
    for candidate in candidates:
        seeds = loop_seeds(config)
        if candidate.id == "0":
            seeds = seeds[:left]
        if len(tasks) + len(seeds) <= left:
            tasks += [render_task(prompt, candidate, seed, "loop") for seed in seeds]
    return tasks


def plan_verification(prompt: str, champion: Candidate, original: Candidate, config: LoopConfig) -> list[RenderTask]:
    """Both on every unseen seed, in pairs."""
    return [
        render_task(prompt, candidate, seed, "verify")
        for seed in unseen_seeds(config)
        for candidate in (original, champion)
    ]


def render_task(prompt: str, candidate: Candidate, seed: int, purpose: str) -> RenderTask:
    """One render of this candidate."""
    return {
        "prompt": prompt,
        "candidate": candidate.id,
        "seed": seed,
        "iteration": candidate.iteration,
        "purpose": purpose,
        "text": candidate.text,
    }
