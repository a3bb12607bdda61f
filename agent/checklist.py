"""The prompt's checklist: by the run's language model when it has one, by rules without one."""

from collections.abc import Mapping
from typing import Any, cast

from agent.language_model import LanguageModel, Message, Reply
from agent.trajectory import Checklist
from feedback.checklist import checklist_with, make_checklist


def write_checklist(prompt: str, model: LanguageModel | None, seed: int) -> Checklist:
    """The questions, who made them, and what that cost. A model that fails leaves it to the rules."""
    if model is None:
        return Checklist(questions=make_checklist(prompt), made_by="rules")
    replies: list[Reply] = []

    def ask(messages: list[dict[str, str]], schema: Mapping[str, Any]) -> str:
        replies.append(model.reply(cast("list[Message]", messages), seed=seed, schema=schema))
        return replies[-1].text

    questions, made_by = checklist_with(ask, prompt)
    return Checklist(
        questions=questions,
        made_by=made_by,
        llm_calls=len(replies),
        tokens_in=replies[0].tokens_in if replies else 0,
        tokens_out=replies[0].tokens_out if replies else 0,
    )
