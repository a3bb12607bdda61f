"""Rewrites without a video: told and screened as the loop does it, nothing rendered."""

import time
from dataclasses import asdict, dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from agent.brief import read_brief
from agent.config import LoopConfig
from agent.config_file import make_config
from agent.hold_prompt import hold_prompt, note_softening
from agent.language_model import LanguageModel, Recorded
from agent.llm.registry import open_rewriter_model
from agent.prompt_flags import PromptRequest, read_prompt
from agent.prompts import read_templates
from agent.records import Record
from agent.renderer import Renderer
from agent.renderers.registry import open_renderer
from agent.rewriter import Draft, Rewriter, RewriteTask, same_words
from agent.rewriters.answer import Cost, cost_of
from agent.rewriters.registry import open_rewriter
from agent.screen_candidate import screen_draft
from agent.store import open_store
from agent.write_again import TRIES, write_until_passed
from feedback.checklist import make_checklist
from graph_store.store import ModifierStore


class DroppedText(Record):
    """A draft that must not be rendered, and why."""

    text: str
    why: str


class Rewritten(Record):
    """What became of one prompt."""

    prompt: str
    """As it was typed, flags and all."""
    text: str
    """For the generator: the first of `texts`, or the prompt's own words when there is none."""
    texts: list[str]
    """What the screen let through, mended where it had to be, in the rewriter's order."""
    dropped: list[DroppedText]
    negative: str | None
    """What the prompt's flags leave out of the picture."""
    notes: list[str]
    """What a person should know of how the prompt was read."""
    llm_calls: int
    tokens_in: int | None
    tokens_out: int | None
    """None when the server did not say."""
    seconds: float

    @property
    def why_as_typed(self) -> str | None:
        """Why no draft passed; None when one did."""
        if self.texts:
            return None
        return "; ".join(dict.fromkeys(one.why for one in self.dropped)) or "the rewriter had nothing to propose"


@dataclass(frozen=True)
class RewriteParts:
    """What rewrites are made with; by `open_rewrite_parts`."""

    config: LoopConfig
    store: ModifierStore | None
    writer: LanguageModel | None
    rewriter: Rewriter
    renderer: Renderer | None
    """None: nobody named one, so no limit of tokens and no caption style is known."""
    tries: int
    """Times that the rewriter is asked, while the screen drops all that it writes."""

    @property
    def record(self) -> dict[str, Any]:
        """Who writes, how much, and for which renderer."""
        settings, writer = self.config.rewrite, self.writer
        told = writer.record if isinstance(writer, Recorded) else {"model": settings.model}
        return {
            "rewriter": self.rewriter.name,
            **told,
            "candidates": settings.candidates,
            "tries": self.tries,
            "seed": self.config.seed,
            "renderer": self.renderer.info.model if self.renderer else None,
            "caption_style": settings.caption_style,
        }

    def rewrite(self, typed: str) -> Rewritten:
        """Up to `rewrite.candidates` texts. Raises UsageError for a prompt that can't be used, ModelError."""
        config, started = self.config, time.monotonic()
        request = read_prompt(typed)
        model = self.writer if config.rewrite.rewriter == "llm" else None
        held = hold_prompt(request.text, config.principles, model, config.seed)
        negative = request.with_negative(config.render.negative_prompt)
        config = config.model_copy(update={"render": config.render.model_copy(update={"negative_prompt": negative})})
        task = replace(self._read_brief(held.text), n=config.rewrite.candidates, seed=config.seed)
        texts: list[str] = []
        dropped: list[DroppedText] = []
        cost = Cost()

        def screen(draft: Draft) -> tuple[str, str | None]:
            return screen_draft(draft, task, config, self.renderer)

        for draft in write_until_passed(self.rewriter.rewrite, task, lambda d: not screen(d)[1], self.tries):
            cost = cost.plus(cost_of(draft))
            text, why = screen(draft)
            if why:
                dropped.append(DroppedText(text=draft.text, why=why))
            elif not any(same_words(text, known) for known in texts):
                texts.append(text)
        return Rewritten(
            prompt=typed,
            text=texts[0] if texts else held.text,
            texts=texts,
            dropped=list(dict.fromkeys(dropped)),
            negative=negative,
            notes=[*request.notes, *_note_settings(request), *note_softening(held)],
            seconds=round(time.monotonic() - started, 3),
            **vars(cost),
        )

    def _read_brief(self, prompt: str) -> RewriteTask:
        config = self.config
        models = {"renderer": asdict(self.renderer.info)} if self.renderer else {}
        header = {"prompt": prompt, "config": config.model_dump(mode="json"), "models": models}
        found = self.store.retrieve(prompt, config.retrieve.modifiers_per_kind) if self.store else None
        return read_brief(header, make_checklist(prompt), found.modifiers if found else ())


def _note_settings(request: PromptRequest) -> list[str]:
    ratio = request.aspect_ratio and f"{request.aspect_ratio[0]}:{request.aspect_ratio[1]}"
    flags = {"-ar": ratio, "-motion": request.motion, "-fps": request.fps, "-gs": request.guidance_scale}
    said = [f"{flag} {value}" for flag, value in (flags | {"-seed": request.seed}).items() if value is not None]
    return [f"left to your generator: {', '.join(said)}"] if said else []


def open_rewrite_parts(config: LoopConfig, tries: int = TRIES) -> RewriteParts:
    """What the config names, as far as rewriting needs it. Raises UsageError.

    The renderer is opened, not loaded, and only where the config says which one: it knows its limit and style.
    """
    settings, said = config.rewrite, config.render.model_fields_set
    renderer = open_renderer(config.render) if said & {"renderer", "model"} else None
    # A distilled rewriter is told the prompt alone: it needs no modifiers.
    captions = renderer.info.captions if renderer else "general"
    store = None if settings.rewriter == "distilled" else open_store(config.retrieve, captions)
    writer = open_rewriter_model(settings)
    templates = read_templates(Path(settings.templates) if settings.templates else None)
    return RewriteParts(config, store, writer, open_rewriter(settings, store, writer, templates), renderer, tries)


def rewrite(
    prompt: str, rewriter: str | None = None, n: int = 1, config: LoopConfig | None = None, tries: int = TRIES
) -> Rewritten:
    """The prompt as a rewriter words it, without rendering anything: up to `n` texts.

    `rewriter` is a folder that `retake distill` has made, the URL of a server, rules or llm; unless given, the
    config's. While the screen drops all that it writes, it is asked again, `tries` times in all. The last rewriter
    stays loaded for the next call. Raises UsageError, or ModelError when the model failed.
    """
    settings: dict[str, Any] = config.model_dump(mode="json", exclude_unset=True) if config else {}
    given = {"rewrite.rewriter": rewriter} if rewriter is not None else {}
    chosen = make_config(settings, {**given, "rewrite.candidates": n})
    return _open_once(chosen.model_dump_json(exclude_unset=True), tries).rewrite(prompt)


@lru_cache(maxsize=1)
def _open_once(config_json: str, tries: int) -> RewriteParts:
    return open_rewrite_parts(LoopConfig.model_validate_json(config_json), tries)
