"""The prompt templates: ours, and the user's own in place of some of them.

A template is a Jinja2 file with two blocks, `system` and `user`, rendered in a sandbox. Whatever it gets has been
cleaned already: no text of a person, a model or a measurement can end its tag.
"""

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from jinja2 import (
    ChoiceLoader,
    DictLoader,
    PackageLoader,
    StrictUndefined,
    Template,
    TemplateSyntaxError,
    UndefinedError,
    meta,
)
from jinja2.sandbox import SandboxedEnvironment

from agent.errors import UsageError
from agent.language_model import Message

TEMPLATES = {
    "merge": "works modifiers into the prompt, or into the text that has been made of it so far",
    "instruct": "rewrites the prompt from the instruction alone",
    "refactor": "brings a text into the generator's caption style and length, without changing what it shows",
    "critique": "reads what was measured of the leading video and says what to change",
    "refine": "rewrites after feedback, from the prompt, earlier candidates and what failed",
    "evolve": "rewrites after feedback, from the prompt and the best candidates with their scores",
    "distilled": "all that a distilled rewriter is told; it answers with the text alone",
    "rules": "the rules and the form of the answer, included by all that write JSON",
}
"""Name of each template, and what it does."""

VARIABLES = {
    "prompt": "what the person typed",
    "text": "merge and refactor: the text so far; empty at the start",
    "checklist": "the questions the video is judged by, as lines of text",
    "modifiers": "retrieved phrases, each with kind and text (several, with semicolons)",
    "candidates": "earlier candidates, each with rank, text, score, dimensions, failed (a list), critique",
    "memory": "refine and critique: what became of each failing question over all texts, as lines of text",
    "failing": "critique: failed questions of the leading candidate, each with id and text",
    "advice": "refine: what a critique advised, each with question, change, fault",
    "style": "how captions of this generator are written; empty when that is not to be said yet",
    "words_min": "fewest words to aim for",
    "words_max": "most words to aim for",
    "word_limit": "most words allowed",
    "language": "name of the language to write in",
    "trigger_words": "words to be kept letter by letter",
}
"""What a template may use: name and meaning."""


class ShownModifiers(NamedTuple):
    """All modifiers of one kind."""

    kind: str
    text: str


class ShownCandidate(NamedTuple):
    """An earlier candidate, in words."""

    rank: str
    text: str
    score: str
    dimensions: str = ""
    failed: tuple[str, ...] = ()
    critique: str = ""


class ShownQuestion(NamedTuple):
    """A question of the checklist."""

    id: str
    text: str


class ShownAdvice(NamedTuple):
    """What a critique advised."""

    question: str
    change: str
    fault: str


