"""What a language model is told for each step. Fine-tuning trains on exactly these texts.

Everything that comes from a person, a model or a measurement stands between tags, and the system text says that it is
material. Pure functions: same task, same bytes.
"""

import re
from collections.abc import Iterator, Sequence
from typing import Any, cast

from agent.caption_styles import find_style
from agent.item_memory import describe_item
from agent.language_model import Message
from agent.languages import language_name
from agent.prompts.templates import (
    PromptTemplates,
    ShownAdvice,
    ShownCandidate,
    ShownModifiers,
    ShownQuestion,
    shipped_templates,
)
from agent.rewriter import Attempt, RewriteTask
from feedback.records import Question
from graph_store.records import KINDS, Modifier

SHOWN_BEST, SHOWN_WORST = 2, 1
"""How many earlier candidates a refinement shows besides the champion."""
MOST_REMEMBERED = 8
"""Questions of which a refinement shows what became of them."""
GIVEN_UP = "No wording has helped: keep it as the prompt says it, and add nothing for it."


def rewrite_messages(task: RewriteTask, templates: PromptTemplates | None = None) -> list[Message]:
    """System and user message for one draft in one call.

    With parents it is bred from them, with a history it is a refinement; without one the modifiers are merged in, and
    without modifiers too it is a rewrite from the instruction alone.
    """
    name = "evolve" if task.parents else "refine" if task.history else "merge" if task.modifiers else "instruct"
    return _render(name, templates, _values(task))


def merge_messages(
    task: RewriteTask, text: str, modifiers: Sequence[Modifier], templates: PromptTemplates | None = None
) -> list[Message]:
    """To work these modifiers into the text, which is what the prompt has become so far; its style comes later."""
    values = _values(task) | {"text": _data(text), "modifiers": _by_kind(modifiers), "style": ""}
    return _render("merge", templates, values)


def refactor_messages(task: RewriteTask, text: str, templates: PromptTemplates | None = None) -> list[Message]:
    """To bring the text into the generator's caption style and length."""
    return _render("refactor", templates, _values(task) | {"text": _data(text)})


def distilled_messages(task: RewriteTask, templates: PromptTemplates | None = None) -> list[Message]:
    """What a distilled rewriter is told, in training and in use: the prompt, and nothing that needs a render."""
    return _render("distilled", templates, _values(task))


def critique_messages(
    task: RewriteTask, champion: Attempt, failing: Sequence[Question], templates: PromptTemplates | None = None
) -> list[Message]:
    """To say for each failing question of the champion's videos what to change, and who is at fault."""
    values = _values(task) | {
        "candidates": (_shown(champion, "leading so far", task.checklist),),
        "failing": tuple(ShownQuestion(question.id, _data(question.text)) for question in failing),
    }
    return _render("critique", templates, values)


def _render(name: str, templates: PromptTemplates | None, values: dict[str, Any]) -> list[Message]:
    return (templates or shipped_templates()).render(name, values)


def _values(task: RewriteTask) -> dict[str, Any]:
    """All that a template may use, cleaned."""
    style = find_style(task.style)
    word_limit = min(task.word_limit, task.generator_words or task.word_limit)
    fewest, most = (min(words, word_limit) for words in style.words)
    return {
        "prompt": _data(task.prompt),
        "text": "",
        "checklist": tuple(_data(question.text) for question in task.checklist),
        "modifiers": _by_kind(task.modifiers),
        "candidates": tuple(_shown(attempt, rank, task.checklist) for attempt, rank in _shown_attempts(task)),
        "memory": _remembered(task),
        "failing": (),
        "advice": tuple(ShownAdvice(_data(a.question), _data(a.change), a.fault) for a in task.advice),
        "style": style.advice,
        "words_min": fewest,
        "words_max": most,
        "word_limit": word_limit,
        "language": language_name(task.target_lang),
        "trigger_words": tuple(_data(word) for word in task.trigger_words),
    }


_OWN_TAGS = re.compile(
    r"<(?=\s*/?\s*(?:(?:prompt|text|checklist|modifiers|candidate|memory|failing|advice|trigger_words)\b|$))",
    re.IGNORECASE,
)


def _data(text: str) -> str:
    """The text without anything that could end its own tag: the bracket of such a tag becomes another sign.

    So does one at the very end, which the next text could go on with.
    """
    return _OWN_TAGS.sub("‹", text)


def _by_kind(modifiers: Sequence[Modifier]) -> tuple[ShownModifiers, ...]:
    by_kind = {kind: [modifier.text for modifier in modifiers if modifier.kind == kind] for kind in KINDS}
    return tuple(ShownModifiers(kind, _data("; ".join(texts))) for kind, texts in by_kind.items() if texts)


def _shown_attempts(task: RewriteTask) -> Iterator[tuple[Attempt, str]]:
    """The parents in their order; without any the champion, the best of the others, the worst. With ranks in words."""
    if task.parents:
        bred_from = [attempt for parent in task.parents if (attempt := task.attempt_of(parent))]
        yield from ((attempt, str(place)) for place, attempt in enumerate(bred_from, start=1))
        return
    champion = task.attempt_of(task.champion)
    scored = [attempt for attempt in task.history if attempt.score is not None and attempt is not champion]
    scored.sort(key=lambda attempt: -cast("float", attempt.score))
    if champion:
        yield champion, "leading so far"
    yield from ((attempt, "good") for attempt in scored[:SHOWN_BEST])
    yield from ((attempt, "worst") for attempt in scored[SHOWN_BEST:][-SHOWN_WORST:])


def _shown(attempt: Attempt, rank: str, checklist: Sequence[Question]) -> ShownCandidate:
    return ShownCandidate(
        rank=rank,
        text=_data(attempt.candidate.text),
        score=_number(attempt.score),
        dimensions=", ".join(f"{_data(name)} {_number(value)}" for name, value in attempt.dimensions.items()),
        failed=tuple(_data(question.text) for question in checklist if question.id in attempt.failing),
        critique=_data(attempt.critique),
    )


def _remembered(task: RewriteTask) -> tuple[str, ...]:
    """A line for each question that the champion fails, or that is given up."""
    champion = task.attempt_of(task.champion)
    failing = champion.failing if champion else ()
    lines = {item.question.id: _data(describe_item(item)) for item in task.items if item.trials}
    open_ones = [line for key, line in lines.items() if key in failing]
    given_up = [f"{line}. {GIVEN_UP}" for key, line in lines.items() if key in task.unreachable]
    return tuple(open_ones[:MOST_REMEMBERED] + given_up[:MOST_REMEMBERED])


def _number(score: float | None) -> str:
    return "unknown" if score is None else f"{score:.2f}"
