"""Sources, judges and detectors by name. A module is imported only when its name is asked for."""

from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Any

from feedback.detector import Detector
from feedback.errors import FeedbackError
from feedback.judge import Judge
from feedback.source import FeedbackSource

SOURCES: Mapping[str, str] = {
    "alignment": "feedback.sources.alignment:AlignmentSource",
    "spatial": "feedback.sources.spatial:SpatialSource",
    "temporal": "feedback.sources.temporal:TemporalSource",
    "motion": "feedback.sources.motion:MotionSource",
}
JUDGES: Mapping[str, str] = {
    "shapes": "feedback.judges.shapes:ShapesJudge",
    "vlm": "feedback.judges.vlm_local:LocalVLMJudge",
    "vlm-endpoint": "feedback.judges.vlm_endpoint:EndpointVLMJudge",
}
DETECTORS: Mapping[str, str] = {"shapes": "feedback.detectors.shapes:ShapesDetector"}


def open_sources(names: Sequence[str], judge: Judge, detector: Detector | None) -> list[FeedbackSource]:
    """The sources of these names, in their order.

    Without a detector "spatial" is a FeedbackError, and "motion" follows no single thing. A user's own
    ("package.module:Class") is made without arguments. Unknown and repeated names are a FeedbackError.
    """
    if repeated := [name for name in dict.fromkeys(names) if list(names).count(name) > 1]:
        raise FeedbackError(f"the source {repeated[0]!r} is named more than once; name each one once")
    sources = []
    for name in names:
        match name:
            case "alignment":
                sources.append(_make(name, SOURCES, "source", judge))
            case "spatial" if detector is None:
                raise FeedbackError('the source "spatial" needs a detector; name one, e.g. "shapes", or leave it out')
            case "spatial" | "motion":
                sources.append(_make(name, SOURCES, "source", detector))
            case _:
                sources.append(_make(name, SOURCES, "source"))
    return sources


def open_judge(
    name: str,
    model: str | None = None,
    revision: str | None = None,
    base_url: str | None = None,
    device: str = "auto",
) -> Judge:
    """The judge of this name, or a user's own "package.module:Class", which is made without arguments.

    "vlm" needs a model, a folder or an id on the hub; "vlm-endpoint" a base URL and the model's name there, and is
    asked one small question, so that a wrong address, key or name shows now. FeedbackError for what can't be used.
    """
    match name:
        case "vlm" if not model:
            raise FeedbackError("the judge 'vlm' needs a model: --judge-model with a folder or an id on the hub")
        case "vlm":
            return _make(name, JUDGES, "judge", model, revision, device)
        case "vlm-endpoint" if not (model and base_url):
            raise FeedbackError("the judge 'vlm-endpoint' needs --judge-base-url and --judge-model")
        case "vlm-endpoint":
            judge = _make(name, JUDGES, "judge", base_url, model)
            judge.check()
            return judge
        case _:
            return _make(name, JUDGES, "judge")


def open_detector(name: str) -> Detector | None:
    """The detector of this name, None for "none"; FeedbackError for an unknown one."""
    return None if name == "none" else _make(name, {**DETECTORS, "none": ""}, "detector")


def _make(name: str, known: Mapping[str, str], kind: str, *arguments: Any) -> Any:
    try:
        return _load(name, known, kind)(*arguments)
    except TypeError as error:
        raise FeedbackError(f"the {kind} {name!r} can't be made: {error}") from error


def _load(name: str, known: Mapping[str, str], kind: str) -> Any:
    target = known.get(name, name)
    module_name, colon, attribute = target.partition(":")
    if not colon:
        names = ", ".join(known)
        raise FeedbackError(f"unknown {kind} {name!r}; known: {names}. Your own: 'package.module:Class'.")
    try:
        return getattr(import_module(module_name), attribute)
    except ModuleNotFoundError as error:
        if error.name and not module_name.startswith(error.name):
            raise
        raise FeedbackError(f"the {kind} {name!r} names a module that is not there: {module_name}") from error
    except (AttributeError, ValueError) as error:
        raise FeedbackError(f"the {kind} {name!r} can't be had: {module_name!r} has no {attribute!r}") from error
