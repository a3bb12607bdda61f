"""Which renders the budget allows: seeds, and the shares kept for full renders and for the verification. Pure."""

from collections.abc import Sequence

from agent.config import LoopConfig
from agent.records import Candidate, Purpose
from agent.state import RenderTask

UNSEEN = 10_000
"""Distance between the loop's seeds and the verification's."""


def loop_seeds(config: LoopConfig) -> list[int]:
    """The seeds on which candidates are compared: fewer than asked where not even two would fit on all of them."""
    most = config.stop.max_renders // (4 if config.draft.enabled else 2)
    count = max(1, min(config.render.seeds, most))
    return [config.seed + index for index in range(count)]


def unseen_seeds(config: LoopConfig) -> list[int]:
    """The verification's seeds: what is left when the original and one candidate are rendered, half of all at most.

    None for the prompt alone, which has nothing to be verified against.
    """
    if config.search.strategy == "best_of_n":
        return []
    left = config.stop.max_renders - 2 * len(loop_seeds(config)) - _full_renders(config)
    count = max(0, min(config.verify_seeds, left // 2, config.stop.max_renders // 4))
    return [config.seed + UNSEEN + index for index in range(count)]


def reserved_renders(config: LoopConfig) -> int:
    """Renders kept for the drafts' leaders in full, and for champion and original on the unseen seeds."""
    return _full_renders(config) + 2 * len(unseen_seeds(config))


def loop_budget(config: LoopConfig) -> int:
    """The renders that the loop may make before it ends."""
    return max(0, config.stop.max_renders - reserved_renders(config))


def promoted_count(config: LoopConfig) -> int:
    """How many candidates a run that drafts renders in full at most: what fits in half of the budget, two at least."""
    return max(2, min(config.draft.promote, config.stop.max_renders // 2 // len(loop_seeds(config))))


def _full_renders(config: LoopConfig) -> int:
    return promoted_count(config) * len(loop_seeds(config)) if config.draft.enabled else 0


def plan_full_renders(prompt: str, leaders: Sequence[Candidate], config: LoopConfig) -> list[RenderTask]:
    """Each of the drafts' leaders on every seed of the loop."""
    return [
        render_task(prompt, candidate, seed, "full")
        for candidate in leaders[: promoted_count(config)]
        for seed in loop_seeds(config)
    ]


def plan_verification(prompt: str, champion: Candidate, original: Candidate, config: LoopConfig) -> list[RenderTask]:
    """Both on every unseen seed, in pairs."""
    return [
        render_task(prompt, candidate, seed, "verify")
        for seed in unseen_seeds(config)
        for candidate in (original, champion)
    ]


def render_task(prompt: str, candidate: Candidate, seed: int, purpose: Purpose) -> RenderTask:
    """One render of this candidate."""
    return {
        "prompt": prompt,
        "candidate": candidate.id,
        "seed": seed,
        "iteration": candidate.iteration,
        "purpose": purpose,
        "text": candidate.text,
    }
