"""RAPO's way to a first candidate: modifiers merged one kind at a time, then brought into the generator's style.

The paper merges one modifier a call (arXiv 2510.20206, section 3.1); one kind a call keeps it to five calls at most.
"""

from collections.abc import Sequence
from functools import partial

from agent.errors import ModelError
from agent.language_model import Message
from agent.prompts import PromptTemplates, merge_messages, refactor_messages
from agent.rewriter import Draft, RewriteTask
from agent.rewriters.answer import Answer, Cost, Writer
from graph_store.records import KINDS


def compose_stepwise(writer: Writer, task: RewriteTask, templates: PromptTemplates) -> Draft:
    """What the prompt becomes; a step that fails leaves the text as it was.

    The draft is unusable, with the first step's reason, when every step failed. Raises the first ModelError when the
    model replied to none.
    """
    text, cost = task.prompt, Cost()
    merged: list[str] = []
    reasons: list[str] = []
    unusable: list[str] = []
    failures: list[ModelError] = []

    def step(messages: Sequence[Message]) -> Answer | None:
        nonlocal text, cost
        try:
            answer = writer.ask(messages)
        except ModelError as problem:
            failures.append(problem)
            return None
        cost = cost.plus(answer.cost)
        if answer.unusable:
            unusable.append(answer.unusable)
            return None
        text = answer.rewrite.text
        reasons.append(answer.rewrite.rationale)
        return answer

    for kind in KINDS:
        some = [modifier for modifier in task.modifiers if modifier.kind == kind]
        if some and step(merge_messages(task, text, some, templates)):
            merged += [modifier.text for modifier in some]
    step(refactor_messages(task, text, templates))
    if not reasons and not unusable:
        raise failures[0]
    draft = partial(Draft, origin="retrieval" if merged else "instruction", modifiers=tuple(merged), **vars(cost))
    if not reasons:
        return draft(text=text, unusable=unusable[0])
    return draft(text=text, rationale=" ".join(reason for reason in reasons if reason))
