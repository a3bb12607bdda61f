"""The models a config names: what renders, writes and judges, and which of them each phase needs in memory."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from agent.config import AssessConfig, LoopConfig, RewriteConfig
from agent.errors import UsageError
from agent.language_model import LanguageModel, Message
from agent.llm.registry import open_rewriter_model
from agent.memory.arbiter import Phase
from agent.memory.servers import server_resident
from agent.renderer import Renderer, RenderRequest
from agent.renderers.registry import open_renderer
from feedback.detector import Detector
from feedback.judge import Judge
from feedback.language import AskLanguageModel
from feedback.physics_rules import Rules, read_rule_table
from feedback.registry import SourceSettings, open_detector, open_judge, open_sources
from feedback.resident import Holding, Resident
from feedback.server_key import find_key
from feedback.source import FeedbackSource


@dataclass(frozen=True)
class Models:
    """All models of a run, none of them loaded: their weights come when they are first used."""

    renderer: Renderer
    writer: LanguageModel | None
    """Writes the candidates; None: rules do."""
    language_model: LanguageModel | None
    """Answers all else that is asked, such as for the checklist: the writer, unless it is distilled and has learned one
    thing only. None: rules do."""
    sources: Sequence[FeedbackSource]
    residents: Mapping[Phase, Sequence[Resident]]
    """What each phase needs in memory."""


def open_models(config: LoopConfig) -> Models:
    """The models of this config, checked as far as that is cheap. Raises UsageError or FeedbackError."""
    renderer = open_renderer(config.render)
    _check_steps(config, renderer)
    writer = open_rewriter_model(config.rewrite)
    language_model = writer if config.rewrite.rewriter == "llm" else None
    judge, detector = open_configured_judge(config.assess), open_configured_detector(config.assess)
    sources = open_configured_sources(config.assess, judge, detector, language_model)
    names = [source.name for source in sources]
    if strangers := [name for name in config.assess.weights if name not in names]:
        raise UsageError(f"assess.weights names {strangers[0]!r}; the sources are {', '.join(names)}")
    writers = [writer_in_memory(config.rewrite, writer)]
    named = config.assess
    in_memory = judge_in_memory(named.judge, judge, named.judge_base_url, named.judge_model)
    judges = [in_memory, detector, *sources]
    if "physics" in config.assess.sources and language_model:
        judges += writers
    return Models(
        renderer=renderer,
        writer=writer,
        language_model=language_model,
        sources=sources,
        residents={
            "rewrite": find_residents(writers),
            "render": find_residents([renderer]),
            "judge": find_residents(judges),
        },
    )


def open_configured_judge(settings: AssessConfig, described: int | None = None) -> Judge:
    """The judge that these settings name; `described` in place of their `judge_words`. Raises FeedbackError."""
    return open_judge(
        settings.judge,
        model=settings.judge_model,
        revision=settings.judge_revision,
        base_url=settings.judge_base_url,
        device=settings.judge_device,
        described=settings.judge_words if described is None else described,
    )


def open_configured_detector(settings: AssessConfig) -> Detector | None:
    """The detector that these settings name. Raises FeedbackError."""
    return open_detector(settings.detector, settings.detector_model, settings.detector_threshold, settings.device)


def open_configured_sources(
    settings: AssessConfig, judge: Judge, detector: Detector | None, language_model: LanguageModel | None = None
) -> list[FeedbackSource]:
    """The sources that these settings name. Raises FeedbackError."""
    given = SourceSettings(
        similarity_model=settings.similarity_model,
        consistency_model=settings.consistency_model,
        reward_model=settings.reward_model,
        reward_template=Path(settings.reward_template) if settings.reward_template else None,
        device=settings.device,
        ask=_asker(language_model) if language_model else None,
        rules=Rules(
            settings.physics_rule or "", read_rule_table(Path(settings.physics_rules)) if settings.physics_rules else {}
        ),
    )
    return open_sources(settings.sources, judge, detector, given)


def _asker(language_model: LanguageModel) -> AskLanguageModel:
    """The language model as sources ask it; the seed is always the same, so that a clip always gets the same answer."""

    def ask(messages: list[dict[str, str]], schema: Mapping[str, Any]) -> Any:
        return language_model.reply(cast("list[Message]", messages), seed=0, schema=schema)

    return ask


def find_residents(parts: Sequence[object]) -> list[Resident]:
    """Those that hold a model; of several that hold the same one, the first."""
    found: dict[tuple[Holding, ...], Resident] = {}
    for part in parts:
        if isinstance(part, Resident) and part.holdings:
            found.setdefault(tuple(part.holdings), part)
    return list(found.values())


def writer_in_memory(settings: RewriteConfig, writer: LanguageModel | None) -> object:
    """What holds the model of this rewriter: the model itself, or its server; None when it has none."""
    if writer is None or not settings.base_url:
        return writer
    from agent.llm.openai_compatible import KEY_VARIABLES

    return server_resident(settings.base_url, settings.model or "", find_key(KEY_VARIABLES))


def judge_in_memory(name: str, judge: Judge, base_url: str | None, model: str | None) -> object:
    """What holds the model of this judge: the judge itself, or its server."""
    if name != "vlm-endpoint":
        return judge
    from feedback.judges.vlm_endpoint import KEY_VARIABLES

    return server_resident(base_url or "", model or "", find_key(KEY_VARIABLES))


def _check_steps(config: LoopConfig, renderer: Renderer) -> None:
    """Raises UsageError when the renderer can't be used, or a draft would be no cheaper than a full render."""
    full = renderer.resolve(
        RenderRequest(text="", seed=0, num_inference_steps=config.render.num_inference_steps)
    ).num_inference_steps
    draft = config.draft
    if not draft.enabled:
        return
    if not (draft.steps or full):
        raise UsageError(
            f"the renderer {renderer.info.name!r} does not say how many denoising steps a full render takes: "
            "give --draft-steps, or --num-inference-steps, of which drafts take half"
        )
    if full and (draft.steps or 0) >= full and draft.step_cache is None:
        raise UsageError(f"--draft-steps is {draft.steps}, a full render takes {full}: give fewer")
