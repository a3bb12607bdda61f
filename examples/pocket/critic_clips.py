"""What the critic learns from: drawn clips of the pocket world, right and wrong ones, each with its drawn truth.

Half are scenes as captions describe them. The others show what a renderer may make instead: no thing or too many, two
of one colour, both moving, any background; and faults: things that are ghosts, cut in half, flicker, or change shape or
colour. What such a fault leaves unclear has a soft label, or none.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agent.renderers.painter import RGB
from agent.renderers.painter_grammar import COLOURS, Colour
from agent.renderers.pocket import NUM_FRAMES, SIDE_PX
from examples.pocket.drawing import draw
from examples.pocket.world import Scene
from feedback.judges.critic_network import BACKGROUNDS, MOTIONS, RELATIONS
from feedback.lexicon import SHAPES, Shape

Truth = dict[str, NDArray[Any]]
"""By the names of `Facts` and of the same shapes, NaN is not to be learned from; and "pixels", int [frame, y, x]: of
which of `COLOURS` each pixel is, one more for none of them, `UNCLEAR` for ghosts."""

UNCLEAR = -100
FAULTS = ("ghost", "flicker", "half", "morph", "recolour")
FAULTY_SHARE = 0.2
"""Of the things in freely drawn clips."""
STILL_PX, MOVING_PX = 2.5, 5.5
"""A thing that goes no further over the clip is still; one that goes further moves."""
WIDEST_SLOPES = 1.0, 2.0
"""Across by along: a thing is to the left of another up to the first, and no longer from the second on."""


@dataclass(frozen=True)
class Actor:
    """A thing in a clip, and what is wrong with it."""

    colour: Colour
    shape: Shape
    path: NDArray[np.float64]
    """Its middle in every frame, [frame, 2] (x, y) in pixels."""
    size: float = 1.0
    """1 is the size that things have in the pocket world."""
    fault: str | None = None
    opacity: NDArray[np.float64] = field(default_factory=lambda: np.ones(NUM_FRAMES))
    """Of each frame."""
    cut: float = np.inf
    """Nothing of it is drawn further to the right of its middle, in pixels."""
    later: tuple[Colour, Shape] | None = None
    """What it becomes in the middle of the clip."""

    @property
    def looks(self) -> list[tuple[Colour, Shape]]:
        """Colour and shape in every frame."""
        return [self.later if self.later and at > NUM_FRAMES // 2 else (self.colour, self.shape) for at in _FRAMES]


_FRAMES = range(NUM_FRAMES)


def scene_example(scene: Scene, rng: np.random.Generator) -> tuple[NDArray[np.uint8], Truth]:
    """A clip of the scene as it should be, uint8 [frame, y, x, rgb], and its truth."""
    drawn = draw(scene, rng)
    kinds = [scene.thing, *([scene.companion] if scene.companion else [])]
    actors = [Actor(k.colour, k.shape, path.astype(float)) for k, path in zip(kinds, drawn.paths, strict=True)]
    return drawn.frames, truth_of(actors, BACKGROUNDS.index(scene.background))


def free_example(rng: np.random.Generator) -> tuple[NDArray[np.uint8], Truth]:
    """A clip of anything, and its truth."""
    background = rng.choice(len(BACKGROUNDS), p=(0.3, 0.3, 0.3, 0.1))
    actors = _cast(rng)
    canvas = np.empty((NUM_FRAMES, SIDE_PX, SIDE_PX, 3))
    name = BACKGROUNDS[background]
    canvas[:] = RGB[name] if name else _other_background(rng)
    for actor in actors:
        tint = rng.normal(0, 12, 3)
        _paint(canvas, actor, tint)
    return canvas.clip(0, 255).round().astype(np.uint8), truth_of(actors, int(background))


def _cast(rng: np.random.Generator) -> list[Actor]:
    actors: list[Actor] = []
    apart = 8.0 if rng.random() < 0.2 else 11.5
    for _ in range(rng.choice(5, p=(0.08, 0.22, 0.4, 0.25, 0.05))):
        size = 1.0 if rng.random() < 0.6 else rng.uniform(0.7, 1.35)
        for _ in range(20):
            path = _path(rng, 6 * size)
            if all(np.linalg.norm(path - other.path, axis=1).min() >= apart for other in actors):
                actor = Actor(rng.choice(COLOURS), rng.choice(SHAPES), path, size)
                actors.append(_spoilt(actor, rng) if rng.random() < FAULTY_SHARE else actor)
                break
    return actors


def _path(rng: np.random.Generator, margin: float) -> NDArray[np.float64]:
    steps = np.zeros((NUM_FRAMES, 2))
    how = rng.random()
    if how < 0.45:
        axis = rng.integers(2)
        steps[1:, axis] = rng.choice((-1, 1)) * rng.uniform(1.5, 4.5)
    elif how < 0.6:
        steps[1:] = rng.uniform(-3, 3, 2)
    if rng.random() < 0.3:
        steps[1:] += rng.normal(0, 0.4, (NUM_FRAMES - 1, 2))
    travel = steps.cumsum(axis=0)
    low, high = margin - travel.min(axis=0), SIDE_PX - margin - travel.max(axis=0)
    return rng.uniform(low, np.maximum(high, low + 1)) + travel


def _spoilt(actor: Actor, rng: np.random.Generator) -> Actor:
    match rng.choice(FAULTS):
        case "ghost":
            return replace(actor, fault="ghost", opacity=np.full(NUM_FRAMES, rng.uniform(0.15, 0.6)))
        case "flicker":
            shown = rng.permutation(NUM_FRAMES) < rng.integers(1, NUM_FRAMES)
            return replace(actor, fault="flicker", opacity=shown.astype(float))
        case "half":
            return replace(actor, fault="half", cut=rng.uniform(-1.5, 1.5))
        case "morph":
            return replace(actor, fault="morph", later=(actor.colour, rng.choice(SHAPES)))
        case _:
            return replace(actor, fault="recolour", later=(rng.choice(COLOURS), actor.shape))


def _other_background(rng: np.random.Generator) -> NDArray[np.float64]:
    """A colour that is neither black, white nor gray, nor that of a thing."""
    while True:
        colour = rng.uniform(0, 255, 3)
        if np.ptp(colour) > 90 and all(np.linalg.norm(colour - RGB[name]) > 80 for name in COLOURS):
            return colour


def _paint(canvas: NDArray[np.float64], actor: Actor, tint: NDArray[np.float64]) -> None:
    for frame, cover, (colour, _) in zip(canvas, _cover(actor)[..., None], actor.looks, strict=True):
        frame += cover * (np.asarray(RGB[colour]) + tint - frame)


def _cover(actor: Actor) -> NDArray[np.float64]:
    """How far each pixel shows the thing, [frame, y, x] in 0..1."""
    y, x = np.mgrid[:SIDE_PX, :SIDE_PX] + 0.5
    covers = np.empty((NUM_FRAMES, SIDE_PX, SIDE_PX))
    for frame, (left, top), opacity, (_, shape) in zip(covers, actor.path, actor.opacity, actor.looks, strict=True):
        inside = _depth(shape, (x - left) / actor.size, (y - top) / actor.size) * actor.size
        frame[:] = (np.minimum(inside, actor.cut - (x - left)) + 0.5).clip(0, 1) * opacity
    return covers


def _depth(shape: Shape, x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.float64]:
    """How far inside the shape's outline each point lies, in pixels; negative outside. The sizes are drawing.py's."""
    match shape:
        case "circle":
            return 5.5 - np.hypot(x, y)
        case "square":
            return 5 - np.maximum(np.abs(x), np.abs(y))
        case "triangle":
            return np.minimum(5 - y, (y + 6 - 2 * np.abs(x)) / 5**0.5)


def truth_of(actors: Sequence[Actor], background: int) -> Truth:
    """What a clip of these things on the background of that number in `BACKGROUNDS` shows."""
    present = {c: [actor.opacity * [look[0] == c for look in actor.looks] for actor in actors] for c in COLOURS}
    unclear = {actor.colour for actor in actors if actor.fault == "ghost"}
    truth: Truth = {
        "background": np.eye(len(BACKGROUNDS))[background],
        "pixels": _pixels(actors),
        "number": np.full(4, np.nan) if unclear else _histogram([actor.opacity for actor in actors], 4),
        "number_of": np.full((len(COLOURS), 3), np.nan),
        "shape": np.full((len(COLOURS), len(SHAPES)), np.nan),
        "motion": np.full((len(COLOURS), len(MOTIONS)), np.nan),
        "relation": np.full((len(COLOURS), len(COLOURS), len(RELATIONS)), np.nan),
    }
    for at, colour in enumerate(COLOURS):
        if colour in unclear:
            continue
        truth["number_of"][at] = _histogram(present[colour], 3)
        ours = [actor for actor in actors if colour in (actor.colour, actor.later and actor.later[0])]
        if ours and not any(actor.fault == "half" for actor in ours):
            truth["shape"][at] = _shapes(ours, colour)
        if ours and all(actor.fault in (None, "half", "morph") for actor in ours):
            truth["motion"][at] = np.mean([_motion(actor.path) for actor in ours], axis=0)
    alone = {COLOURS.index(a.colour): a for a in actors if a.fault in (None, "half", "morph")}
    alone = {at: actor for at, actor in alone.items() if truth["number_of"][at, 1] == 1}
    for first, a in alone.items():
        for second, b in alone.items():
            if first != second:
                truth["relation"][first, second] = _relation(b.path - a.path)
    return truth


def _pixels(actors: Sequence[Actor]) -> NDArray[np.int64]:
    pixels = np.full((NUM_FRAMES, SIDE_PX, SIDE_PX), len(COLOURS))
    for actor in actors:
        for frame, cover, (colour, _) in zip(pixels, _cover(actor), actor.looks, strict=True):
            frame[cover >= 0.5 * actor.opacity.max()] = UNCLEAR if actor.fault == "ghost" else COLOURS.index(colour)
    return pixels


def _histogram(shown: Sequence[NDArray[np.float64]], bins: int) -> NDArray[np.float64]:
    """The share of frames that show none, one, …, and at least the last number of things."""
    counts = np.sum([np.zeros(NUM_FRAMES), *shown], axis=0).round().astype(int)
    return np.bincount(counts.clip(max=bins - 1), minlength=bins) / NUM_FRAMES


def _shapes(actors: Sequence[Actor], colour: Colour) -> NDArray[np.float64]:
    """The share of frames with the colour in which a thing of it has each shape."""
    has = np.array([[any((colour, shape) == a.looks[at] for a in actors) for at in _FRAMES] for shape in SHAPES])
    return has[:, np.any(has, axis=0)].mean(axis=1)


def _motion(path: NDArray[np.float64]) -> NDArray[np.float64]:
    x, y = path[-1] - path[0]
    far = float(np.hypot(x, y))
    moves = float(np.clip((far - STILL_PX) / (MOVING_PX - STILL_PX), 0, 1))
    sideways = x**2 / max(far**2, 1e-9)
    truth = dict.fromkeys(MOTIONS, 0.0)
    truth["still"] = 1 - moves
    truth["left" if x < 0 else "right"] = moves * sideways
    truth["up" if y < 0 else "down"] = moves * (1 - sideways)
    return np.array([truth[motion] for motion in MOTIONS])


def _relation(between: NDArray[np.float64]) -> NDArray[np.float64]:
    """How far each relation holds, from the way to the second thing, [frame, 2] (x, y) in pixels."""
    x, y = between.T
    along = np.stack([{"left of": x, "right of": -x, "above": y, "below": -y}[relation] for relation in RELATIONS])
    across = np.abs(np.stack([y if relation in ("left of", "right of") else x for relation in RELATIONS]))
    low, high = WIDEST_SLOPES
    holds = ((high - across / np.maximum(along, 1e-9)) / (high - low)).clip(0, 1) * (along > 0)
    return holds.mean(axis=1)