class PromptTemplates:
    """Renders templates by name. Same values, same bytes."""

    def __init__(self, own: Mapping[str, str] | None = None, folder: Path | None = None) -> None:
        """Takes `own` sources by name in place of ours; `folder` is where they stand, for messages.

        Raises UsageError when one of them is none of ours, does not parse, or can't be rendered.
        """
        self.own = dict(own or {})
        self._folder = folder
        sources = DictLoader({f"{name}.j2": source for name, source in self.own.items()})
        self._environment = SandboxedEnvironment(
            loader=ChoiceLoader([sources, PackageLoader("agent", "templates/prompts")]),
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            autoescape=False,
        )
        for name in self.own:
            self._check(name)

    def source(self, name: str) -> str:
        """The template as it is written. Raises UsageError for an unknown name."""
        if name not in TEMPLATES:
            raise UsageError(f"unknown prompt {name!r}; known: {', '.join(TEMPLATES)}")
        assert self._environment.loader  # noqa: S101 - given above
        return self._environment.loader.get_source(self._environment, f"{name}.j2")[0]

    def render(self, name: str, values: Mapping[str, Any]) -> list[Message]:
        """System and user message of the template; `values` has all of VARIABLES."""
        template = self._environment.get_template(f"{name}.j2")
        return [
            {"role": "system", "content": _render_block(template, "system", values)},
            {"role": "user", "content": _render_block(template, "user", values)},
        ]

    def _check(self, name: str) -> None:
        """Raises UsageError for what would go wrong in the middle of a run."""
        where = f"{self._folder / name}.j2" if self._folder else f"{name}.j2"
        if name not in TEMPLATES:
            raise UsageError(f"{where} is none of the prompts; known: {', '.join(TEMPLATES)}")
        try:
            parsed = self._environment.parse(self.own[name])
            template = self._environment.get_template(f"{name}.j2")
        except TemplateSyntaxError as problem:
            raise UsageError(f"{where}, line {problem.lineno}: {problem.message}") from None
        if strangers := sorted(meta.find_undeclared_variables(parsed) - set(VARIABLES)):
            raise UsageError(f"{where} uses {strangers[0]!r}, which is not there; known: {', '.join(VARIABLES)}")
        if name != "rules" and (lacking := [block for block in ("system", "user") if block not in template.blocks]):
            raise UsageError(
                f"{where} has no block {lacking[0]!r}; a prompt has {{% block system %}} and {{% block user %}}"
            )
        try:
            for values in (_SAMPLE, _BARE):
                self.render("instruct" if name == "rules" else name, values)
        except Exception as problem:  # a template can raise anything
            told = "" if isinstance(problem, UndefinedError) else f"{type(problem).__name__}: "
            raise UsageError(f"{where} can't be rendered: {told}{problem}") from None


def read_templates(folder: Path | None) -> PromptTemplates:
    """Our templates, and in their place those in the folder. Raises UsageError for a folder that can't be used."""
    if folder is None:
        return shipped_templates()
    if not folder.is_dir():
        raise UsageError(f"no folder {folder}; `retake prompts init {folder}` makes one with all prompts")
    files = sorted(file for file in folder.iterdir() if not file.name.startswith("."))
    names = [f"{name}.j2" for name in TEMPLATES]
    if not files:
        raise UsageError(f"no prompts in {folder}; known: {', '.join(names)}")
    if strangers := [file for file in files if file.name not in names]:
        raise UsageError(f"{strangers[0]} is none of the prompts; known: {', '.join(names)}")
    try:
        own = {file.stem: file.read_text(encoding="utf-8") for file in files}
    except UnicodeDecodeError as problem:
        raise UsageError(f"a prompt in {folder} is no UTF-8 text: {problem.reason}") from None
    return PromptTemplates(own, folder)


@cache
def shipped_templates() -> PromptTemplates:
    """Our templates, all of them."""
    return PromptTemplates()


def _render_block(template: Template, block: str, values: Mapping[str, Any]) -> str:
    return "".join(template.blocks[block](template.new_context(dict(values)))).strip()


_SAMPLE: dict[str, Any] = {
    "prompt": "a cat",
    "text": "A cat sits.",
    "checklist": ("Is there a cat?",),
    "modifiers": (ShownModifiers("scene", "a beach"),),
    "candidates": (ShownCandidate("good", "A cat.", "0.50", "motion 0.50", ("Is there a cat?",), "It stands still."),),
    "memory": ("Is there a cat? asked 2 ways in 4 renders, held in 1",),
    "failing": (ShownQuestion("q1", "Is there a cat?"),),
    "advice": (ShownAdvice("Is there a cat?", "Name it first.", "prompt"),),
    "style": "One sentence.",
    "words_min": 5,
    "words_max": 50,
    "word_limit": 100,
    "language": "English",
    "trigger_words": ("sks",),
}
"""Values that fill every variable: an own template is tried on them before anything is rendered with it."""

_BARE: dict[str, Any] = _SAMPLE | {
    "text": "", "checklist": (), "modifiers": (), "candidates": (), "memory": (), "failing": (), "advice": (),
    "style": "", "trigger_words": (),
}  # fmt: skip
"""As little as a template may get."""
