"""The pocket writer's tokenizer and chat template: byte-level BPE, so that any text can be encoded."""

from collections.abc import Iterator

import numpy as np
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

from examples.pocket.bench_prompts import COLOUR_WORDS, SHAPE_WORDS
from examples.pocket.writer_lore import TYPED_MOTIONS, TYPED_RELATIONS
from examples.pocket.writer_text import draw_document

VOCABULARY = 2048
END, PAD = "<|end|>", "<|pad|>"
ROLES = ("system", "user", "assistant")
CONTEXT_TOKENS = 1024
CHAT_TEMPLATE = """\
{%- for message in messages %}
{%- if message.role not in ["system", "user", "assistant"] %}
{{- raise_exception("the pocket writer knows no role " ~ message.role) }}
{%- elif message.role == "assistant" %}
{{- "<|assistant|>" }}{% generation %}{{ message.content + "<|end|>" }}{% endgeneration %}
{%- else %}
{{- "<|" ~ message.role ~ "|> " ~ message.content ~ "<|end|>" }}
{%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}{{ "<|assistant|>" }}{% endif -%}
"""
"""What a person types follows a space, so that its first word is the token that it is anywhere else."""
SAMPLE = 6000
"""Documents that the merges are counted on."""


def train_tokenizer() -> PreTrainedTokenizerFast:
    """The same one each time."""
    bpe = Tokenizer(models.BPE())
    bpe.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bpe.decoder = decoders.ByteLevel()
    specials = [PAD, END, *(f"<|{role}|>" for role in ROLES)]
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY,
        special_tokens=specials,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    bpe.train_from_iterator(_texts(), trainer)
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=bpe,
        eos_token=END,
        pad_token=PAD,
        additional_special_tokens=specials[2:],
        model_max_length=CONTEXT_TOKENS,
        clean_up_tokenization_spaces=False,
    )
    tokenizer.chat_template = CHAT_TEMPLATE
    return tokenizer


def _texts() -> Iterator[str]:
    rng = np.random.default_rng(0)
    for _ in range(SAMPLE):
        document = draw_document(rng)
        if isinstance(document, str):
            yield document
        else:
            yield from (f" {message['content']}" for message in document)
    words = [word for kinds in (COLOUR_WORDS, SHAPE_WORDS) for said in kinds.values() for word in said]
    yield from (f" {said}" for said in (*words, *TYPED_MOTIONS, *TYPED_RELATIONS) for _ in range(50))
