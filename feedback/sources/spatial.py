"""Spatial: are there as many as asked, and do they stand as asked, by detections over the frames."""

from collections import Counter
from collections.abc import Sequence
from statistics import median

from feedback.clip import Clip
from feedback.detector import Detection, Detector
from feedback.geometry import RELATIONS, margin, relation_between, stands
from feedback.records import Feedback, Question, Score, Verdict


class SpatialSource:
    """Share of frames in which counts and relations hold, by the boxes a detector finds."""

    name = "spatial"

    def __init__(self, detector: Detector):
        self._detector = detector

    def assess(self, clip: Clip, prompt: str, checklist: Sequence[Question]) -> Feedback:  # noqa: ARG002
        """Unscored when the prompt asks for no count above one and no relation, or the detector knows none of it."""
        asked = [question for question in checklist if question.kind in ("count", "relation")]
        if not any(question.kind == "relation" or _number(question) > 1 for question in asked):
            return self._unscored("the prompt asks for no count above one and no relation")
        labels = list(dict.fromkeys(label for q in asked for label in (q.subject, q.object) if label))
        unknown = set(self._detector.unknown(labels))
        frames = self._detector.detect(clip, [label for label in labels if label not in unknown])
        by_label = [_grouped(detections) for detections in frames]
        verdicts, lines, margins = [], [], {}
        for question in asked:
            blind = [label for label in (question.subject, question.object) if label in unknown]
            if blind:
                verdict = Verdict(question_id=question.id, p_yes=None, seen=f"the detector can't look for {blind[0]!r}")
            elif question.kind == "count":
                verdict, line = _count(question, by_label)
                lines.append(line)
            elif question.value not in RELATIONS:
                verdict = Verdict(question_id=question.id, p_yes=None, seen=f"boxes can't tell {question.value!r}")
            else:
                verdict, line, apart = _relation(question, by_label)
                lines.append(line)
                margins |= {f"{question.id}_margin_boxes": round(apart, 2)} if apart is not None else {}
            verdicts.append(verdict)
        answered = [verdict.p_yes for verdict in verdicts if verdict.p_yes is not None]
        if not answered:
            return self._unscored("; ".join(dict.fromkeys(verdict.seen for verdict in verdicts)), verdicts)
        return Feedback(
            source=self.name,
            scores=[Score(name=self.name, value=sum(answered) / len(answered))],
            verdicts=verdicts,
            critique="\n".join(line for line in lines if line),
            evidence={"frames": clip.num_frames, **margins},
        )

    def _unscored(self, why: str, verdicts: Sequence[Verdict] = ()) -> Feedback:
        return Feedback(source=self.name, scores=[Score(name=self.name, value=None, why=why)], verdicts=list(verdicts))


def _number(question: Question) -> int:
    return int(question.value) if question.kind == "count" and question.value.isdecimal() else 1


def _grouped(detections: Sequence[Detection]) -> dict[str, list[Detection]]:
    grouped: dict[str, list[Detection]] = {}
    for detection in detections:
        grouped.setdefault(detection.label, []).append(detection)
    return grouped


def _count(question: Question, frames: Sequence[dict[str, list[Detection]]]) -> tuple[Verdict, str]:
    asked = _number(question)
    counts = [len(frame.get(question.subject, ())) for frame in frames]
    right = sum(count == asked for count in counts)
    seen = f"{median(counts):.0f} seen"
    verdict = Verdict(question_id=question.id, p_yes=right / len(counts), seen=seen)
    line = f"{asked} {question.subject} asked, {seen}: as asked in {right} of {len(counts)} frames"
    return verdict, "" if verdict.holds else line


def _relation(question: Question, frames: Sequence[dict[str, list[Detection]]]) -> tuple[Verdict, str, float | None]:
    """The verdict, the line for the critique, and the median distance in mean box sizes (None: never both seen)."""
    holds, instead, apart = 0, Counter[str](), []
    for frame in frames:
        pairs = [
            (first.box, second.box)
            for first in frame.get(question.subject, ())
            for second in frame.get(question.object, ())
            if first.box != second.box
        ]
        if not pairs:
            continue
        best = max(
            pairs, key=lambda pair: (stands(pair[0], question.value, pair[1]), margin(pair[0], question.value, pair[1]))
        )
        holds += stands(best[0], question.value, best[1])
        apart.append(margin(best[0], question.value, best[1]))
        instead[relation_between(*best)] += 1
    share = holds / len(frames)
    if not instead:
        seen = "the two are never seen together"
        line = f"the {question.subject} and the {question.object} are in no frame together"
        return Verdict(question_id=question.id, p_yes=0.0, seen=seen), line, None
    relation, times = instead.most_common(1)[0]
    verdict = Verdict(question_id=question.id, p_yes=share, seen=f"{relation} the {question.object}")
    line = (
        f"the {question.subject} is {relation} the {question.object} in {times} of {len(frames)} frames"
        f" (asked: {question.value})"
    )
    return verdict, "" if verdict.holds else line, median(apart)
