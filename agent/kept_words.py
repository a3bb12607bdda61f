"""Keep the words, change the seed: when new words are at an end, what is left may still find a better clip. Pure."""

from collections.abc import Mapping, Sequence, Set
from itertools import islice
from statistics import stdev

from agent.budget import UNSEEN, loop_seeds
from agent.config import LoopConfig, StopConfig
from agent.records import Decision

WORDS_ARE_AT_AN_END = ("no_improvement", "max_iterations", "max_renders")
"""Stops that say nothing against more renders of the champion's own words."""
NEXT_BEST = 0.28
"""What a third seed adds to the best of two, in standard deviations: 0.846 - 0.564, the expected largest of three and
of two normal scores."""


def keep_words(
    decision: Decision, scores: Sequence[float], earlier: Sequence[Decision], left: int, stop: StopConfig
) -> Decision:
    """The decision; or, where only words are at an end, to go on with new seeds of the champion's.

    So it is when one more seed promises more than the last new words brought and than `min_delta`, judged by how much
    the champion's `scores` differ from seed to seed, and none of its clips is good enough yet. With fewer than two
    scores nobody knows, and the decision stands. `left` is the renders that the loop may still make.
    """
    may = decision.stop in WORDS_ARE_AT_AN_END and left > 0 and len(scores) > 1
    if not may or decision.score is None or any(before.words_ended for before in earlier):
        return decision
    before = earlier[-1].score if earlier else None
    gain = max(0.0 if before is None else decision.score - before, stop.min_delta)
    spread = stdev(scores)
    if NEXT_BEST * spread <= gain or max(scores) >= stop.score_threshold:
        return decision
    why = f"{decision.why}; the seeds of candidate {decision.champion} differ by {spread:.3f}: trying new ones"
    return decision.model_copy(update={"stop": None, "words_ended": decision.stop, "why": why})


def plan_kept_words(seen: Set[int], scores: Mapping[int, float], config: LoopConfig) -> list[int]:
    """The next seeds for the words that are kept: `patience` at a time, as long as the last ones brought a better clip.

    seen, scores: the seeds on which they were rendered, and the overall score on those that could be scored.
    """
    stop = config.stop
    new = sorted(seen - set(loop_seeds(config)))
    before = [score for seed, score in scores.items() if seed not in new[-stop.patience :]]
    latest = [scores[seed] for seed in new[-stop.patience :] if seed in scores]
    if new and max(latest, default=0.0) < max(before, default=0.0) + stop.min_delta:
        return []
    if max(scores.values(), default=0.0) >= stop.score_threshold:
        return []
    return seeds_beyond(seen | set(loop_seeds(config)), stop.patience, config)


def seeds_beyond(seen: Set[int], count: int, config: LoopConfig) -> list[int]:
    """The next seeds after these, none of the verification's among them."""
    free = (seed for seed in range(config.seed, config.seed + UNSEEN) if seed not in seen)
    return list(islice(free, count))
