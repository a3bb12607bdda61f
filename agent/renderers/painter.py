"""The painter: a procedural renderer of coloured shapes that ships with Retake, for machines without a trained model.

It draws what a caption says in the words of `painter_grammar`, ignores all other words, and lets the seed decide what
is left unsaid: so wording matters, as it does for a trained model. It is no model and learns nothing.
"""

from dataclasses import dataclass
from itertools import combinations

import cv2
import numpy as np
from numpy.typing import NDArray

from agent.renderer import RendererInfo, RenderRequest, StepCallback
from agent.renderers.painter_grammar import (
    BACKGROUNDS,
    COLOURS,
    MOTIONS,
    SHAPES,
    Background,
    Colour,
    Motion,
    Relation,
    Shape,
    ThingWords,
    Understood,
    understand,
)
from feedback.clip import Clip

RGB: dict[Colour | Background, tuple[int, int, int]] = {
    "red": (220, 40, 40),
    "green": (40, 170, 70),
    "blue": (50, 80, 220),
    "yellow": (240, 210, 50),
    "purple": (150, 60, 190),
    "cyan": (60, 200, 215),
    "black": (16, 16, 16),
    "white": (240, 240, 240),
    "gray": (128, 128, 128),
}
VELOCITY: dict[Motion, tuple[float, float]] = {
    "moves to the left": (-1.0, 0.0),
    "moves to the right": (1.0, 0.0),
    "moves up": (0.0, -1.0),
    "moves down": (0.0, 1.0),
    "stays still": (0.0, 0.0),
}
RADIUS = 0.1
"""Of a shape, as a share of the shorter side."""
TRAVEL = 0.26
"""Path of a moving shape over the whole clip, as a share of the shorter side."""
TOKEN_LIMIT = 64
SUPERSAMPLING = 4

Point = tuple[float, float]
Kind = tuple[Colour, Shape, Motion]


@dataclass(frozen=True)
class Drawn:
    """One shape on its way: where it starts and ends, as shares of the frame's sides."""

    colour: Colour
    shape: Shape
    start: Point
    end: Point

    def at(self, progress: float) -> Point:
        """Its centre when `progress` (0..1) of the clip is over."""
        return tuple(a + (b - a) * progress for a, b in zip(self.start, self.end, strict=True))  # type: ignore[return-value]


