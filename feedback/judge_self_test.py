"""How far a judge can be trusted, by clips that are drawn here, so that the right answer is known.

Clips come in pairs that differ in one thing only: one shows what is asked for, the other does not. A judge that gives
both the same answer, however right it is on one of them, can't see that thing. So a clip and its reverse, which hold
the same frames, find out a judge that is blind to time.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np

from feedback.clip import Clip
from feedback.judge import Judge
from feedback.lexicon import Colour, Shape
from feedback.records import Question, QuestionKind, Verdict

SIDE = 224
"""Of the drawn frames, in pixels."""
FRAMES = 8
BASICS = ("objects", "colours")
"""What a judge must see for its scores to say anything."""
TELLING = 0.1
"""By how much P(yes) must be higher where it is so than where it is not."""
STEADY = 0.25
"""By how much P(yes) may change when the same is asked in other words."""

_MEANING = {"good": "", "weak": "; it can rank clips by this, not measure them", "none": "; it can't see this"}
_RGB: dict[str, tuple[int, int, int]] = {"red": (215, 35, 35), "green": (35, 160, 60), "blue": (45, 75, 220)}
_RADIUS = 0.12
"""Of a shape, as a share of the frame."""

Trust = Literal["good", "weak", "none"]


@dataclass(frozen=True)
class Trusted:
    """What the test says of one skill."""

    skill: str
    trust: Trust
    """"weak": it tells clips apart, but not all its answers are right, so that it can rank clips, not measure them."""
    said: str


@dataclass(frozen=True)
class _Thing:
    shape: Shape
    colour: Colour
    start: tuple[float, float]
    """Its middle in the first frame, (x, y) as shares of the frame."""
    path: tuple[float, float] = (0.0, 0.0)
    """From the first frame to the last."""


@dataclass(frozen=True)
class _Pair:
    question: Question
    shows: Clip
    lacks: Clip


def examine_judge(judge: Judge) -> list[Trusted]:
    """One finding per skill, simple ones first. Raises what the judge raises."""
    return [*(_examined(judge, skill, pairs) for skill, pairs in _skills().items()), _swapped(judge)]


def _skills() -> dict[str, list[_Pair]]:
    red, green = _draw(_circle("red", 0.3, 0.5)), _draw(_circle("green", 0.3, 0.5))
    blue_square = _draw(_square("blue", 0.3, 0.5))
    two = _draw(_circle("red", 0.3, 0.5), _circle("red", 0.7, 0.5))
    three = _draw(_circle("red", 0.3, 0.5), _circle("red", 0.7, 0.5), _circle("red", 0.5, 0.8))
    beside, above = _circle_beside_square(), _draw(_circle("red", 0.5, 0.25), _square("blue", 0.5, 0.75))
    below = _draw(_circle("red", 0.5, 0.75), _square("blue", 0.5, 0.25))
    across = _draw(_Thing("circle", "red", (0.2, 0.5), path=(0.6, 0.0)))
    down = _draw(_Thing("circle", "red", (0.5, 0.2), path=(0.0, 0.6)))
    return {
        "objects": [
            _Pair(_question("object", "Is there a red circle?", "red circle"), red, blue_square),
            _Pair(_question("object", "Is there a blue square?", "blue square"), blue_square, red),
        ],
        "colours": [
            _Pair(_question("attribute", "Is the circle red?", "circle", "red"), red, green),
            _Pair(_question("attribute", "Is the circle green?", "circle", "green"), green, red),
        ],
        "counts": [
            _Pair(_question("count", "Are there exactly two red circles?", "red circles", "2"), two, red),
            _Pair(_question("count", "Are there exactly three red circles?", "red circles", "3"), three, two),
        ],
        "relations": [
            _Pair(_LEFT_OF, beside, _mirrored(beside)),
            _Pair(
                _question("relation", "Is the red circle above the blue square?", "red circle", "above", "blue square"),
                above,
                below,
            ),
        ],
        "motion": [
            _Pair(_question("action", "Is the red circle moving?", "red circle", "moving"), across, red),
            _Pair(_question("action", "Does the red circle stay still?", "red circle", "stays still"), red, down),
        ],
        "order of frames": [
            _Pair(_moving("to the right"), across, _reversed(across)),
            _Pair(_moving("down"), down, _reversed(down)),
        ],
    }


def _examined(judge: Judge, skill: str, pairs: Sequence[_Pair]) -> Trusted:
    verdicts = [judge.ask(clip, [pair.question])[0] for pair in pairs for clip in (pair.shows, pair.lacks)]
    values = [verdict.p_yes for verdict in verdicts if verdict.p_yes is not None]
    if len(values) < len(verdicts):
        return Trusted(skill, "none", _unanswered(verdicts))
    shows, lacks = np.array(values).reshape(-1, 2).T
    told_apart = int((shows - lacks >= TELLING).sum())
    right = int((shows >= 0.5).sum() + (lacks < 0.5).sum())
    trust: Trust = "none" if told_apart < len(pairs) else "good" if right == len(values) else "weak"
    figures = (
        f"{told_apart} of {len(pairs)} pairs told apart, {right} of {len(values)} answers right; "
        f"mean P(yes) {shows.mean():.2f} where it is so, {lacks.mean():.2f} where it is not"
    )
    return Trusted(skill, trust, figures + _MEANING[trust])


def _swapped(judge: Judge) -> Trusted:
    """Whether two ways to ask the same get the same answer, and the right one of two clips still wins."""
    text = "Is the blue square to the right of the red circle?"
    ways = [_LEFT_OF, _question("relation", text, "blue square", "right of", "red circle")]
    clip = _circle_beside_square()
    verdicts = [verdict for shown in (clip, _mirrored(clip)) for verdict in judge.ask(shown, ways)]
    values = [verdict.p_yes for verdict in verdicts if verdict.p_yes is not None]
    if len(values) < len(verdicts):
        return Trusted("swapped words", "none", _unanswered(verdicts))
    shows, lacks = np.array(values).reshape(2, 2)
    apart = max(np.ptp(shows), np.ptp(lacks))
    is_blind = (shows - lacks).min() < TELLING
    trust: Trust = "none" if is_blind else "good" if apart <= STEADY else "weak"
    said = f"the same asked the other way round changes P(yes) by up to {apart:.2f}"
    return Trusted("swapped words", trust, said + _MEANING[trust])


def _unanswered(verdicts: Sequence[Verdict]) -> str:
    reasons = [verdict.seen for verdict in verdicts if verdict.p_yes is None]
    return f"{len(reasons)} of {len(verdicts)} questions unanswered: {reasons[0]}"


def _question(kind: QuestionKind, text: str, subject: str, value: str = "", other: str = "") -> Question:
    return Question(id="test", kind=kind, text=text, phrase=text, subject=subject, value=value, object=other)


def _moving(where: str) -> Question:
    return _question("action", f"Does the red circle move {where}?", "red circle", f"moves {where}")


_LEFT_OF = _question(
    "relation", "Is the red circle to the left of the blue square?", "red circle", "left of", "blue square"
)


def _circle(colour: Colour, x: float, y: float) -> _Thing:
    return _Thing("circle", colour, (x, y))


def _square(colour: Colour, x: float, y: float) -> _Thing:
    return _Thing("square", colour, (x, y))


def _circle_beside_square() -> Clip:
    return _draw(_circle("red", 0.3, 0.5), _square("blue", 0.7, 0.5))


def _draw(*things: _Thing) -> Clip:
    """The things on a white ground, moving evenly."""
    frames = np.full((FRAMES, SIDE, SIDE, 3), 255, np.uint8)
    for frame, progress in zip(frames, np.linspace(0, 1, FRAMES), strict=True):
        for thing in things:
            middle = SIDE * (np.array(thing.start) + progress * np.array(thing.path))
            x, y, radius = round(middle[0]), round(middle[1]), round(SIDE * _RADIUS)
            if thing.shape == "circle":
                cv2.circle(frame, (x, y), radius, _RGB[thing.colour], cv2.FILLED, cv2.LINE_AA)
            else:
                cv2.rectangle(frame, (x - radius, y - radius), (x + radius, y + radius), _RGB[thing.colour], cv2.FILLED)
    return Clip(frames, 8.0)


def _mirrored(clip: Clip) -> Clip:
    return Clip(clip.frames[:, :, ::-1], clip.fps)


def _reversed(clip: Clip) -> Clip:
    return Clip(clip.frames[::-1], clip.fps)
