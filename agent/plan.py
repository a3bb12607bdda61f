"""What a run would take, told before anything is loaded: models and memory by phase, renders and calls at most."""

from collections.abc import Sequence
from dataclasses import dataclass

from agent.budget import loop_budget, loop_seeds, promoted_count, render_task, unseen_seeds
from agent.config import LoopConfig
from agent.memory.arbiter import Phase
from agent.models import Models, open_models
from agent.records import Candidate, Purpose
from agent.render_clip import ask_for_render
from agent.renderer import RenderRequest
from feedback.resident import Holding, Resident
from graph_store.records import KINDS

CALLS_AN_ANSWER = 2
"""An answer that can't be used is asked for once more."""


@dataclass(frozen=True)
class PhasePlan:
    """The models of one phase."""

    phase: Phase
    holdings: Sequence[Holding]
    peak_bytes: int | None
    """What their weights take of their devices at a time; None when a size is unknown."""


@dataclass(frozen=True)
class RunPlan:
    """What one prompt takes at most."""

    full: RenderRequest
    draft: RenderRequest | None
    """None when the run does not draft."""
    phases: Sequence[PhasePlan]
    loop_renders: int
    full_renders: int
    """Of the drafts' leaders."""
    verify_renders: int
    llm_calls: int

    @property
    def renders(self) -> int:
        """All of them."""
        return self.loop_renders + self.full_renders + self.verify_renders


def plan_run(config: LoopConfig) -> RunPlan:
    """The plan of a run with this config. Raises UsageError, FeedbackError.

    Reads the models' configs, no weights. A server is asked one small thing, as at the start of a run: the rewriter's
    for a reply of a few tokens, the judge's about one small picture, the renderer's what it is.
    """
    models, seeds = open_models(config), len(loop_seeds(config))
    full = promoted_count(config) * seeds if config.draft.enabled else 0
    verify = 2 * len(unseen_seeds(config))
    candidates = 1 + config.rewrite.candidates * (config.stop.max_iterations + 1)
    # New seeds of kept words may take what new words leave; drafts are never rendered on new seeds.
    loop = min(candidates * seeds, loop_budget(config)) if config.draft.enabled else loop_budget(config)
    original = Candidate(id="0", iteration=0, text="", origin="prompt")

    def ask(purpose: Purpose) -> RenderRequest:
        return ask_for_render(render_task("", original, config.seed, purpose), config, models.renderer)

    return RunPlan(
        full=ask("full"),
        draft=ask("loop") if config.draft.enabled else None,
        phases=[
            _plan_phase(phase, parts, config.render.offload if phase == "render" else "none")
            for phase, parts in models.residents.items()
        ],
        loop_renders=loop,
        full_renders=full,
        verify_renders=verify,
        llm_calls=count_calls(config, models, loop + full + verify),
    )


def count_calls(config: LoopConfig, models: Models, renders: int) -> int:
    """Calls of the language model at most: checklist, drafts, critiques, principles, the physics of so many renders."""
    settings, refinements = config.rewrite, config.stop.max_iterations
    if settings.rewriter == "distilled" and config.search.strategy != "best_of_n":
        return settings.candidates * (1 + refinements)
    if models.language_model is None:
        return 0
    first = (len(KINDS) + 1 if settings.compose == "stepwise" else 1) * settings.candidates
    refined = refinements * (settings.candidates + bool(settings.critique))
    physics = CALLS_AN_ANSWER * (1 + renders) if "physics" in config.assess.sources else 0
    # A round whose drafts are all dropped gets as many from the rules.
    judged = 2 * settings.candidates * (1 + refinements) if config.principles.judge_text else 0
    drafted = 0 if config.search.strategy == "best_of_n" else first + refined + judged
    return 1 + (config.principles.by == "model") + drafted + physics


def _plan_phase(phase: Phase, parts: Sequence[Resident], offload: str) -> PhasePlan:
    holdings = [holding for part in parts for holding in part.holdings]
    return PhasePlan(phase, holdings, peak_weight_bytes(holdings, offload))


def peak_weight_bytes(holdings: Sequence[Holding], offload: str) -> int | None:
    """The most that weights take of the device at a time.

    All of them together without offload, the largest part when whole parts are offloaded. None when a part's size is
    unknown, and for offload in groups or layers, whose sizes only the loaded model tells.
    """
    sizes = [holding.weight_bytes for holding in holdings]
    known = [size for size in sizes if size is not None]
    if len(known) < len(sizes) or not known or offload not in ("none", "model"):
        return None
    return sum(known) if offload == "none" else max(known)
