"""The rewriter with a language model behind it."""

from dataclasses import replace
from typing import Literal

from agent.errors import ModelError
from agent.language_model import LanguageModel, Reply
from agent.prompts import REPLY_SCHEMA, read_rewrite, rewrite_messages
from agent.rewriter import Draft, RewriteTask
from agent.screen_rules import find_refusal


class LLMRewriter:
    """One call a draft, seeds counted up from the task's.

    First candidates are written in turn with the modifiers and without them (from the instruction alone); a refinement
    sees all there is. Refusals, empty and cut-off replies come back marked unusable.
    Repeated texts are kept once.
    """

    name = "llm"

    def __init__(self, language_model: LanguageModel) -> None:
        self._language_model = language_model

    def rewrite(self, task: RewriteTask) -> list[Draft]:
        """Up to `task.n` different drafts; fewer when calls failed. Raises the first ModelError when all failed."""
        drafts: dict[str, Draft] = {}
        failures: list[ModelError] = []
        for index in range(task.n):
            plain = not task.history and index % 2 == 1
            try:
                draft = self._draft(replace(task, modifiers=()) if plain else task, task.seed + index)
            except ModelError as problem:
                failures.append(problem)
            else:
                drafts[draft.text] = _add_cost(drafts[draft.text], draft) if draft.text in drafts else draft
        if not drafts:
            raise failures[0] if failures else ModelError("no draft was asked for")
        return list(drafts.values())

    def _draft(self, task: RewriteTask, seed: int) -> Draft:
        reply = self._language_model.reply(rewrite_messages(task), seed=seed, schema=REPLY_SCHEMA)
        rewrite = read_rewrite(reply.text)
        origin: Literal["refine", "retrieval", "instruction"] = (
            "refine" if task.history else "retrieval" if task.modifiers else "instruction"
        )
        return Draft(
            text=rewrite.text,
            rationale=rewrite.rationale,
            origin=origin,
            fault=rewrite.fault,
            modifiers=tuple(modifier.text for modifier in task.modifiers),
            unusable=_unusable(reply, rewrite.text, task.prompt),
            tokens_in=reply.tokens_in,
            tokens_out=reply.tokens_out,
            llm_calls=1,
        )


def _unusable(reply: Reply, text: str, prompt: str) -> str | None:
    if reply.refusal:
        return f"the language model refused: {_cut(reply.refusal)}"
    if reply.finish_reason == "content_filter":
        return "the server's content filter cut the reply off"
    if find_refusal(text, prompt):
        return f"the language model refused: {_cut(text)}"
    if reply.finish_reason == "length":
        return "the reply was cut off at the token limit; raise --max-tokens"
    return None if text.strip() else "the language model's reply is empty"


def _cut(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= 200 else line[:199] + "…"


def _add_cost(draft: Draft, repeat: Draft) -> Draft:
    return replace(
        draft,
        tokens_in=_sum(draft.tokens_in, repeat.tokens_in),
        tokens_out=_sum(draft.tokens_out, repeat.tokens_out),
        llm_calls=draft.llm_calls + repeat.llm_calls,
    )


def _sum(one: int | None, other: int | None) -> int | None:
    return None if one is None or other is None else one + other
