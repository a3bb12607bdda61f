"""The shapes detector: plain coloured shapes, by classical vision on pixels alone."""

from collections.abc import Sequence
from dataclasses import dataclass

from feedback.clip import Clip
from feedback.detector import Detection
from feedback.lexicon import Colour, Shape, colour_in, shape_in, words_of
from feedback.vision import Thing, look_at_clip

_ANY_SHAPE = frozenset("shape shapes object objects thing things figure figures form forms one ones".split())  # noqa: SIM905
_SIZES = frozenset("big large huge small little tiny".split())  # noqa: SIM905
_FILLERS = frozenset("a an the some solid plain simple coloured colored bright moving still stationary of".split())  # noqa: SIM905


@dataclass(frozen=True)
class Wanted:
    """What a noun phrase asks for: None where any will do."""

    shape: Shape | None
    colour: Colour | None

    def fits(self, thing: Thing) -> bool:
        """Whether this thing is one."""
        return self.shape in (None, thing.shape) and self.colour in (None, thing.colour)


def wanted_in(label: str) -> Wanted | None:
    """The shape and colour that a noun phrase names: "red balls", "big blue box", "objects"; None for anything else."""
    words = words_of(label)
    if not words:
        return None
    shape = shape_in(words[-1])
    if shape is None and words[-1] not in _ANY_SHAPE:
        return None
    known = all(
        colour_in(word) or shape_in(word) or word in _SIZES or word in _FILLERS or word.isdecimal()
        for word in words[:-1]
    )
    return Wanted(shape, colour_in(label)) if known else None


class ShapesDetector:
    """Finds circles, squares and triangles of plain colour: the `Detector` of the pocket stack.

    A label's last word names the shape ("red ball", "boxes"; "object" is any), a colour word the colour.
    """

    def detect(self, clip: Clip, labels: Sequence[str]) -> list[list[Detection]]:
        """Detections of the known labels, one list a frame; a thing that fits two labels is reported for both."""
        wanted = {label: want for label in dict.fromkeys(labels) if (want := wanted_in(label))}
        return [
            [
                Detection(label, thing.box, thing.confidence)
                for label, want in wanted.items()
                for thing in look.things
                if want.fits(thing)
            ]
            for look in look_at_clip(clip)
        ]

    def unknown(self, labels: Sequence[str]) -> list[str]:
        """Those labels that name no plain shape."""
        return [label for label in labels if wanted_in(label) is None]
