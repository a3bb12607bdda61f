"""The critic: a small neural network that knows the pocket world, as a second pair of eyes beside the shapes judge.

It has no pixel code in common with that judge, and nothing it learned from was labelled by it. So a loop that asks the
shapes judge can be checked by one it never asked. Only how a question is read is shared.
"""

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from feedback.clip import Clip
from feedback.detectors.shapes import Wanted, wanted_in
from feedback.judges.critic_network import (
    BACKGROUNDS,
    COLOURS,
    MOTIONS,
    RELATIONS,
    CriticNetwork,
    Facts,
    facts_of,
    load_critic,
    to_input,
)
from feedback.lexicon import SHAPES, colour_in, motion_in, words_of
from feedback.records import Question, Verdict

WEIGHTS = Path(__file__).parent / "critic_model" / "critic.safetensors"
_MOST = 2
"""Things it can count; "three" may be any number above."""
_BACKGROUND_WORDS = frozenset("plain solid simple uniform a an the background backdrop pure flat on against".split())  # noqa: SIM905

Answer = tuple[float | None, str]
"""P(yes) and what is seen; the reason when P(yes) is None."""


class CriticJudge:
    """Answers questions about circles, squares and triangles in six colours on black, white and gray, by probability.

    Clips of any size are looked at in 32 x 32 px and five frames. What it was not taught ("cat", "orange ball", "big",
    "three", "next to") is answered None. It can't tell that a clip is of another world altogether: its probabilities
    mean something on plain coloured shapes only. Always on the CPU, where a clip takes milliseconds.

    Args:
        weights: A safetensors file of `CriticNetwork`. Read when first asked; FeedbackError when it can't be.
    """

    def __init__(self, weights: Path = WEIGHTS):
        self._weights = weights

    @cached_property
    def _network(self) -> CriticNetwork:
        return load_critic(self._weights)

    def ask(self, clip: Clip, questions: Sequence[Question]) -> list[Verdict]:
        """One verdict per question."""
        if not questions:
            return []
        (facts,) = facts_of(self._network, to_input(clip.frames))
        seen = _Seen(facts, clip.num_frames)
        answers = [seen.answer(question) for question in questions]
        return [
            Verdict(question_id=question.id, p_yes=None if p is None else float(np.clip(p, 0, 1)), seen=said)
            for question, (p, said) in zip(questions, answers, strict=True)
        ]


