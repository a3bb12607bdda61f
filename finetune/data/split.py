"""Which prompts are held out: by a hash of the prompt, so that a prompt stays where it is when the set grows."""

import hashlib
from collections import defaultdict
from collections.abc import Iterable

from finetune.data.near import group_near
from finetune.data.rows import item_id


def held_out_items(prompts: Iterable[str], share: float, seed: int, near: float) -> set[str]:
    """Item ids of about this share of the prompts, 0..1; prompts that are nearly the same are held out together.

    Of two groups or more at least one is held out, unless the share is 0, and at least one is not. Deterministic,
    whatever the order of the prompts.
    """
    by_id = {item_id(prompt): prompt for prompt in prompts}
    ids = sorted(by_id)
    groups: defaultdict[int, list[str]] = defaultdict(list)
    for name, first in zip(ids, group_near([by_id[name] for name in ids], near), strict=True):
        groups[first].append(name)
    draws = sorted((_draw(group[0], seed), group) for group in groups.values())
    wanted = sum(draw < share for draw, _ in draws)
    least = 1 if share > 0 else 0
    return {name for _, group in draws[: min(max(wanted, least), len(draws) - 1)] for name in group}


def _draw(name: str, seed: int) -> float:
    """A number in 0..1 that the name and the seed decide."""
    return int.from_bytes(hashlib.sha256(f"{seed} {name}".encode()).digest()[:8]) / 2**64
