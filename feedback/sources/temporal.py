"""Time: does the clip stay the same scene, with the same things, in the same light, without breaks?

Stillness is neither punished nor rewarded here: a frozen clip is reported in the evidence, and what motion was asked
for is the motion source's matter.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import cv2
import numpy as np

from feedback.clip import Clip
from feedback.records import Feedback, Question, Score
from feedback.regions import SUBJECT_SHARE, look_at_regions

_CHANGE_LAB = 35.0
"""A change of a region's colours by this much in Lab brings its similarity down to 1/e."""
_CUT_LAB = 8.0
"""The least change between neighbouring frames, mean Lab distance of 16 x 16 tiles, that can be a cut."""
_CUT_OUTLIER = 4.0
"""A cut changes this many times more than the clip's neighbouring frames usually do."""
_FLICKER_LIGHTNESS = 4.0
"""Mean lightness (of 100) going up and down by this at each frame brings the score down to 1/e."""
_REPEATED_LEVELS = 4.0
"""A frame repeats the last when no 5 x 5 px of it differ by more than this (mean of 255). H.264 left up to 2.3 on
repeated frames at crf 18 and 3.1 (once 4.7) at crf 23; a disc that moves 0.25 px makes 5."""
_BLANK_CONTRAST_LAB = 1.5
"""A frame with less than this standard deviation in lightness and colour shows nothing."""
_BLACK_LIGHTNESS = 6.0

_ASPECTS = ("temporal", "subject_consistency", "background_consistency", "flicker", "cuts", "picture")


class TemporalSource:
    """Scores 0..1 how well a clip holds together; the leading score is the product of the aspects that could be told.

    `subject_consistency` and `background_consistency`: mean similarity of each frame's region to the last frame's and
    the first's, by colour, spread and edges, wherever in the picture. `flicker`: e^-(alternation of the light); fades
    and things that move do not alternate. `cuts`: 1 / (1 + 2 n) for n abrupt changes of the picture. `picture`: the
    share of frames that show anything.
    """

    name = "temporal"

    def assess(self, clip: Clip, prompt: str, checklist: Sequence[Question]) -> Feedback:  # noqa: ARG002
        """Feedback on the clip's consistency; unscored for a single frame."""
        if clip.num_frames < 2:
            why = "one frame has no course in time"
            return Feedback(source=self.name, scores=[Score(name=name, value=None, why=why) for name in _ASPECTS])
        looks = look_at_regions(clip)
        followed = np.median([look.subject_share for look in looks]) >= SUBJECT_SHARE
        subject = _similarities([look.subject for look in looks]) if followed else None
        background = _similarities([look.background for look in looks])
        flicker = _alternation([look.lightness for look in looks])
        cuts = _cuts([look.tiles for look in looks])
        blank = [t for t, look in enumerate(looks) if look.contrast < _BLANK_CONTRAST_LAB]
        black = [t for t in blank if looks[t].lightness < _BLACK_LIGHTNESS]
        repeats = _repeats(clip.frames)
        aspects = [
            _score("subject_consistency", subject, "nothing stands out from the background"),
            Score(name="background_consistency", value=float(background.mean())),
            _score("flicker", np.exp(-flicker / _FLICKER_LIGHTNESS) if len(flicker) else None, "needs three frames"),
            Score(name="cuts", value=1 / (1 + 2 * len(cuts))),
            Score(name="picture", value=1 - len(blank) / len(looks)),
        ]
        whole = float(np.prod([aspect.value for aspect in aspects if aspect.value is not None]))
        scores = [Score(name="temporal", value=whole), *aspects]
        evidence: dict[str, Any] = {
            "is_frozen": all(repeats),
            "repeated_frames": [t + 1 for t, repeated in enumerate(repeats) if repeated],
            "cut_frames": cuts,
            "blank_frames": blank,
            "black_frames": black,
            "flicker_lightness": round(float(np.mean(flicker)), 3) if len(flicker) else None,
            "worst_subject_similarity": round(float(min(subject)), 3) if subject is not None else None,
            "worst_background_similarity": round(float(min(background)), 3),
        }
        return Feedback(
            source=self.name,
            scores=scores,
            concerns="clip",
            critique=_critique(clip, scores, subject, background, flicker, cuts, blank, black),
            evidence=evidence,
        )


def _similarities(regions: Sequence[np.ndarray]) -> np.ndarray:
    """Of each frame but the first to the one before and to the first, 0..1."""
    values = np.stack(regions)
    to_last, to_first = np.diff(values, axis=0), values[1:] - values[0]
    alike = np.exp(-np.linalg.norm([to_last, to_first], axis=-1) / _CHANGE_LAB)
    return alike.mean(axis=0)


def _alternation(lightness: Sequence[float]) -> np.ndarray:
    """How far each inner frame's light stands above or below both its neighbours', 0 where it lies between them."""
    steps = np.diff(lightness)
    return np.where(steps[:-1] * steps[1:] < 0, np.minimum(np.abs(steps[:-1]), np.abs(steps[1:])), 0.0)


def _cuts(tiles: Sequence[np.ndarray]) -> list[int]:
    """The frames, counted from 0, that begin a new shot. Light alone that goes up or down is no cut."""
    level = [tile - np.array([tile[..., 0].mean(), 0, 0]) for tile in tiles]
    changes = np.array([np.linalg.norm(now - then, axis=-1).mean() for then, now in pairwise(level)])
    usual = [float(np.median(np.delete(changes, t))) if len(changes) > 1 else _CUT_LAB for t in range(len(changes))]
    return [t + 1 for t, change in enumerate(changes) if change > max(_CUT_LAB, _CUT_OUTLIER * usual[t])]


def _repeats(frames: np.ndarray) -> list[bool]:
    """For each frame but the first, whether it repeats the one before, grain and compression aside."""
    changes = (cv2.absdiff(then, now).mean(axis=-1, dtype=np.float32) for then, now in pairwise(frames))
    return [bool(cv2.blur(change, (5, 5)).max() < _REPEATED_LEVELS) for change in changes]


def _score(name: str, values: np.ndarray | None, why: str) -> Score:
    return Score(name=name, value=None, why=why) if values is None else Score(name=name, value=float(np.mean(values)))


def _critique(
    clip: Clip,
    scores: Sequence[Score],
    subject: np.ndarray | None,
    background: np.ndarray,
    flicker: np.ndarray,
    cuts: Sequence[int],
    blank: Sequence[int],
    black: Sequence[int],
) -> str:
    values = {score.name: score.value for score in scores}
    faults = []
    if blank:
        kind = "black" if len(black) == len(blank) else "blank"
        where = "all frames" if len(blank) == clip.num_frames else f"{len(blank)} frames from {_when(blank[0], clip)}"
        faults.append(f"{kind} picture: {where}")
    faults += [f"cut at {_when(t, clip)}" for t in cuts]
    for name, similarities in (("subject", subject), ("background", background)):
        value = values[f"{name}_consistency"]
        if similarities is not None and value is not None and value < 0.75 and not cuts:
            faults.append(f"the {name} changes most at {_when(int(np.argmin(similarities)) + 1, clip)}")
    if (values["flicker"] or 1.0) < 0.75:
        faults.append(f"the light flickers, most at {_when(int(np.argmax(flicker)) + 1, clip)}")
    return "\n".join(faults)


def _when(frame: int, clip: Clip) -> str:
    return f"frame {frame} ({frame / clip.fps:.1f} s)"
