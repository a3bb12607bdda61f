"""The painter draws what its grammar says, and lets the seed decide the rest."""

from itertools import product

import numpy as np
import pytest
from conformance_renderer import RendererConformance
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.renderer import RenderRequest
from agent.renderers.painter import RGB, Painter
from agent.renderers.painter_grammar import (
    BACKGROUNDS,
    COLOURS,
    MOTIONS,
    RELATIONS,
    SHAPES,
    ThingWords,
    Understood,
    painter_captions,
    understand,
)
from feedback.clip import Clip


def paint(text: str, seed: int = 0, **settings: int) -> Clip:
    return Painter().render(RenderRequest(text=text, seed=seed, **settings))  # type: ignore[arg-type]


def centre_of(frame: np.ndarray, colour: str) -> tuple[float, float]:
    rows, columns = np.nonzero((frame == np.array(RGB[colour])).all(axis=-1))  # type: ignore[index]
    return float(columns.mean()), float(rows.mean())


@pytest.mark.parametrize(("colour", "shape"), list(product(COLOURS, SHAPES)))
def test_a_thing_is_read_with_its_count_colour_shape_and_motion(colour: str, shape: str) -> None:
    assert understand(f"Two {colour} {shape}s move to the left.").things == (
        ThingWords(2, colour, shape, "moves to the left"),  # type: ignore[arg-type]
    )


@pytest.mark.parametrize("relation", RELATIONS)
def test_relations_are_read_in_either_direction(relation: str) -> None:
    names = "a red circle and a blue square. "
    forward = understand(f"{names}The red circle {relation} the blue square.").relation
    backward = understand(f"{names}The blue square {relation} the red circle.").relation
    assert forward == relation
    assert {forward, backward} in ({"is above", "is below"}, {"is to the left of", "is to the right of"})


def test_words_of_other_people_are_ignored() -> None:
    assert understand("a crimson ball drifting rightwards on a dark backdrop") == Understood()
    assert understand("red ball moving right") == Understood((ThingWords(None, "red", None, None),))


def test_every_caption_of_its_own_is_understood_whole() -> None:
    for caption in painter_captions():
        scene = understand(caption.text)
        assert len(scene.things) == 2
        assert all(None not in (t.count, t.colour, t.shape, t.motion) for t in scene.things)
        assert scene.relation is not None
        assert scene.background is not None


@pytest.mark.parametrize("motion", MOTIONS)
@pytest.mark.parametrize("seed", range(3))
def test_what_is_asked_to_move_moves_that_way(motion: str, seed: int) -> None:
    clip = paint(f"a red circle {motion}", seed)
    (x0, y0), (x1, y1) = centre_of(clip.frames[0], "red"), centre_of(clip.frames[-1], "red")
    wanted = {"left": (-1, 0), "right": (1, 0), "up": (0, -1), "down": (0, 1), "still": (0, 0)}[motion.split()[-1]]
    assert np.sign([round((x1 - x0) / 10), round((y1 - y0) / 10)]).tolist() == list(wanted)


@pytest.mark.parametrize("relation", RELATIONS)
@pytest.mark.parametrize("seed", range(3))
def test_relations_hold_from_first_to_last_frame(relation: str, seed: int) -> None:
    clip = paint(f"a red circle moves up and a blue square. The red circle {relation} the blue square.", seed)
    axis, sign = (0 if "of" in relation else 1), (1 if relation in ("is to the left of", "is above") else -1)
    for frame in clip.frames:
        assert sign * (centre_of(frame, "blue")[axis] - centre_of(frame, "red")[axis]) > 10


@pytest.mark.parametrize("background", BACKGROUNDS)
def test_the_background_is_the_one_asked_for(background: str) -> None:
    assert tuple(paint(f"a red circle on a {background} background").frames[0, 0, 0]) == RGB[background]  # type: ignore[index]


def test_what_is_left_unsaid_differs_between_seeds_and_not_between_texts() -> None:
    shots = [paint("a red circle", seed).frames for seed in range(8)]
    assert any(not np.array_equal(shots[0], shot) for shot in shots[1:])
    assert np.array_equal(paint("a red circle", 3).frames, paint("behold, a red circle!", 3).frames)


@settings(max_examples=30, deadline=None)
@given(text=st.text(max_size=200), seed=st.integers(0, 2**31 - 1))
def test_any_text_gives_a_clip(text: str, seed: int) -> None:
    assert paint(text, seed, width=64, height=64, num_frames=2).frames.shape == (2, 64, 64, 3)


class TestPainterConformance(RendererConformance):
    @pytest.fixture
    def renderer(self) -> Painter:
        return Painter()
