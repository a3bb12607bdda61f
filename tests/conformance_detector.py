"""What every Detector must do; test files call these with a detector, a clip and labels."""

from feedback.clip import Clip
from feedback.detector import Detector


def check_one_list_a_frame(detector: Detector, clip: Clip, label: str) -> None:
    frames = detector.detect(clip, [label])
    assert len(frames) == clip.num_frames
    assert detector.detect(clip, []) == [[] for _ in range(clip.num_frames)]


def check_boxes_lie_in_the_frame(detector: Detector, clip: Clip, label: str) -> None:
    found = [detection for frame in detector.detect(clip, [label]) for detection in frame]
    assert found
    for detection in found:
        left, top, right, bottom = detection.box
        assert detection.label == label
        assert 0 <= detection.confidence <= 1
        assert -1 <= left < right <= clip.width + 1
        assert -1 <= top < bottom <= clip.height + 1


def check_unknown_labels_are_named_and_never_reported(detector: Detector, clip: Clip, known: str, unknown: str) -> None:
    assert detector.unknown([known, unknown]) == [unknown]
    labels = {found.label for frame in detector.detect(clip, [known, unknown]) for found in frame}
    assert labels <= {known}
