"""Rows as a model's trainer takes them: in its own chat format, and none longer than it may be."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from jinja2 import TemplateError

from agent.language_model import Message
from agent.llm.chat_format import ChatFormat
from feedback.errors import first_line
from feedback.pretrained import Pretrained
from finetune.errors import DistillError
from finetune.training.data import ANSWERS, Method, Row

NO_THOUGHTS = {"enable_thinking": False}
"""What the chat template is told in training, as it is in use."""


@dataclass(frozen=True)
class FittedRows:
    """Rows in TRL's conversational columns, with nothing else in them."""

    rows: list[Row]
    too_long: int
    """How many were left out."""
    longest: int
    """Tokens of the longest of all, those left out included."""
    is_as_in_use: bool
    """Whether each prompt has the tokens here that it has when the rewriter is used."""


class RowFormat:
    """How rows are given to one model: cleaned as in use, no longer than it reads.

    Args:
        files: The model; no weights are read.
        max_length: Most tokens of a row; the model's context, if that is shorter.

    Raises:
        UsageError: Its tokenizer can't be loaded, or has no chat template that works.
    """

    def __init__(self, files: Pretrained, max_length: int) -> None:
        self.name = files.name
        self.chat = ChatFormat(files)
        self.limit = min(max_length, self.chat.context_tokens or max_length)
        ends = files.config.get_text_config().eos_token_id
        known = [*(ends if isinstance(ends, list) else [ends]), self.chat.tokenizer.eos_token_id]
        self._ends = {token for token in known if token is not None}

    def fit(self, rows: Sequence[Row], method: Method) -> FittedRows:
        """The rows that are short enough; a row is never cut.

        Raises DistillError when none is left, or when the chat template can't teach the model to end its answer.
        """
        kept: list[Row] = []
        longest, is_as_in_use = 0, True
        for row in rows:
            fitted: Row = {"chat_template_kwargs": NO_THOUGHTS}
            length = 0
            for column in ANSWERS[method]:
                *prompt, answer = self.chat.clean([_plain(message) for message in (*row["prompt"], *row[column])])
                fitted |= {"prompt": prompt, column: [answer]}
                asked, whole = self._ids(prompt, add_generation_prompt=True), self._ids([*prompt, answer])
                self._check_end(whole[len(asked) :])
                length = max(length, len(whole))
                is_as_in_use = is_as_in_use and whole[: len(asked)] == asked
            longest = max(longest, length)
            if length <= self.limit:
                kept.append(fitted)
        if rows and not kept:
            raise DistillError(
                f"all {len(rows)} rows are longer than {self.limit:,} tokens (the longest has {longest:,}): raise "
                f"--max-length, or take a model with a longer context than {self.name}"
            )
        return FittedRows(kept, len(rows) - len(kept), longest, is_as_in_use)

    def _ids(self, messages: Sequence[Message], **how: Any) -> list[int]:
        try:
            chat = self.chat.tokenizer.apply_chat_template(
                list(messages), tokenize=True, return_dict=True, **how, **NO_THOUGHTS
            )
        except TemplateError as problem:
            raise DistillError(f"the chat template of {self.name} refuses the rows: {first_line(problem)}") from None
        return list(chat["input_ids"])

    def _check_end(self, answer: Sequence[int]) -> None:
        if not self._ends & set(answer):
            raise DistillError(
                f"the chat template of {self.name} puts no end token ({self.chat.tokenizer.eos_token!r}) behind an "
                "answer, so the model would never learn to stop: repair the template, or take another model"
            )


def _plain(message: Message) -> Message:
    return {"role": message["role"], "content": message["content"]}
