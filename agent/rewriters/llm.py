"""The rewriter with a language model behind it."""

import logging
from dataclasses import replace
from typing import Literal

from agent.errors import ModelError
from agent.language_model import LanguageModel
from agent.prompts import (
    CRITIQUE_SCHEMA,
    PromptTemplates,
    critique_messages,
    read_critique,
    read_templates,
    rewrite_messages,
)
from agent.rewriter import Advice, Draft, RewriteTask
from agent.rewriters.answer import Cost, Writer, add_cost, ask_model, collect_drafts
from agent.rewriters.stepwise import compose_stepwise

Compose = Literal["one_call", "stepwise"]
"""How modifiers get into a first candidate: all in one call, or one kind a call and the caption style after them."""

_log = logging.getLogger(__name__)


class LLMRewriter:
    """One call a draft, seeds counted up from the task's.

    First candidates are written in turn with the modifiers and without them (from the instruction alone); a refinement
    sees all there is, and with `critique` also what one call more made of the champion's measurements; where there are
    parents they are shown with their scores alone. Refusals, empty and cut-off replies come back marked unusable.
    Repeated texts are kept once.
    """

    name = "llm"

    def __init__(
        self,
        language_model: LanguageModel,
        templates: PromptTemplates | None = None,
        *,
        compose: Compose = "one_call",
        critique: bool = False,
    ) -> None:
        self._language_model = language_model
        self._templates = templates or read_templates(None)
        self._compose = compose
        self._critique = critique

    def rewrite(self, task: RewriteTask) -> list[Draft]:
        """Up to `task.n` different drafts; fewer when calls failed. Raises the first ModelError when all failed."""
        advice, spent = self._advise(task) if self._critique and not task.parents else ((), Cost())
        task = replace(task, advice=advice)

        def write(index: int) -> Draft:
            plain = not task.history and index % 2 == 1
            return self._draft(replace(task, modifiers=()) if plain else task, task.seed + index)

        first, *others = collect_drafts(task.n, write)
        return [add_cost(first, spent), *others]

    def _draft(self, task: RewriteTask, seed: int) -> Draft:
        writer = Writer(self._language_model, task.prompt, seed)
        if self._compose == "stepwise" and task.modifiers and not task.history:
            return compose_stepwise(writer, task, self._templates)
        answer = writer.ask(rewrite_messages(task, self._templates))
        origin: Literal["refine", "retrieval", "instruction"] = (
            "refine" if task.history else "retrieval" if task.modifiers else "instruction"
        )
        return Draft(
            text=answer.rewrite.text,
            rationale=answer.rewrite.rationale,
            origin=origin,
            fault=answer.rewrite.fault,
            modifiers=tuple(modifier.text for modifier in task.modifiers),
            advice="\n".join(f"{a.question} {a.change} (at fault: {a.fault})" for a in task.advice),
            faults={a.question: a.fault for a in task.advice},
            unusable=answer.unusable,
            **vars(answer.cost),
        )

    def _advise(self, task: RewriteTask) -> tuple[tuple[Advice, ...], Cost]:
        """What to change in the champion's text, and what asking cost; nothing when nothing of it failed."""
        champion = task.attempt_of(task.champion)
        failing = [question for question in task.checklist if champion and question.id in champion.failing]
        if not champion or not failing:
            return (), Cost()
        messages = critique_messages(task, champion, failing, self._templates)
        try:
            reply, cost = ask_model(self._language_model, messages, task.seed, CRITIQUE_SCHEMA)
        except ModelError as problem:
            _log.warning("refining without a critique: %s", problem)
            return (), Cost()
        advice = read_critique(reply.text, failing)
        if not advice:
            _log.warning("refining without a critique: the language model's reply holds no finding")
        return advice, cost
