"""rewriter.json: what a distilled rewriter was trained to be told, kept beside its weights.

Pairs, training and use read the same brief, so that a model gets in use the very text that it was trained on.
"""

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from agent.caption_styles import GENERAL
from agent.errors import UsageError
from agent.language_model import Message
from agent.prompts import PromptTemplates, distilled_messages
from agent.rewriter import RewriteTask
from agent.run_folder import write_text

CARD_FILE = "rewriter.json"


class RewriterBrief(BaseModel):
    """All that goes into a distilled rewriter's messages but the prompt."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    template: str
    """Source of the template "distilled"."""
    style: str = GENERAL
    """Family of the generator, a key of `agent.caption_styles`."""
    target_lang: str = "en"
    word_limit: int = 120
    generator_words: int | None = None
    trigger_words: tuple[str, ...] = ()

    def messages(self, prompt: str) -> list[Message]:
        """System and user message for this prompt."""
        task = RewriteTask(
            prompt=prompt,
            style=self.style,
            target_lang=self.target_lang,
            word_limit=self.word_limit,
            generator_words=self.generator_words,
            trigger_words=self.trigger_words,
        )
        return distilled_messages(task, PromptTemplates({"distilled": self.template}))


def brief_of(task: RewriteTask, templates: PromptTemplates) -> RewriterBrief:
    """The brief under which `distilled_messages` of this task says the same."""
    return RewriterBrief(
        template=templates.source("distilled"),
        style=task.style,
        target_lang=task.target_lang,
        word_limit=task.word_limit,
        generator_words=task.generator_words,
        trigger_words=task.trigger_words,
    )


class RewriterCard(BaseModel):
    """A trained rewriter: a folder with weights, tokenizer, and this."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    schema_version: Literal[1] = 1
    kind: Literal["adapter", "model"]
    """Whether the weights are a LoRA adapter over `base`, or a whole model."""
    base: str
    """Hub id or folder of the model that training began with."""
    base_revision: str | None = None
    trained: tuple[str, ...] = ()
    """What was done to it, in order, e.g. ("sft", "dpo")."""
    brief: RewriterBrief


def is_rewriter_folder(path: Path) -> bool:
    """Whether a trained rewriter stands in this folder."""
    return (path / CARD_FILE).is_file()


def read_card(folder: Path) -> RewriterCard:
    """The card in this folder. Raises UsageError when there is none, or it can't be read."""
    file = folder / CARD_FILE
    try:
        return RewriterCard.model_validate_json(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UsageError(f"{folder} holds no {CARD_FILE}: name a folder that `retake distill` has made") from None
    except (OSError, UnicodeDecodeError) as problem:
        raise UsageError(f"{file} can't be read: {problem}") from None
    except ValidationError as problem:
        first = problem.errors()[0]
        where = ".".join(map(str, first["loc"])) or "the file"
        raise UsageError(f"{file} describes no rewriter: {where}: {first['msg']}; train or merge it anew") from None


def write_card(folder: Path, card: RewriterCard) -> None:
    """Writes the card into the folder, whole or not at all."""
    write_text(folder / CARD_FILE, card.model_dump_json(indent=2) + "\n")