class Painter:
    """Renderer of coloured shapes; see the module's text and `painter_grammar`."""

    @property
    def info(self) -> RendererInfo:
        """The painter is part of Retake: its version is the grammar's."""
        return RendererInfo(
            "painter", "retake/painter", version="1", token_limit=TOKEN_LIMIT, captions="painter", family="painter"
        )

    def resolve(self, request: RenderRequest) -> RenderRequest:
        """12 frames of 160 x 160 at 8 fps unless asked otherwise; sides even and at least 64, at least 2 frames."""

        def even(side: int | None) -> int:
            return max(64, (side or 160) // 2 * 2)

        return request.model_copy(
            update={
                "width": even(request.width),
                "height": even(request.height),
                "num_frames": max(2, request.num_frames or 12),
                "fps": request.fps or 8.0,
                "negative": None,
                "num_inference_steps": None,
                "guidance_scale": None,
                "step_cache": None,
            }
        )

    def count_tokens(self, text: str) -> int:
        """Words; the painter reads the first 64."""
        return len(text.split())

    def render(self, request: RenderRequest, on_step: StepCallback | None = None) -> Clip:
        """The clip; a step is a frame."""
        request = self.resolve(request)
        width, height, num_frames = request.width or 0, request.height or 0, request.num_frames or 0
        scene = understand(" ".join(request.text.split()[:TOKEN_LIMIT]))
        background, drawn = _compose(scene, request.seed)
        frames = np.empty((num_frames, height, width, 3), np.uint8)
        for index in range(num_frames):
            frames[index] = _draw(drawn, background, index / (num_frames - 1), width, height)
            if on_step:
                on_step(index + 1, num_frames)
        return Clip(frames, request.fps or 8.0)


def _compose(scene: Understood, seed: int) -> tuple[Background, list[Drawn]]:
    """Background and shapes for a scene: what is said, and for the rest what this seed would always draw."""
    rng = np.random.default_rng(seed)
    background = scene.background or BACKGROUNDS[rng.integers(len(BACKGROUNDS))]
    default_things = 1 + int(rng.integers(2))
    colours = rng.permutation(len(COLOURS))
    shapes, motions, counts = rng.integers(len(SHAPES), size=2), rng.integers(len(MOTIONS), size=2), rng.random(size=2)
    placement = np.random.default_rng([seed, 1])

    said = {thing.colour for thing in scene.things}
    unsaid_colours = [COLOURS[index] for index in colours if COLOURS[index] not in said]
    things = scene.things or (ThingWords(),) * default_things
    kinds: list[Kind] = []
    group_of: list[int] = []
    for index, thing in enumerate(things):
        kind: Kind = (
            thing.colour or unsaid_colours[index],
            thing.shape or SHAPES[shapes[index]],
            thing.motion or MOTIONS[motions[index]],
        )
        count = thing.count or (2 if counts[index] < 0.3 else 1)
        kinds += [kind] * count
        group_of += [index] * count
    return background, _place_apart(kinds, group_of, scene.relation, placement)


def _place_apart(
    kinds: list[Kind], group_of: list[int], relation: Relation | None, rng: np.random.Generator
) -> list[Drawn]:
    """Starts and ends for which shapes stay in the frame, apart, and in the relation; the best of many draws."""
    best: tuple[float, list[Drawn]] | None = None
    for _ in range(400):
        drawn: list[Drawn] = []
        for colour, shape, motion in kinds:
            path = np.asarray(VELOCITY[motion]) * TRAVEL
            low, high = RADIUS + 0.03 - np.minimum(path, 0), 1 - RADIUS - 0.03 - np.maximum(path, 0)
            start = rng.uniform(low, high)
            drawn.append(Drawn(colour, shape, tuple(start), tuple(start + path)))
        slack = min(_gap(drawn), _relation_margin(drawn, group_of, relation))
        if best is None or slack > best[0]:
            best = slack, drawn
        if slack >= 0:
            break
    assert best is not None  # noqa: S101 - the loop ran
    return best[1]


def _gap(drawn: list[Drawn]) -> float:
    """Free space between the two nearest shapes at any time, less a margin; negative when they come too near."""
    if len(drawn) < 2:
        return 0.0
    return min(
        float(np.hypot(*(np.subtract(one.at(time), other.at(time))))) - 2 * RADIUS - 0.06
        for one, other in combinations(drawn, 2)
        for time in (0.0, 0.25, 0.5, 0.75, 1.0)
    )


def _relation_margin(drawn: list[Drawn], group_of: list[int], relation: Relation | None) -> float:
    """How far the relation holds at its worst moment, less a margin; negative when it does not."""
    if relation is None:
        return 0.0
    axis, sign = {
        "is to the left of": (0, 1.0),
        "is to the right of": (0, -1.0),
        "is above": (1, 1.0),
        "is below": (1, -1.0),
    }[relation]
    first = [thing for thing, group in zip(drawn, group_of, strict=True) if group == 0]
    second = [thing for thing, group in zip(drawn, group_of, strict=True) if group == 1]
    return min(
        sign * (there.at(time)[axis] - here.at(time)[axis]) - 0.15
        for here in first
        for there in second
        for time in (0.0, 1.0)
    )


def _draw(drawn: list[Drawn], background: Background, progress: float, width: int, height: int) -> NDArray[np.uint8]:
    """One frame, uint8 [height, width, 3], edges smoothed by drawing large and averaging down."""
    canvas = np.full((height * SUPERSAMPLING, width * SUPERSAMPLING, 3), RGB[background], np.uint8)
    radius = RADIUS * min(width, height) * SUPERSAMPLING
    for thing in drawn:
        x, y = thing.at(progress)
        centre = np.array([x * width, y * height]) * SUPERSAMPLING
        _fill_shape(canvas, thing.shape, centre, radius, RGB[thing.colour])
    return cv2.resize(canvas, (width, height), interpolation=cv2.INTER_AREA).astype(np.uint8)


def _fill_shape(
    canvas: NDArray[np.uint8], shape: Shape, centre: NDArray[np.float64], radius: float, rgb: tuple[int, int, int]
) -> None:
    if shape == "circle":
        cv2.circle(canvas, (round(centre[0]), round(centre[1])), round(radius), rgb, cv2.FILLED)
        return
    angles = np.deg2rad([45, 135, 225, 315] if shape == "square" else [-90, 30, 150])
    reach = radius * (1.25 if shape == "square" else 1.3)
    corners = centre + reach * np.stack([np.cos(angles), np.sin(angles)], axis=1)
    cv2.fillPoly(canvas, [np.round(corners).astype(np.int32)], rgb)
