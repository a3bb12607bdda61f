"""The shapes judge: answers what can be seen of plain coloured shapes, by classical vision on pixels alone."""

from collections import Counter
from collections.abc import Sequence
from statistics import median

import numpy as np

from feedback.clip import Clip
from feedback.detectors.shapes import Wanted, wanted_in
from feedback.geometry import RELATIONS, relation_between, stands
from feedback.lexicon import colour_in, motion_in, words_of
from feedback.records import Question, Verdict
from feedback.tracking import Path, paths_of
from feedback.vision import Look, Thing, look_at_clip

_BIG_DIAMETER = 0.3
"""Of the frame's shorter side: above it a thing is rather big than small."""
_PLAIN = frozenset(("plain", "solid", "simple", "uniform", "a", "an", "the", "background", "backdrop", "pure", "flat"))


class ShapesJudge:
    """Answers questions about circles, squares and triangles of plain colour.

    P(yes) is the share of frames that show it; for motions it is how clearly the path goes that way. Anything else
    ("cat", "watercolor style", "zoom in") is answered None.
    """

    def ask(self, clip: Clip, questions: Sequence[Question]) -> list[Verdict]:
        """One verdict per question."""
        if not questions:
            return []
        seen = _Seen(look_at_clip(clip), clip.width, clip.height)
        return [_verdict(question, *seen.answer(question)) for question in questions]


def _verdict(question: Question, p_yes: float | None, seen: str) -> Verdict:
    return Verdict(question_id=question.id, p_yes=p_yes, seen=seen)


Answer = tuple[float | None, str]
"""P(yes) and what is seen; the reason when P(yes) is None."""


class _Seen:
    """What the frames show, ready to be asked about."""

    def __init__(self, looks: list[Look], width: int, height: int):
        self.looks, self.width, self.height = looks, width, height

    def answer(self, question: Question) -> Answer:
        want = wanted_in(question.subject)
        match question.kind:
            case "scene" if not question.subject:
                return self.scene(question.value or question.phrase)
            case "style" | "camera":
                return _blind(question.value or question.phrase)
            case _ if want is None:
                return _blind(question.subject or question.phrase)
            case "object":
                return self.object(want)
            case "attribute":
                return self.attribute(want, question.value)
            case "count":
                return self.count(want, question.value)
            case "relation":
                return self.relation(want, question)
            case "action":
                return self.action(want, question)
            case _:
                return self.place(want, question.value)

    def object(self, want: Wanted) -> Answer:
        return self.share(lambda look: any(want.fits(thing) for thing in look.things)), self.whats_there()

    def attribute(self, want: Wanted, value: str) -> Answer:
        colour = colour_in(value)
        if colour:
            of_shape = Wanted(want.shape, None)
            there = [[thing.colour for thing in look.things if of_shape.fits(thing)] for look in self.looks]
            colours = Counter(name for names in there for name in names)
            seen = f"{colours.most_common(1)[0][0]}" if colours else f"no {want.shape or 'thing'} to be seen"
            return sum(colour in names for names in there) / len(there), seen
        size = next(
            (word for word in words_of(value) if word in ("big", "large", "huge", "small", "little", "tiny")), None
        )
        if size is None:
            return _blind(value)
        sizes = [_diameter(thing) / min(self.width, self.height) for thing in self.all_of(want)]
        if not sizes:
            return 0.0, self.whats_there()
        bigness = 1 / (1 + np.exp(-(median(sizes) - _BIG_DIAMETER) / 0.03))
        is_big = size in ("big", "large", "huge")
        return float(bigness if is_big else 1 - bigness), f"{median(sizes):.0%} of the frame wide"

    def count(self, want: Wanted, value: str) -> Answer:
        if not value.isdecimal():
            return _blind(value)
        counts = [sum(want.fits(thing) for thing in look.things) for look in self.looks]
        return sum(count == int(value) for count in counts) / len(counts), f"{median(counts):.0f} seen"

    def relation(self, want: Wanted, question: Question) -> Answer:
        other = wanted_in(question.object)
        if other is None:
            return _blind(question.object or question.phrase)
        if question.value not in RELATIONS:
            return _blind(question.value)
        holds, instead = 0, Counter[str]()
        for look in self.looks:
            pairs = [(a, b) for a in look.things for b in look.things if a is not b and want.fits(a) and other.fits(b)]
            holds += any(stands(a.box, question.value, b.box) for a, b in pairs)
            instead.update(relation_between(a.box, b.box) for a, b in pairs[:1])
        if not instead:
            return 0.0, f"not both to be seen: {self.whats_there()}"
        return holds / len(self.looks), f"{instead.most_common(1)[0][0]} the {question.object}"

    def action(self, want: Wanted, question: Question) -> Answer:
        motion = motion_in(question.value) or motion_in(question.phrase)
        if motion is None:
            return _blind(question.value or question.phrase)
        if len(self.looks) < 2:
            return None, "one frame shows no motion"
        paths = paths_of([[thing for thing in look.things if want.fits(thing)] for look in self.looks])
        if not paths:
            return 0.0, f"no {question.subject} to be followed: {self.whats_there()}"
        side = min(self.width, self.height)
        return float(np.mean([path.shows(motion, side) for path in paths])), _described(paths, side)

    def scene(self, value: str) -> Answer:
        colour = colour_in(value)
        unknown = [
            word
            for word in words_of(value)
            if word not in _PLAIN and not colour_in(word) and word not in ("on", "against")
        ]
        if colour is None or unknown:
            return _blind(value)
        backgrounds = Counter(look.background for look in self.looks)
        return self.share(lambda look: look.background == colour), f"a {backgrounds.most_common(1)[0][0]} background"

    def place(self, want: Wanted, value: str) -> Answer:
        sides = {
            "left": (0, -1),
            "right": (0, 1),
            "top": (1, -1),
            "bottom": (1, 1),
            "center": (2, 0),
            "centre": (2, 0),
            "middle": (2, 0),
        }
        side = next((sides[word] for word in words_of(value) if word in sides), None)
        if side is None:
            return _blind(value)
        axis, sign = side

        def stands_there(thing: Thing) -> bool:
            x, y = thing.center[0] / self.width - 0.5, thing.center[1] / self.height - 0.5
            return max(abs(x), abs(y)) < 0.2 if axis == 2 else sign * (x, y)[axis] > 0

        share = self.share(lambda look: any(want.fits(thing) and stands_there(thing) for thing in look.things))
        return share, self.whats_there()

    def share(self, holds) -> float:
        return sum(bool(holds(look)) for look in self.looks) / len(self.looks)

    def all_of(self, want: Wanted) -> list[Thing]:
        return [thing for look in self.looks for thing in look.things if want.fits(thing)]

    def whats_there(self) -> str:
        """The commonest view, in words: "a green square and a red circle"."""
        views = Counter(
            tuple(sorted(f"a {thing.colour} {thing.shape}" for thing in look.things)) for look in self.looks
        )
        names = views.most_common(1)[0][0]
        return " and ".join(f"an {name[2:]}" if name[2] == "o" else name for name in names) or "nothing"


def _blind(what: str) -> Answer:
    return None, f"the shapes judge can't see {what!r}"


def _diameter(thing: Thing) -> float:
    left, top, right, bottom = thing.box
    return (right - left + bottom - top) / 2


def _described(paths: Sequence[Path], side: float) -> str:
    said = dict.fromkeys(path.described(side) for path in paths)
    return " / ".join(said)
