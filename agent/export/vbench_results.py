"""Scores in VBench's results files: Retake's own written, VBench's read.

`NAME_eval_results.json` is {dimension: [aggregate, [{"video_path", "video_results"}, ...]]}, `NAME_full_info.json` a
list of {"prompt_en", "dimension", "video_list"}. Of what Retake's sources measure, `dynamic_degree` alone is VBench's
quantity: the same frames, threshold and count, though with another optical flow than RAFT. The consistencies compare
colours where VBench compares DINO's and CLIP's features, flicker is the alternation of the light where VBench takes
any change of a pixel, smoothness is of speed where VBench interpolates frames. They keep Retake's names.
"""

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath, PureWindowsPath
from statistics import fmean
from typing import Any

from agent.errors import UsageError
from agent.export.seed_match import SIDES
from agent.export.vbench import Layout, PlacedVideo, write_json
from feedback.records import Assessment

Scores = dict[str, dict[str, float]]
"""Dimension to file name to score."""


@dataclass(frozen=True)
class OwnResults:
    """Of one side: what stands in its results file, and what does not."""

    dimensions: tuple[str, ...]
    unscored: Mapping[str, int]
    """Videos without a score by dimension, those without any left out; dimensions without any score are there too."""


def write_own_results(layout: Layout, out: Path) -> dict[str, OwnResults]:
    """Writes what Retake's sources said of each side to OUT/retake, in VBench's shape.

    Unknown scores are left out, and so are dimensions without any score.
    """
    folder = out / "retake"
    folder.mkdir(parents=True, exist_ok=True)
    written = {}
    for side in SIDES:
        results, info = folder / f"{side}_eval_results.json", folder / f"{side}_full_info.json"
        videos = layout.folders.get(side, ())
        if not videos:
            results.unlink(missing_ok=True)
            info.unlink(missing_ok=True)
            continue
        paths = [str(out.resolve() / video.place) for video in videos]
        scores = [score_names(video.video.assessment) for video in videos]
        write_json(results, _results(paths, scores))
        write_json(info, _full_info(videos, paths, scores))
        written[side] = _count(scores)
    return written


def score_names(assessment: Assessment | None) -> dict[str, float | bool | None]:
    """Every score of an assessment under the name it has in a results file; None where it is unknown."""
    if assessment is None:
        return {}
    scores: dict[str, float | bool | None] = {
        "retake_overall": assessment.overall,
        "retake_intent": assessment.intent,
    }
    for feedback in assessment.feedbacks:
        for score in feedback.scores:
            name = score.name if score.name == feedback.source else f"{feedback.source}.{score.name}"
            scores[f"retake_{name}"] = score.value
        if feedback.source == "motion":
            is_dynamic = feedback.evidence.get("is_dynamic")
            scores["dynamic_degree"] = is_dynamic if isinstance(is_dynamic, bool) else None
    return scores


def _results(paths: Sequence[str], scores: Sequence[Mapping[str, float | bool | None]]) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = {}
    for name in _names(scores):
        rows = [
            {"video_path": path, "video_results": value}
            for path, of_video in zip(paths, scores, strict=True)
            if (value := of_video.get(name)) is not None
        ]
        if rows:
            found[name] = [fmean(row["video_results"] for row in rows), rows]
    return found


def _full_info(
    videos: Sequence[PlacedVideo], paths: Sequence[str], scores: Sequence[Mapping[str, float | bool | None]]
) -> list[dict[str, Any]]:
    return [
        {
            "prompt_en": video.match.prompt,
            "dimension": [name for name, value in of_video.items() if value is not None],
            "video_list": [path],
        }
        for video, path, of_video in zip(videos, paths, scores, strict=True)
    ]


def _count(scores: Sequence[Mapping[str, float | bool | None]]) -> OwnResults:
    unscored = {name: sum(of_video.get(name) is None for of_video in scores) for name in _names(scores)}
    return OwnResults(
        tuple(name for name, count in unscored.items() if count < len(scores)),
        {name: count for name, count in unscored.items() if count},
    )


def _names(scores: Sequence[Mapping[str, float | bool | None]]) -> list[str]:
    return list(dict.fromkeys(name for of_video in scores for name in of_video))


def read_vbench_results(path: Path) -> Scores:
    """Scores by dimension and file name, in a results file of VBench's or of `write_own_results`.

    Values are as they stand there, true and false as 1 and 0: most are in 0..1, `imaging_quality` of a video is in
    0..100, though its aggregate is not. NaN and null are unknown and left out. The same file name on two sides is the
    same seed. Raises UsageError when the file is no such file.
    """
    try:
        dimensions = json.loads(path.read_text(encoding="utf-8"))
    except OSError as problem:
        raise UsageError(f"can't read {path}: {problem.strerror}") from None
    except (ValueError, RecursionError):
        raise UsageError(f"{path} is not JSON in UTF-8; name a file that ends in _eval_results.json") from None
    if not isinstance(dimensions, dict):
        raise UsageError(f"{path} holds no dimensions; name a file that ends in _eval_results.json")
    return {name: _read_dimension(path, name, value) for name, value in dimensions.items()}


def _read_dimension(path: Path, name: str, value: Any) -> dict[str, float]:
    match value:
        case [_, [*rows]]:
            pass
        case _:
            raise UsageError(f"{path}, {name}: [aggregate, [videos]] is expected; name a file of vbench evaluate")
    scores: dict[str, float] = {}
    seen: set[str] = set()
    for number, row in enumerate(rows):
        match row:
            case {"video_path": str(video), "video_results": int() | float() | None as score}:
                file = _file_name(video)
            case _:
                raise UsageError(
                    f"{path}, {name}, video {number}: a video_path and a number as video_results are expected"
                )
        if file in seen:
            raise UsageError(f"{path}, {name}: {file!r} stands there twice; read the results of one side at a time")
        seen.add(file)
        if score is not None and abs(score) <= sys.float_info.max:
            scores[file] = float(score)
    return scores


def _file_name(video: str) -> str:
    return PureWindowsPath(video).name if "\\" in video else PurePosixPath(video).name