class _Seen:
    """The facts of one clip, ready to be asked about."""

    def __init__(self, facts: Facts, num_frames: int):
        self.facts, self.num_frames = facts, num_frames

    def answer(self, question: Question) -> Answer:
        if question.kind == "scene" and not question.subject:
            return self.scene(question.value or question.phrase)
        want = wanted_in(question.subject)
        if question.kind in ("scene", "style", "camera") or want is None:
            return _blind(question.value or question.phrase)
        if not _is_known(want):
            return _blind(question.subject)
        match question.kind:
            case "object":
                return self.some(want), self.whats_there()
            case "attribute":
                return self.attribute(want, question.value)
            case "count":
                return self.count(want, question.value)
            case "relation":
                return self.relation(want, question)
            case _:
                return self.action(want, question)

    def attribute(self, want: Wanted, value: str) -> Answer:
        colour = colour_in(value)
        asked = Wanted(want.shape, colour)
        return _blind(value) if colour is None or not _is_known(asked) else (self.some(asked), self.whats_there())

    def count(self, want: Wanted, value: str) -> Answer:
        if not value.isdecimal() or int(value) > _MOST:
            return _blind(value)
        chances = self.number(want)
        most_likely = int(chances.argmax())
        return chances[int(value)], f"{most_likely}{' or more' if most_likely > _MOST else ''} seen"

    def relation(self, want: Wanted, question: Question) -> Answer:
        other = wanted_in(question.object)
        if other is None or not _is_known(other):
            return _blind(question.object or question.phrase)
        if question.value not in RELATIONS:
            return _blind(question.value)
        # It knows things by their colour: two of the same one are one thing to it.
        pairs = np.outer(self.chances(want), self.chances(other)) * (1 - np.eye(len(COLOURS)))
        if want.colour and want.colour == other.colour:
            return _blind(f"{question.subject} and {question.object} apart")
        holds = np.tensordot(_normal(pairs), self.facts.relation, 2)
        p_yes = self.some(want) * self.some(other) * holds[RELATIONS.index(question.value)]
        return p_yes, f"{RELATIONS[holds.argmax()]} the {question.object}; {self.whats_there()}"

    def action(self, want: Wanted, question: Question) -> Answer:
        motion = motion_in(question.value) or motion_in(question.phrase)
        if motion is None:
            return _blind(question.value or question.phrase)
        if self.num_frames < 2:
            return None, "one frame shows no motion"
        some = self.some(want)
        goes = _normal(self.chances(want)) @ self.facts.motion
        p_yes = 1 - goes[MOTIONS.index("still")] if motion == "moving" else goes[MOTIONS.index(motion)]
        way = MOTIONS[goes.argmax()]
        said = ("stays still" if way == "still" else f"moves {way}") if some >= 0.5 else self.whats_there()
        return some * p_yes, said

    def scene(self, value: str) -> Answer:
        colour = colour_in(value)
        unknown = [word for word in words_of(value) if word not in _BACKGROUND_WORDS and not colour_in(word)]
        if colour not in BACKGROUNDS[:-1] or unknown:
            return _blind(value)
        chances = self.facts.background
        likeliest = BACKGROUNDS[chances.argmax()]
        return chances[BACKGROUNDS.index(colour)], f"a {likeliest or 'coloured'} background"

    def some(self, want: Wanted) -> float:
        """P(at least one thing that fits)."""
        return 1 - self.number(want)[0]

    def chances(self, want: Wanted) -> NDArray[np.float64]:
        """P(at least one thing of this colour that fits), for each colour."""
        return np.array([1 - self.number_of(want, at)[0] for at in range(len(COLOURS))])

    def number(self, want: Wanted) -> NDArray[np.float64]:
        """Chances of no thing that fits, of one, two, and three or more; colours are taken as independent."""
        if want == Wanted(None, None):
            return self.facts.number
        chances = np.array([1.0, 0.0, 0.0, 0.0])
        for at in range(len(COLOURS)):
            summed = np.convolve(chances, self.number_of(want, at))
            chances = np.append(summed[:3], summed[3:].sum())
        return chances

    def number_of(self, want: Wanted, colour: int) -> NDArray[np.float64]:
        """Chances of no thing of this colour that fits, of one, and of two or more."""
        if want.colour not in (None, COLOURS[colour]):
            return np.array([1.0, 0.0, 0.0])
        chances = self.facts.number_of[colour]
        if want.shape is None:
            return chances
        shapes = self.facts.shape[colour]
        fits = shapes[SHAPES.index(want.shape)]
        only = float(np.prod([1 - p for shape, p in zip(SHAPES, shapes, strict=True) if shape != want.shape]))
        one, more = fits * (chances[1] + chances[2] * (1 - only)), fits * chances[2] * only
        return np.array([1 - one - more, one, more])

    def whats_there(self) -> str:
        """What is likely there, in words: "a green square and a red circle"."""
        names = [
            f"{'a' if chances[1] >= chances[2] else 'two or more'} {colour} {SHAPES[shapes.argmax()]}"
            for colour, chances, shapes in zip(COLOURS, self.facts.number_of, self.facts.shape, strict=True)
            if chances[0] < 0.5
        ]
        return " and ".join(names) or "nothing"


def _normal(weights: NDArray[np.float64]) -> NDArray[np.float64]:
    return weights / max(float(weights.sum()), 1e-9)


def _is_known(want: Wanted) -> bool:
    return want.colour is None or want.colour in COLOURS


def _blind(what: str) -> Answer:
    return None, f"the critic can't see {what!r}"
