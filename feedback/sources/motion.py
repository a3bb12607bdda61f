"""Motion: what moves, which way and how evenly, by optical flow and tracked boxes, against what was asked.

Only what was asked is scored. When nothing was, a clip that moves is scored by how evenly it does and a still one not
at all: stillness is never worth anything unless it was asked for. The camera's motion is taken off first, so that a pan
over a still subject is not motion of the subject.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from feedback.clip import Clip
from feedback.detector import Detector
from feedback.lexicon import Motion, motion_in
from feedback.movement import Movement, measure_movement
from feedback.records import Feedback, Question, Score, Verdict
from feedback.tracking import Path, paths_of

_ONE_WAY = 0.7
"""Agreement of the moving places above which their direction is that of whatever was asked about."""


class MotionSource:
    """Scores 0..1 how far things move as asked; `detector` tells whose motion is whose.

    The leading score is the mean P(yes) over the checklist's actions that ask for a screen direction, for motion or for
    stillness. With nothing of that kind asked it is the smoothness of a clip that moves, None for one that does not. A
    subject that the detector knows and sees in no frame does not move as asked: 0. Without a detector, or for a subject
    it does not know, the moving part of the picture stands for the subject, as long as it goes one way.
    """

    name = "motion"

    def __init__(self, detector: Detector | None = None):
        self.detector = detector

    def assess(self, clip: Clip, prompt: str, checklist: Sequence[Question]) -> Feedback:  # noqa: ARG002
        """Feedback on the clip's motion; unscored for a single frame."""
        if clip.num_frames < 2:
            why = "one frame has no motion"
            return Feedback(source=self.name, scores=[Score(name=name, value=None, why=why) for name in _SCORES])
        movement = measure_movement(clip)
        verdicts = [
            self._verdict(question, motion, clip, movement)
            for question in checklist
            if question.kind == "action" and (motion := motion_in(question.value) or motion_in(question.phrase))
        ]
        smoothness = _smoothness(clip, movement)
        return Feedback(
            source=self.name,
            scores=[_leading(verdicts, smoothness), smoothness],
            concerns="prompt" if any(verdict.p_yes is not None for verdict in verdicts) else "clip",
            verdicts=verdicts,
            critique=_critique(verdicts, checklist, smoothness),
            evidence=_evidence(clip, movement),
        )

    def _verdict(self, question: Question, motion: Motion, clip: Clip, movement: Movement) -> Verdict:
        subject = question.subject
        if not self.detector or not subject or self.detector.unknown([subject]):
            return _verdict_on_whole(question, motion, clip, movement)
        found = self.detector.detect(clip, [subject])
        frames_with = sum(bool(present) for present in found)
        if not frames_with:
            return Verdict(question_id=question.id, p_yes=0.0, seen=f"no {subject} is seen")
        paths = [movement.follow(path) for path in paths_of(found)]
        if not paths:
            seen = f"{subject} is seen in {frames_with} of {clip.num_frames} frames, too few to follow it"
            return Verdict(question_id=question.id, p_yes=None, seen=seen)
        side = min(clip.width, clip.height)
        p_yes = float(np.mean([path.shows(motion, side) for path in paths]))
        return Verdict(question_id=question.id, p_yes=p_yes, seen=", ".join(_described(path, clip) for path in paths))


_SCORES = ("motion", "smoothness")


def _verdict_on_whole(question: Question, motion: Motion, clip: Clip, movement: Movement) -> Verdict:
    """The verdict when it can't be told which of the moving things is the subject."""
    side = min(clip.width, clip.height)
    directed = motion not in ("still", "moving")
    moves = movement.travelled.shows("moving", side)
    if movement.agreement < _ONE_WAY and moves >= 0.5:
        seen = f"things move different ways at {_pace(float(movement.speeds.mean()), clip)}"
        if directed:
            seen = f"{seen}, and which of them is {question.subject or 'meant'} can't be told"
            return Verdict(question_id=question.id, p_yes=None, seen=seen)
    else:
        seen = _described(movement.path if moves >= 0.5 else movement.travelled, clip)
    path = movement.path if directed else movement.travelled
    return Verdict(question_id=question.id, p_yes=path.shows(motion, side), seen=seen)


