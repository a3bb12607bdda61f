"""RAPO's first stage: retrieved modifiers merged into the prompt, with a language model then refactored; no feedback.

RAPO, arXiv 2504.11739; its merging and refactoring are `agent.rewriters.stepwise`.
"""

from dataclasses import replace

from agent.bench.methods.choose import choose_best
from agent.bench.records import Answer, BenchSettings
from agent.bench.studio import Studio
from agent.parts import Parts
from agent.rewriter import Draft, RewriteTask
from agent.rewriters.llm import LLMRewriter

RULE_DRAFTS = 2
"""The rules' first draft may say only what was asked; the second adds modifiers."""


class Rapo:
    """Retrieval, merge and refactor, then best of N."""

    name = "rapo"

    def prepare(self, parts: Parts, settings: BenchSettings) -> str | None:  # noqa: ARG002
        """Needs a relation graph."""
        return None if parts.store else "needs a relation graph; --graph none turned it off"

    def answer(self, studio: Studio) -> Answer:
        """The merged text's best clip. Raises ModelError when there is no text."""
        return choose_best(self.name, studio, studio.write(self.name, lambda task: _merge(task, studio.parts)))


def _merge(task: RewriteTask, parts: Parts) -> list[Draft]:
    """With the most modifiers first."""
    if parts.language_model:
        return LLMRewriter(parts.language_model, parts.templates, compose="stepwise").rewrite(task)
    retrieved = {modifier.text for modifier in task.modifiers}
    drafts = parts.fallback.rewrite(replace(task, n=RULE_DRAFTS))
    return sorted(drafts, key=lambda draft: -len(retrieved & set(draft.modifiers)))
