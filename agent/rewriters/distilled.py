"""The distilled rewriter: a model that was trained to answer a prompt with the text that the loop would find for it."""

import logging
from pathlib import Path

from agent.caption_styles import GENERAL
from agent.config import RewriteConfig
from agent.errors import ModelError
from agent.language_model import LanguageModel
from agent.prompts import PromptTemplates, read_plain, read_templates
from agent.rewriter import Draft, Rewriter, RewriteTask
from agent.rewriter_card import RewriterBrief, brief_of, read_card
from agent.rewriters.answer import ask_model, collect_drafts, why_unusable

_log = logging.getLogger(__name__)


class DistilledRewriter:
    """One call a first draft: the very first at temperature 0, all others by seeds counted up from the task's.

    It was trained on prompts alone and knows nothing of renders, so `refine_with` refines; what that leaves of
    `task.n` is filled with new samples of the model. Refusals, empty and cut-off replies come back marked unusable.
    Repeated texts are kept once.

    Args:
        language_model: Answers with the text alone.
        refine_with: Writes from what was rendered.
        brief: What the model was trained to be told; without one it is told what the task says, by `templates`.
        templates: With the template "distilled"; ours unless given.
    """

    name = "distilled"

    def __init__(
        self,
        language_model: LanguageModel,
        refine_with: Rewriter,
        brief: RewriterBrief | None = None,
        templates: PromptTemplates | None = None,
    ) -> None:
        self._language_model = language_model
        self._refine_with = refine_with
        self._brief = brief
        self._templates = templates or read_templates(None)
        self._has_warned = False

    def rewrite(self, task: RewriteTask) -> list[Draft]:
        """Up to `task.n` drafts. Raises the first ModelError when there is none, and a call failed."""
        if not task.history:
            self._warn_of_other_style(task)
            return collect_drafts(
                task.n,
                lambda index: self._draft(task, task.seed + index, 0.0 if task.is_first and index == 0 else None),
            )
        refined = self._refine_with.rewrite(task)
        if len(refined) == task.n:
            return refined
        try:
            return [
                *refined,
                *collect_drafts(task.n - len(refined), lambda index: self._draft(task, task.seed + index)),
            ]
        except ModelError:
            if not refined:
                raise
            return refined

    def _draft(self, task: RewriteTask, seed: int, temperature: float | None = None) -> Draft:
        messages = (self._brief or brief_of(task, self._templates)).messages(task.prompt)
        reply, cost = ask_model(self._language_model, messages, seed, temperature=temperature)
        text = read_plain(reply.text)
        return Draft(text, origin="distilled", unusable=why_unusable(reply, text, task.prompt), **vars(cost))

    def _warn_of_other_style(self, task: RewriteTask) -> None:
        if self._brief and task.style not in (GENERAL, self._brief.style) and not self._has_warned:
            self._has_warned = True
            _log.warning("the rewriter was trained to write for %s, and is asked for %s", self._brief.style, task.style)


def find_brief(settings: RewriteConfig, templates: PromptTemplates) -> RewriterBrief | None:
    """The brief on the card of the rewriter's folder, with the run's own template "distilled" where it has one.

    None for a server's rewriter, whose folder is elsewhere. Raises UsageError when the folder holds no card.
    """
    if settings.base_url:
        return None
    brief = read_card(Path(settings.model or "").expanduser()).brief
    own = templates.own.get("distilled")
    return brief.model_copy(update={"template": own}) if own else brief
