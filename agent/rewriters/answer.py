"""Questions to a language model that writes: what it answered, whether that is of use, and what it cost."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from agent.errors import ModelError
from agent.language_model import LanguageModel, Message, Reply
from agent.prompts import REPLY_SCHEMA, Rewrite, read_rewrite
from agent.rewriter import Draft
from agent.screen_rules import find_refusal


@dataclass(frozen=True)
class Cost:
    """What calls cost; tokens are None once one server did not say."""

    tokens_in: int | None = 0
    tokens_out: int | None = 0
    llm_calls: int = 0

    def plus(self, other: "Cost") -> "Cost":
        """Both together."""
        return Cost(
            _sum(self.tokens_in, other.tokens_in),
            _sum(self.tokens_out, other.tokens_out),
            self.llm_calls + other.llm_calls,
        )


@dataclass(frozen=True)
class Answer:
    """A rewrite, or why there is none; paid for either way."""

    rewrite: Rewrite
    unusable: str | None
    cost: Cost


class Writer:
    """Asks a language model for rewrites of one prompt with one seed, at the model's own temperature unless given."""

    def __init__(self, language_model: LanguageModel, prompt: str, seed: int, temperature: float | None = None) -> None:
        self._language_model, self._prompt, self._seed = language_model, prompt, seed
        self._temperature = temperature

    def ask(self, messages: Sequence[Message]) -> Answer:
        """The model's rewrite. Raises ModelError when there is no reply."""
        reply, cost = ask_model(self._language_model, messages, self._seed, REPLY_SCHEMA, self._temperature)
        rewrite = read_rewrite(reply.text)
        return Answer(rewrite, why_unusable(reply, rewrite.text, self._prompt), cost)


def ask_model(
    model: LanguageModel,
    messages: Sequence[Message],
    seed: int,
    schema: Mapping[str, Any] | None = None,
    temperature: float | None = None,
) -> tuple[Reply, Cost]:
    """The reply and what it cost. Raises ModelError when there is none."""
    reply = model.reply(messages, seed=seed, schema=schema, temperature=temperature)
    return reply, Cost(reply.tokens_in, reply.tokens_out, 1)


def collect_drafts(n: int, write: Callable[[int], Draft]) -> list[Draft]:
    """What `write` gives for 0 to n - 1, repeated texts once with what all of them cost, failed calls left out.

    Raises the first ModelError when all failed.
    """
    drafts: dict[str, Draft] = {}
    failures: list[ModelError] = []
    for index in range(n):
        try:
            draft = write(index)
        except ModelError as problem:
            failures.append(problem)
            continue
        drafts[draft.text] = add_cost(drafts[draft.text], cost_of(draft)) if draft.text in drafts else draft
    if not drafts:
        raise failures[0] if failures else ModelError("no draft was asked for")
    return list(drafts.values())


def add_cost(draft: Draft, cost: Cost) -> Draft:
    """The draft with this cost added to its own."""
    return replace(draft, **vars(cost_of(draft).plus(cost)))


def cost_of(draft: Draft) -> Cost:
    """What the draft cost."""
    return Cost(draft.tokens_in, draft.tokens_out, draft.llm_calls)


def why_unusable(reply: Reply, text: str, prompt: str) -> str | None:
    """Why this text of a reply is no rewrite of the prompt: refused, cut off or empty; None when it is one."""
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


def _sum(one: int | None, other: int | None) -> int | None:
    return None if one is None or other is None else one + other
