"""Clips whose truth is known because they are drawn: plain shapes that move by known amounts."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from feedback.clip import Clip
from feedback.lexicon import Colour, Shape

RGB: dict[Colour, tuple[int, int, int]] = {
    "red": (220, 30, 30),
    "green": (30, 170, 50),
    "blue": (40, 70, 230),
    "yellow": (245, 220, 40),
    "purple": (140, 50, 190),
    "cyan": (40, 210, 220),
    "orange": (250, 140, 20),
    "pink": (250, 140, 190),
    "white": (245, 245, 245),
    "black": (10, 10, 10),
    "gray": (128, 128, 128),
    "brown": (120, 75, 35),
}


@dataclass(frozen=True)
class Thing:
    """A shape that starts with its middle at (x, y) px and moves (dx, dy) px/frame; its box is 2 `radius` wide."""

    shape: Shape = "circle"
    colour: Colour = "red"
    x: float = 80.0
    y: float = 80.0
    radius: float = 16.0
    dx: float = 0.0
    dy: float = 0.0


def draw_clip(
    objects: Sequence[Thing] = (),
    *,
    frames: int = 12,
    size: tuple[int, int] = (160, 160),
    fps: float = 8,
    background: Colour = "black",
    texture: bool = False,
    pan: tuple[float, float] = (0.0, 0.0),
    noise: float = 0.0,
    seed: int = 0,
) -> Clip:
    """A clip of `size` (width, height); later objects hide earlier ones. Positions are sub-pixel, edges anti-aliased.

    `texture` lays smooth bumps over the background, and `pan` moves those by (x, y) px/frame: what a camera turning the
    other way does. It does not move the objects: one that stands still in the world has dx, dy equal to `pan`.
    `noise` is the standard deviation, of 255, of grain that is new in every frame.
    """
    width, height = size
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:height, :width].astype(float)
    bumps = _bumps(rng) if texture else None
    drawn = np.empty((frames, height, width, 3))
    for t in range(frames):
        base = np.array(RGB[background], float)
        if bumps is None:
            drawn[t] = base
        else:
            drawn[t] = 0.6 * base + 0.4 * 128 + bumps(x - pan[0] * t, y - pan[1] * t)
        for thing in objects:
            cover = np.clip(0.5 - _outside_px(thing, x, y, t), 0, 1)[..., None]
            drawn[t] = (1 - cover) * drawn[t] + cover * np.array(RGB[thing.colour], float)
    if noise:
        drawn += rng.normal(0, noise, drawn.shape)
    return Clip(np.clip(np.rint(drawn), 0, 255).astype(np.uint8), fps)


def _outside_px(thing: Thing, x: np.ndarray, y: np.ndarray, t: int) -> np.ndarray:
    """How far each pixel lies outside the thing's outline, negative inside."""
    across = np.abs(x - thing.x - thing.dx * t)
    down = y - thing.y - thing.dy * t
    if thing.shape == "circle":
        return np.hypot(across, down) - thing.radius
    if thing.shape == "square":
        return np.maximum(across, np.abs(down)) - thing.radius
    return np.maximum(down - thing.radius, (2 * across - down - thing.radius) / 5**0.5)


def _bumps(rng: np.random.Generator):
    """A smooth random function of (x, y) with waves of 8 to 64 px, standard deviation about 25 of 255 per channel."""
    count = 24
    wave_px = 2 ** rng.uniform(3, 6, count)
    angle, phase = rng.uniform(0, 2 * np.pi, (2, count))
    colour = rng.normal(0, 1, (count, 3)) * 25 * (2 / count) ** 0.5

    def value(x: np.ndarray, y: np.ndarray) -> np.ndarray:
        along = x[..., None] * np.cos(angle) + y[..., None] * np.sin(angle)
        return np.sin(2 * np.pi * along / wave_px + phase) @ colour

    return value
