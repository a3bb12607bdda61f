"""What a chat model of this process is given: a chat in the model's own template, as token ids."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, cast

from jinja2 import TemplateError

from agent.errors import ModelError, UsageError
from agent.language_model import Message
from agent.llm.shipped import find_shipped

try:
    import transformers

    from feedback.errors import FeedbackError, first_line
    from feedback.pretrained import Pretrained, find_pretrained
    from feedback.torch_models import INSTALL_HINT
except ImportError as error:
    raise UsageError(f'models in this process need more packages ({error}): pip install "retake[render]"') from error

PROBE: list[Message] = [{"role": "system", "content": "Answer briefly."}, {"role": "user", "content": "Say OK."}]
"""What a template is tried with."""


def find_chat_model(name: str, revision: str | None = None) -> Pretrained:
    """The files of a model given as shipped name, folder or hub id; no weights are read. Raises UsageError."""
    try:
        return replace(find_pretrained(find_shipped(name), revision), name=name)
    except FeedbackError as problem:
        raise UsageError(str(problem)) from problem


class ChatFormat:
    """A model's tokenizer and chat template.

    What a message says can't end its own turn or begin another: special tokens in it are taken out. A template that
    has no place for a system message gets it at the head of the person's. Thoughts are switched off in templates that
    know the switch.

    Raises:
        UsageError: The tokenizer can't be loaded, or has no chat template that works.
    """

    def __init__(self, files: Pretrained) -> None:
        self._name = files.name
        self.tokenizer = _load_tokenizer(files)
        if not self.tokenizer.chat_template:
            raise UsageError(
                f"the model {files.name} has no chat template: name one that is trained to answer (Instruct), "
                "or a folder with a chat_template.jinja"
            )
        self.context_tokens: int | None = getattr(files.config.get_text_config(), "max_position_embeddings", None)
        self._takes_system = True
        if not self._accepts(PROBE):
            self._takes_system = False
            if not self._accepts(PROBE):
                raise UsageError(f"the chat template of {files.name} takes no message: get it anew, or repair it")

    def clean(self, messages: Sequence[Message]) -> list[Message]:
        """The messages as this model may be given them; those that came in stay as they are."""
        cleaned: list[Message] = [{**message, "content": self._unmarked(message["content"])} for message in messages]
        if self._takes_system or len(cleaned) < 2 or cleaned[0]["role"] != "system":
            return cleaned
        system, first, *rest = cleaned
        return [{**first, "content": f"{system['content']}\n\n{first['content']}"}, *rest]

    def encode(self, messages: Sequence[Message], max_tokens: int) -> list[int]:
        """Token ids, up to where the model's turn begins. Raises ModelError when no `max_tokens` fit behind them."""
        try:
            ids = self._render(self.clean(messages))
        except TemplateError as problem:
            raise ModelError(f"the chat template of {self._name} refuses the messages: {first_line(problem)}") from None
        if self.context_tokens is not None and len(ids) + max_tokens > self.context_tokens:
            raise ModelError(
                f"the messages take {len(ids)} tokens and the reply up to {max_tokens}, but {self._name} reads and "
                f"writes {self.context_tokens} in all; lower --max-tokens or use a model with a longer context"
            )
        return ids

    def _render(self, messages: Sequence[Message]) -> list[int]:
        # The template writes the start token itself where there is one: nothing is added to it.
        chat = self.tokenizer.apply_chat_template(
            list(messages), add_generation_prompt=True, tokenize=True, return_dict=True, enable_thinking=False
        )
        return list(cast("Sequence[int]", chat["input_ids"]))

    def _accepts(self, messages: Sequence[Message]) -> bool:
        try:
            return bool(self._render(self.clean(messages)))
        except TemplateError:
            return False

    def _unmarked(self, text: str) -> str:
        for token in self.tokenizer.added_tokens_decoder.values():
            if token.special:
                text = text.replace(token.content, " ")
        return text


def _load_tokenizer(files: Pretrained) -> Any:
    try:
        return transformers.AutoTokenizer.from_pretrained(files.location, **files.where)
    except ImportError as error:
        raise UsageError(
            f"the tokenizer of {files.name} needs more packages ({first_line(error)}): {INSTALL_HINT}"
        ) from error
    except Exception as error:
        raise UsageError(f"the tokenizer of {files.name} can't be loaded ({first_line(error)}): get it anew") from error
