"""Prompts to distil from, as users type: `python -m examples.pocket.training_prompts > prompts.txt`.

Their scenes are of the training split, and none shows all that a prompt of bench_prompts.txt or loose_prompts.txt asks
for, so what a rewriter learns of these can be measured on those.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from examples.pocket.bench_prompts import LOOSE_PROMPTS, ONE_THING_EVERY, as_typed, facts_of
from examples.pocket.world import Scene, canonical, split_scenes

BENCH_PROMPTS = Path(__file__).parents[1] / "bench_prompts.txt"


def training_prompts(count: int, seed: int = 1) -> list[str]:
    """So many different prompts, each of another scene; every fourth of one thing, while there are any.

    Raises:
        ValueError: There are not so many scenes.
    """
    rng = np.random.default_rng(seed)
    prompts: dict[str, None] = {}
    for scene in _scenes(rng):
        if len(prompts) == count:
            return list(prompts)
        prompts[as_typed(scene, rng)] = None
    raise ValueError(f"{count:,} prompts were asked for and there are scenes for {len(prompts):,}")


def training_scenes(seed: int = 1) -> Iterator[Scene]:
    """The scenes that may be asked for, in a random order."""
    return _scenes(np.random.default_rng(seed))


def _scenes(rng: np.random.Generator) -> Iterator[Scene]:
    """Distinct scenes in a random order, those of one thing spread among the others."""
    files = (BENCH_PROMPTS, LOOSE_PROMPTS)
    measured = {facts_of(prompt) for file in files for prompt in file.read_text(encoding="utf-8").splitlines()}
    one, two = (iter([kinds[at] for at in rng.permutation(len(kinds))]) for kinds in split_scenes(held_out=False))
    index = 0
    while scene := next(one if index % ONE_THING_EVERY == 0 else two, None) or next(two, None):
        shown = facts_of(canonical(scene))
        if not any(asked <= shown for asked in measured):
            yield scene
            index += 1


def main(
    count: Annotated[int, typer.Argument(min=1, help="How many.")] = 240,
    seed: Annotated[int, typer.Option(help="Of scenes and wordings.")] = 1,
) -> None:
    """Print the prompts, one a line."""
    print("\n".join(training_prompts(count, seed)))


if __name__ == "__main__":
    typer.run(main)
