"""Prompts for `retake bench` on pocket, as users type: `python -m examples.pocket.bench_prompts > prompts.txt`.

Their scenes are held out from training, and none is a scene that a prompt of loose_prompts.txt asks for. Those of two
things are also none of the 240 by whose figures it was decided what to train next (docs/pocket.md); of one thing there
are too few for that. A prompt leaves unsaid what people leave unsaid.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, cast

import numpy as np
import typer

from agent.renderers.painter_grammar import Colour, Motion, Relation, Shape
from examples.pocket.watch import held_out_scenes
from examples.pocket.world import Kind, Scene, canonical, split_scenes
from feedback import lexicon
from feedback.checklist import make_checklist
from feedback.lexicon import colour_in, motion_in, shape_in

Fact = tuple[str, str, str]
"""A thing, what it does or how it stands, and to what; empty where there is nothing to say."""
LOOSE_PROMPTS = Path(__file__).parents[1] / "loose_prompts.txt"
LOOKED_AT = 240
"""Scenes of the evaluation."""
ONE_THING_EVERY = 4
COLOUR_WORDS: dict[Colour, tuple[str, ...]] = {
    "red": ("red", "crimson", "scarlet", "ruby", "cherry"),
    "green": ("green", "emerald", "lime"),
    "blue": ("blue", "azure", "navy", "cobalt", "sapphire"),
    "yellow": ("yellow", "golden", "lemon", "amber"),
    "purple": ("purple", "violet", "lilac"),
    "cyan": ("cyan", "turquoise", "teal", "aqua"),
}
SHAPE_WORDS: dict[Shape, tuple[str, ...]] = {
    "circle": ("ball", "disc", "disk", "dot", "sphere", "orb"),
    "square": ("box", "cube", "block", "tile"),
    "triangle": ("pyramid", "wedge"),
}
MOTION_WORDS: dict[Motion, tuple[str, ...]] = {
    "moves to the left": ("moving left", "drifts leftwards", "sliding to the left", "rolls left", "gliding left"),
    "moves to the right": ("moving right", "drifts rightwards", "slides to the right", "floating right", "heads right"),
    "moves up": ("going up", "rises", "floats upward", "climbing", "slowly rising"),
    "moves down": ("going down", "sinks slowly", "falling", "drops", "heading down"),
    "stays still": ("standing still", "stays put", "sits still", "not moving", "remains still"),
}
RELATION_WORDS: dict[Relation, tuple[str, ...]] = {
    "is to the left of": ("left of", "to the left of"),
    "is to the right of": ("right of", "to the right of"),
    "is above": ("above",),
    "is below": ("below", "under", "beneath"),
}
TWO_THINGS = (
    "{first} {motion}, {relation} {second}",
    "{first} {motion} {relation} {second}",
    "{first} {relation} {second}",
    "{first} {motion}, {second} {still}",
    "{first} {motion} {relation} {second} on a {background} background",
)
ONE_THING = ("{first} {motion}", "{first} {motion} on a {background} background", "a video of {first} {motion}")


def bench_prompts(count: int, seed: int = 0) -> list[str]:
    """So many different prompts, each of another scene; every fourth of one thing, while there are any.

    Raises:
        ValueError: There are not so many scenes.
    """
    rng = np.random.default_rng(seed)
    scenes = list(_scenes(count, rng))
    if len(scenes) < count:
        raise ValueError(f"{count:,} prompts were asked for and there are scenes for {len(scenes):,}")
    return [as_typed(scene, rng) for scene in scenes]


def as_typed(scene: Scene, rng: np.random.Generator) -> str:
    """One of the ways in which somebody might ask for this scene."""

    def pick(words: Sequence[str]) -> str:
        return words[int(rng.integers(len(words)))]

    def name(kind: Kind, article: bool) -> str:
        words = f"{pick(COLOUR_WORDS[kind.colour])} {pick(SHAPE_WORDS[kind.shape])}"
        return f"{'an' if words[0] in 'aeiou' else 'a'} {words}" if article else words

    says_article = bool(rng.random() < 0.6)
    said = {
        "first": name(scene.thing, says_article),
        "motion": pick(MOTION_WORDS[scene.motion]),
        "background": scene.background,
    }
    if scene.companion is None or scene.relation is None:
        return pick(ONE_THING[:2] if not says_article else ONE_THING).format(**said)
    second, relation = name(scene.companion, True), pick(RELATION_WORDS[scene.relation])
    return pick(TWO_THINGS).format(**said, second=second, relation=relation, still=pick(MOTION_WORDS["stays still"]))


def facts_of(text: str) -> frozenset[Fact]:
    """What a text asks for, whatever the words: equal for "a scarlet ball" and "a red circle"."""
    facts: set[Fact] = set()
    for question in make_checklist(text):
        subject = f"{colour_in(question.subject)} {shape_in(question.subject)}"
        match question.kind:
            case "action":
                facts.add((subject, str(motion_in(question.value)), ""))
            case "relation":
                other = f"{colour_in(question.object)} {shape_in(question.object)}"
                relation = cast("lexicon.Relation", question.value)
                facts |= {(subject, relation, other), (other, lexicon.OPPOSITE[relation], subject)}
            case "scene":
                facts.add(("", question.value, ""))
            case _:
                facts.add((subject, "", ""))
    return frozenset(facts)


def _scenes(count: int, rng: np.random.Generator) -> Iterator[Scene]:
    """Distinct scenes in a random order, those of one thing spread among the others."""
    looked_at = {canonical(scene) for scene in held_out_scenes(LOOKED_AT)}
    loose = [facts_of(prompt) for prompt in LOOSE_PROMPTS.read_text(encoding="utf-8").splitlines()]
    one, two = (iter([kinds[at] for at in rng.permutation(len(kinds))]) for kinds in split_scenes(held_out=True))

    def fresh(scenes: Iterator[Scene], is_new: bool) -> Iterator[Scene]:
        for scene in scenes:
            caption = canonical(scene)
            shown = facts_of(caption)
            if not (is_new and caption in looked_at) and not any(asked <= shown for asked in loose):
                yield scene

    ones, twos = fresh(one, is_new=False), fresh(two, is_new=True)
    for index in range(count):
        first, then = (ones, twos) if index % ONE_THING_EVERY == 0 else (twos, ones)
        scene = next(first, None) or next(then, None)
        if scene is None:
            return
        yield scene


def main(
    count: Annotated[int, typer.Argument(min=1, help="How many.")] = 80,
    seed: Annotated[int, typer.Option(help="Of scenes and wordings.")] = 0,
) -> None:
    """Print the prompts, one a line."""
    print("\n".join(bench_prompts(count, seed)))


if __name__ == "__main__":
    typer.run(main)
