"""What a vision language model is shown and asked of a clip, and what its answer is worth: the same for all that do it.

A model answers with one word, and the probability that it gives to every word it might have said is the grade. A model
that wants to say something else altogether has not answered, however sure of "yes" it is among "yes" and "no".
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from feedback.clip import Clip
from feedback.records import Question, Verdict

FRAMES = 8
"""Shown of a clip at most: evenly over it, its first and last among them."""
LONG_SIDE = 448
"""Of a frame as shown, in pixels, at most. Smaller ones are shown as they are."""
LEAST_MASS = 0.5
"""Of a model's probability that must stand on answers. Below it the question counts as unanswered."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Scale:
    """The words that answer a question, and how to ask for one of them."""

    answers: str
    instruction: str
    worth: Mapping[str, float]
    """What each word says of the question, 0 (no) to 1 (yes). Lower case."""


YES_NO = Scale("yes or no", "Answer with one word: yes or no.", {"yes": 1.0, "no": 0.0})
RATING = Scale(
    "1 to 5",
    "Answer with one digit, from 1 (no, not at all) to 5 (yes, entirely).",
    {"1": 0.0, "2": 0.25, "3": 0.5, "4": 0.75, "5": 1.0},
)
SCALES = (YES_NO, RATING)


@dataclass(frozen=True)
class Shown:
    """What a model gets to see of a clip."""

    frames: list[NDArray[np.uint8]]
    """Each [h, w, 3] in RGB."""
    indices: list[int]
    """Of these frames in the clip."""
    clip: Clip

    @property
    def seconds(self) -> list[float]:
        """When each frame is shown."""
        return [index / self.clip.fps for index in self.indices]


@dataclass(frozen=True)
class Asked:
    """One question as it is put to a model, after the frames."""

    text: str
    scale: Scale


Masses = Mapping[str, float]
"""The model's probability on each word of the scale, its spellings taken together. Sums to 1 at most."""
AskModel = Callable[[Shown, Sequence[Asked]], Sequence[Masses | str]]
"""Puts questions to a model: for each the masses, or a sentence that says why there are none."""


def ask_model(model: AskModel, clip: Clip, questions: Sequence[Question], least_mass: float) -> list[Verdict]:
    """One verdict per question: what every judge with a vision language model behind it does."""
    if not questions:
        return []
    shown = show(clip)
    asked = [word(question, shown) for question in questions]
    why_not = [_unaskable(question, clip) for question in questions]
    readings = iter(model(shown, [one for one, why in zip(asked, why_not, strict=True) if not why]))
    return [
        read_answer(question, one.scale, why or next(readings), least_mass)
        for question, one, why in zip(questions, asked, why_not, strict=True)
    ]


def _unaskable(question: Question, clip: Clip) -> str:
    """Why a question can't be answered from this clip by anybody; empty when it can."""
    return "one frame shows no action" if question.kind == "action" and clip.num_frames == 1 else ""


def show(clip: Clip, frames: int = FRAMES, long_side: int = LONG_SIDE) -> Shown:
    """At most so many frames of the clip, evenly over it, none of them longer than `long_side` px."""
    count = min(frames, clip.num_frames)
    indices = [round(index) for index in np.linspace(0, clip.num_frames - 1, count)]
    scale = min(1.0, long_side / max(clip.height, clip.width))
    size = max(1, round(clip.width * scale)), max(1, round(clip.height * scale))
    pictures = [clip.frames[index] for index in indices]
    if scale < 1:
        pictures = [cv2.resize(picture, size, interpolation=cv2.INTER_AREA).astype(np.uint8) for picture in pictures]
    return Shown(pictures, indices, clip)


def word(question: Question, shown: Shown) -> Asked:
    """The question as it follows the frames.

    A style is a matter of degree and is rated from 1 to 5; everything else is asked for as yes or no.
    """
    scale = RATING if question.kind == "style" else YES_NO
    return Asked(f"{opening(shown)}\n{question.text}\n{scale.instruction}", scale)


def opening(shown: Shown) -> str:
    """What is said of the frames before any question about them."""
    if len(shown.frames) == 1:
        said = "This is one frame of a video."
    else:
        times = ", ".join(f"{seconds:.1f}" for seconds in shown.seconds)
        said = f"These are {len(shown.frames)} frames of one video, in the order of time, at {times} seconds."
    return f"{said} Judge by what is seen, not by what is likely."


def answer_in(text: str, scale: Scale) -> str | None:
    """The word of the scale that a token or a reply is, whatever its case and what surrounds it; None if it is none.

    "▁" and "Ġ" are how tokenizers write a space.
    """
    bare = text.strip("▁Ġ \t\r\n.,:;!*_\"'`").lower()
    return bare if bare in scale.worth else None


def read_answer(question: Question, scale: Scale, reading: Masses | str, least_mass: float) -> Verdict:
    """The verdict: the expected worth of the answers, or None with the reason when too little stands on them."""
    if isinstance(reading, str):
        return Verdict(question_id=question.id, p_yes=None, seen=reading)
    mass = sum(reading.values())
    if mass <= 0 or mass < least_mass:
        _log.info("%s unanswered: %.3f of the probability on %s", question.text, mass, scale.answers)
        seen = f"the model put {mass:.0%} of its probability on {scale.answers}: it was not answering"
        return Verdict(question_id=question.id, p_yes=None, seen=seen)
    p_yes = sum(scale.worth[answer] * share for answer, share in reading.items()) / mass
    _log.info("%s P(yes) %.3f; %.3f of the probability on %s", question.text, p_yes, mass, scale.answers)
    return Verdict(question_id=question.id, p_yes=min(1.0, max(0.0, p_yes)))
