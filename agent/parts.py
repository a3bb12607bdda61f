"""The parts a config names: made once, models loaded once, good for any number of runs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from agent.config import LoopConfig
from agent.language_model import LanguageModel
from agent.memory.arbiter import MemoryArbiter, Phase
from agent.models import open_models
from agent.prompts import PromptTemplates, read_templates
from agent.renderer import Renderer
from agent.rewriter import Rewriter
from agent.rewriters.registry import open_rewriter
from agent.rewriters.rules import RulesRewriter
from agent.store import open_store
from feedback.resident import Resident
from feedback.source import FeedbackSource
from graph_store.store import ModifierStore


@dataclass(frozen=True)
class Parts:
    """What a run works with."""

    config: LoopConfig
    store: ModifierStore | None
    """None: no retrieval."""
    writer: LanguageModel | None
    """Writes the candidates; None: rules do."""
    language_model: LanguageModel | None
    """Answers all else that is asked, such as for the checklist; None: rules do."""
    rewriter: Rewriter
    fallback: Rewriter
    """Writes when `rewriter` fails; needs no model."""
    renderer: Renderer
    sources: Sequence[FeedbackSource]
    templates: PromptTemplates
    """What the rewriter's model is told."""
    memory: MemoryArbiter
    """Makes room when the phase changes."""


def open_parts(config: LoopConfig, beside: Mapping[Phase, Sequence[Resident]] | None = None) -> Parts:
    """All parts that the config names, checked as far as that is cheap. Raises UsageError; nothing is written.

    beside: What shares the memory and is no part of a run, by the phase that needs it.
    """
    templates = read_templates(Path(config.rewrite.templates) if config.rewrite.templates else None)
    models = open_models(config)
    store = open_store(config.retrieve, models.renderer.info.captions)
    return Parts(
        config=config,
        store=store,
        writer=models.writer,
        language_model=models.language_model,
        rewriter=open_rewriter(config.rewrite, store, models.writer, templates),
        fallback=RulesRewriter(store),
        renderer=models.renderer,
        sources=models.sources,
        templates=templates,
        memory=MemoryArbiter(_join(models.residents, beside or {}), config.memory),
    )


def _join(
    own: Mapping[Phase, Sequence[Resident]], others: Mapping[Phase, Sequence[Resident]]
) -> dict[Phase, list[Resident]]:
    joined: dict[Phase, list[Resident]] = {phase: list(residents) for phase, residents in own.items()}
    for phase, residents in others.items():
        joined.setdefault(phase, []).extend(residents)
    return joined
