"""Sources, judges, detectors and encoders by name. A module is imported only when its name is asked for."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from feedback.defaults import CONSISTENCY_MODEL, REWARD_MODEL, SIMILARITY_MODEL
from feedback.detector import Detector
from feedback.encoder import Encoder
from feedback.errors import FeedbackError
from feedback.judge import Judge
from feedback.language import AskLanguageModel
from feedback.physics_rules import Rules
from feedback.source import FeedbackSource

SOURCES: Mapping[str, str] = {
    "alignment": "feedback.sources.alignment:AlignmentSource",
    "spatial": "feedback.sources.spatial:SpatialSource",
    "temporal": "feedback.sources.temporal:TemporalSource",
    "motion": "feedback.sources.motion:MotionSource",
    "physics": "feedback.sources.physics:PhysicsSource",
    "similarity": "feedback.sources.similarity:SimilaritySource",
    "consistency": "feedback.sources.consistency:ConsistencySource",
    "videoscore2": "feedback.sources.videoscore2:VideoScore2Source",
}
JUDGES: Mapping[str, str] = {
    "shapes": "feedback.judges.shapes:ShapesJudge",
    "critic": "feedback.judges.critic:CriticJudge",
    "vlm": "feedback.judges.vlm_local:LocalVLMJudge",
    "vlm-endpoint": "feedback.judges.vlm_endpoint:EndpointVLMJudge",
}
DETECTORS: Mapping[str, str] = {
    "shapes": "feedback.detectors.shapes:ShapesDetector",
    "zero-shot": "feedback.detectors.zero_shot:ZeroShotDetector",
}
ENCODERS: Mapping[str, str] = {
    "histogram": "feedback.encoders.histogram:HistogramEncoder",
    "transformers": "feedback.encoders.transformers_encoder:TransformersEncoder",
}


@dataclass(frozen=True)
class SourceSettings:
    """What some sources need beside judge and detector."""

    similarity_model: str = SIMILARITY_MODEL
    consistency_model: str = CONSISTENCY_MODEL
    reward_model: str = REWARD_MODEL
    reward_template: Path | None = None
    device: str = "auto"
    ask: AskLanguageModel | None = None
    """The language model of physics."""
    rules: Rules | None = None
    """Of physics."""


def open_sources(
    names: Sequence[str], judge: Judge, detector: Detector | None, settings: SourceSettings | None = None
) -> list[FeedbackSource]:
    """The sources of these names, in their order; those that name the same encoder share it.

    Without a detector "spatial" is a FeedbackError, and "motion" follows no single thing. A user's own
    ("package.module:Class") is made without arguments. Unknown and repeated names are a FeedbackError.
    """
    if repeated := [name for name in dict.fromkeys(names) if list(names).count(name) > 1]:
        raise FeedbackError(f"the source {repeated[0]!r} is named more than once; name each one once")
    settings = settings or SourceSettings()
    encoders: dict[str, Encoder] = {}

    def encoder(model: str) -> Encoder:
        if model not in encoders:
            encoders[model] = open_encoder(model, settings.device)
        return encoders[model]

    def make(name: str) -> FeedbackSource:
        match name:
            case "alignment":
                return _make(name, SOURCES, "source", judge)
            case "spatial" if detector is None:
                raise FeedbackError('the source "spatial" needs a detector; name one, e.g. "shapes", or leave it out')
            case "spatial" | "motion":
                return _make(name, SOURCES, "source", detector)
            case "physics":
                return _make(name, SOURCES, "source", settings.ask, settings.rules, judge)
            case "similarity":
                return _make(name, SOURCES, "source", encoder(settings.similarity_model))
            case "consistency":
                return _make(name, SOURCES, "source", encoder(settings.consistency_model))
            case "videoscore2":
                return _make(
                    name, SOURCES, "source", settings.reward_model, device=settings.device,
                    template=settings.reward_template,
                )  # fmt: skip
            case _:
                return _make(name, SOURCES, "source")

    return [make(name) for name in names]


def open_judge(
    name: str,
    model: str | None = None,
    revision: str | None = None,
    base_url: str | None = None,
    device: str = "auto",
    described: int = 3,
) -> Judge:
    """The judge of this name, or a user's own "package.module:Class", which is made without arguments.

    "vlm" needs a model, a folder or an id on the hub; "vlm-endpoint" a base URL and the model's name there, and is
    asked one small question, so that a wrong address, key or name shows now. Both say of at most `described` questions
    that do not hold what is seen instead. FeedbackError for what can't be used.
    """
    match name:
        case "vlm" if not model:
            raise FeedbackError("the judge 'vlm' needs a model: --judge-model with a folder or an id on the hub")
        case "vlm":
            return _make(name, JUDGES, "judge", model, revision, device, most_described=described)
        case "vlm-endpoint" if not (model and base_url):
            raise FeedbackError("the judge 'vlm-endpoint' needs --judge-base-url and --judge-model")
        case "vlm-endpoint":
            judge = _make(name, JUDGES, "judge", base_url, model, most_described=described)
            judge.check()
            return judge
        case _:
            return _make(name, JUDGES, "judge")


def open_detector(
    name: str, model: str | None = None, threshold: float | None = None, device: str = "auto"
) -> Detector | None:
    """The detector of this name, None for "none"; "zero-shot" needs a model. FeedbackError for what can't be used."""
    match name:
        case "none":
            return None
        case "zero-shot" if not model:
            raise FeedbackError(
                "the detector 'zero-shot' needs --detector-model, such as google/owlv2-base-patch16-ensemble"
            )
        case "zero-shot":
            given = {} if threshold is None else {"threshold": threshold}
            return _make(name, DETECTORS, "detector", model, device=device, **given)
        case _:
            return _make(name, {**DETECTORS, "none": ""}, "detector")


def open_encoder(model: str, device: str = "auto") -> Encoder:
    """The encoder "histogram", or that of a model: a folder, or an id on the hub. Raises FeedbackError."""
    if model == "histogram":
        return _make(model, ENCODERS, "encoder")
    return _make("transformers", ENCODERS, "encoder", model, device=device)


def _make(name: str, known: Mapping[str, str], kind: str, *arguments: Any, **settings: Any) -> Any:
    try:
        return _load(name, known, kind)(*arguments, **settings)
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
