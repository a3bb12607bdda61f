"""The parts a config names: made once, models loaded once, good for any number of runs."""

from collections.abc import Sequence
from dataclasses import dataclass

from agent.config import AssessConfig, LoopConfig
from agent.errors import UsageError
from agent.language_model import LanguageModel
from agent.llm.registry import open_rewriter_model
from agent.renderer import Renderer, RenderRequest
from agent.renderers.registry import open_renderer
from agent.rewriter import Rewriter
from agent.rewriters.registry import open_rewriter
from agent.rewriters.rules import RulesRewriter
from agent.store import open_store
from feedback.judge import Judge
from feedback.registry import open_detector, open_judge, open_sources
from feedback.source import FeedbackSource
from graph_store.store import ModifierStore


@dataclass(frozen=True)
class Parts:
    """What a run works with."""

    config: LoopConfig
    store: ModifierStore | None
    """None: no retrieval."""
    language_model: LanguageModel | None
    """Writes the checklist and, as the rewriter, the candidates; None: rules do."""
    rewriter: Rewriter
    fallback: Rewriter
    """Writes when `rewriter` fails; needs no model."""
    renderer: Renderer
    sources: Sequence[FeedbackSource]


def open_parts(config: LoopConfig) -> Parts:
    """All parts that the config names, checked as far as that is cheap. Raises UsageError; nothing is written."""
    renderer = open_renderer(config.render)
    _check_drafts(config, renderer)
    judge, detector = open_configured_judge(config.assess), open_detector(config.assess.detector)
    sources = open_sources(config.assess.sources, judge, detector)
    names = [source.name for source in sources]
    if strangers := [name for name in config.assess.weights if name not in names]:
        raise UsageError(f"assess.weights names {strangers[0]!r}; the sources are {', '.join(names)}")
    language_model = open_rewriter_model(config.rewrite)
    store = open_store(config.retrieve, renderer.info.captions)
    return Parts(
        config=config,
        store=store,
        language_model=language_model,
        rewriter=open_rewriter(config.rewrite.rewriter, store, language_model),
        fallback=RulesRewriter(store),
        renderer=renderer,
        sources=sources,
    )


def _check_drafts(config: LoopConfig, renderer: Renderer) -> None:
    """Raises UsageError when the renderer can't be used, or a draft would be no cheaper than a full render."""
    settings = config.render
    full = renderer.resolve(RenderRequest(text="", seed=0, num_inference_steps=settings.num_inference_steps))
    if config.draft.enabled and not (config.draft.steps or full.num_inference_steps):
        raise UsageError(
            f"the renderer {renderer.info.name!r} does not say how many denoising steps a full render takes: "
            "give --draft-steps, or --num-inference-steps, of which drafts take half"
        )
    if config.draft.enabled and full.num_inference_steps and (config.draft.steps or 0) >= full.num_inference_steps:
        raise UsageError(
            f"--draft-steps is {config.draft.steps}, a full render takes {full.num_inference_steps}: give fewer"
        )


def open_configured_judge(settings: AssessConfig) -> Judge:
    """The judge that these settings name. Raises FeedbackError."""
    return open_judge(
        settings.judge,
        model=settings.judge_model,
        revision=settings.judge_revision,
        base_url=settings.judge_base_url,
        device=settings.judge_device,
    )
