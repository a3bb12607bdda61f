"""Few-shot: one wording by the run's language model, which is shown pairs of prompts and good captions first."""

from collections.abc import Sequence
from dataclasses import replace

from agent.bench.methods.choose import choose_best
from agent.bench.records import Answer, BenchSettings
from agent.bench.studio import Studio
from agent.language_model import LanguageModel, Message
from agent.parts import Parts
from agent.prompts import PromptTemplates, Rewrite, rewrite_messages, write_reply
from agent.rewriter import Draft, RewriteTask
from agent.rewriter_card import RewriterBrief
from agent.rewriters.answer import Writer
from feedback.checklist import make_checklist

_SHAPES = (
    ("green ball going up", "A green circle moves up on a white background."),
    (
        "yellow box moving left, above a purple ball",
        "A yellow square moves to the left and a purple circle stays still on a white background. "
        "The yellow square is above the purple circle.",
    ),
    (
        "cyan pyramid standing still, right of a red box",
        "A cyan triangle stays still and a red square stays still on a gray background. "
        "The cyan triangle is to the right of the red square.",
    ),
)
_GENERAL = (
    (
        "dog catches frisbee",
        "A brown dog runs across a sunny meadow, leaps and catches a red frisbee in its mouth. The camera follows it "
        "from the side, the grass bends under its paws.",
    ),
    (
        "old man reading, rain",
        "An old man with a white beard sits in an armchair by a window and slowly turns the page of a book. Rain runs "
        "down the glass, a lamp lights the room in warm yellow. The camera stands still.",
    ),
    (
        "two boats at sunset",
        "Two small sailing boats glide side by side over calm water at sunset. Their white sails glow orange, the low "
        "sun is mirrored in the ripples behind them. A slow aerial view.",
    ),
)
Pairs = Sequence[tuple[str, str]]
EXAMPLES = {"pocket": _SHAPES, "painter": _SHAPES}
"""Pairs of a prompt as users type and a caption, by the captions that the renderer knows; for all others, general."""


class FewShot:
    """Examples and one wording, then best of N: by the run's language model, unless one is given.

    With a `brief` the model is told what a distilled rewriter is told, and the examples answer with the text alone;
    it is then asked as one, too, first at temperature 0.
    """

    def __init__(
        self,
        name: str = "few_shot",
        model: LanguageModel | None = None,
        renders: int | None = None,
        brief: RewriterBrief | None = None,
        tries: int = 1,
    ) -> None:
        self.name = name
        self._model, self._renders, self._brief, self._tries = model, renders, brief, tries

    def prepare(self, parts: Parts, settings: BenchSettings) -> str | None:  # noqa: ARG002
        """Needs a language model."""
        self._model = self._model or parts.language_model
        return None if self._model else "needs a language model; --rewriter llm names one"

    def answer(self, studio: Studio) -> Answer:
        """The rewrite's best clip. Raises ModelError when there is no rewrite."""
        model = self._model
        assert model  # noqa: S101 - prepare said so
        pairs = EXAMPLES.get(studio.parts.renderer.info.captions, _GENERAL)

        def ask(task: RewriteTask) -> list[Draft]:
            if self._brief:
                told = brief_messages(self._brief, task.prompt, pairs)
                return [_write(told, Writer(model, task.prompt, task.seed, 0.0 if task.is_first else None))]
            told = few_shot_messages(task, pairs, studio.parts.templates)
            return [_write(told, Writer(model, task.prompt, task.seed))]

        written = studio.write(self.name, ask, replace(studio.task, modifiers=()), self._tries)
        return choose_best(self.name, studio, written, self._renders)


def _write(messages: Sequence[Message], writer: Writer) -> Draft:
    answer = writer.ask(messages)
    return Draft(answer.rewrite.text, answer.rewrite.rationale, unusable=answer.unusable, **vars(answer.cost))


def brief_messages(brief: RewriterBrief, prompt: str, pairs: Pairs) -> list[Message]:
    """The brief's system text, each pair as a turn, then the prompt."""
    system, asked = brief.messages(prompt)
    turns: list[Message] = []
    for example, caption in pairs:
        turns += [brief.messages(example)[1], {"role": "assistant", "content": caption}]
    return [system, *turns, asked]


def few_shot_messages(task: RewriteTask, pairs: Pairs, templates: PromptTemplates | None = None) -> list[Message]:
    """The instruction, each pair as a turn in the same form as the task, then the task."""
    system, asked = rewrite_messages(task, templates)
    turns: list[Message] = []
    for prompt, caption in pairs:
        example = replace(task, prompt=prompt, checklist=tuple(make_checklist(prompt)))
        turns.append(rewrite_messages(example, templates)[1])
        turns.append({"role": "assistant", "content": write_reply(Rewrite(caption, "as its captions are written"))})
    return [system, *turns, asked]