def _described(path: Path, clip: Clip) -> str:
    words = path.described(min(clip.width, clip.height))
    if words == "stays still":
        return words
    frames = max(1, int(path.frames[-1] - path.frames[0]))
    return f"{words} at {_pace(float(np.hypot(*path.shift)) / frames, clip)}"


def _pace(speed_px_per_frame: float, clip: Clip) -> str:
    percent = 100 * speed_px_per_frame * clip.fps / clip.width
    return f"{speed_px_per_frame:.1f} px/frame ({percent:.0f} % of the width per second)"


def _smoothness(clip: Clip, movement: Movement) -> Score:
    """How evenly a moving clip moves: e^-jerk, times 1 for a warp error up to 2 % falling to 0 at 12 %."""
    if not _anything_moves(clip, movement):
        return Score(name="smoothness", value=None, why="nothing moves")
    even = float(np.exp(-(movement.jerk or 0.0)))
    return Score(name="smoothness", value=even * float(np.clip(1 - (movement.warp_error - 0.02) / 0.1, 0, 1)))


def _anything_moves(clip: Clip, movement: Movement) -> bool:
    side = min(clip.width, clip.height)
    panned = np.hypot(*movement.camera_shifts.T).sum()
    return movement.dynamic or movement.travelled.shows("moving", side) >= 0.5 or panned > 0.04 * side


def _leading(verdicts: Sequence[Verdict], smoothness: Score) -> Score:
    known = [verdict.p_yes for verdict in verdicts if verdict.p_yes is not None]
    if known:
        return Score(name="motion", value=float(np.mean(known)))
    if verdicts:
        return Score(name="motion", value=None, why=f"can't be told: {verdicts[0].seen}")
    if smoothness.value is None:
        return Score(name="motion", value=None, why="no motion is asked for and none is seen")
    return Score(name="motion", value=smoothness.value, why="no motion is asked for: this is its smoothness")


def _critique(verdicts: Sequence[Verdict], checklist: Sequence[Question], smoothness: Score) -> str:
    asked = {question.id: question for question in checklist}
    faults = [
        f"asked: {asked[verdict.question_id].phrase}; measured: {verdict.seen}"
        for verdict in verdicts
        if verdict.holds is False
    ]
    if smoothness.value is not None and smoothness.value < 0.5:
        faults.append("the motion is jerky")
    return "\n".join(faults)


def _evidence(clip: Clip, movement: Movement) -> dict[str, Any]:
    known = [camera for camera in movement.cameras if camera.known]
    speed, velocity = float(movement.speeds.mean()), np.median(movement.velocities, axis=0)
    shift = np.median([camera.shift_px for camera in known], axis=0) if known else np.zeros(2)
    return {
        "is_dynamic": movement.dynamic,
        "subject_speed_px_per_frame": round(speed, 3),
        "subject_speed_width_share_per_second": round(speed * clip.fps / clip.width, 4),
        "subject_velocity_px_per_frame": [round(float(part), 3) for part in velocity],
        "subject_direction_agreement": round(movement.agreement, 3),
        "moving_area_share": round(movement.moving_share, 4),
        "camera_known_share": round(len(known) / len(movement.cameras), 3),
        "camera_background_velocity_px_per_frame": [round(float(part), 3) for part in shift],
        "camera_zoom_per_frame": round(float(np.median([camera.zoom for camera in known])), 4) if known else None,
        "camera_turn_degrees_per_frame": (
            round(float(np.median([camera.turn_degrees for camera in known])), 3) if known else None
        ),
        "jerk": None if movement.jerk is None else round(movement.jerk, 3),
        "warp_error": round(movement.warp_error, 4),
    }
