"""A language model of random weights for `benchmarks/gate.py`: it says salad that half looks like the prompts."""

from pathlib import Path

import torch
import transformers
from tokenizers import Tokenizer, models, pre_tokenizers

from feedback.lexicon import words_of


def build_babbler(folder: Path, prompts: list[str]) -> Path:
    """A tiny chat model with random weights, whose vocabulary are the words of these prompts: it says salad of them."""
    words = sorted({word for prompt in prompts for word in words_of(prompt)} | {".", ","})
    special = ["<unk>", "<turn>", "<end>"]
    vocabulary = {word: number for number, word in enumerate([*special, *words])}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))  # noqa: S106 - no password
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    signs = {"unk_token": "<unk>", "eos_token": "<end>", "pad_token": "<end>"}
    fast = transformers.PreTrainedTokenizerFast(tokenizer_object=tokenizer, **signs)
    fast.chat_template = "{% for message in messages %}<turn> {{ message.content }} <end>{% endfor %}<turn>"
    torch.manual_seed(0)
    config = transformers.LlamaConfig(
        vocab_size=len(vocabulary),
        max_position_embeddings=8192,
        bos_token_id=None,
        eos_token_id=2,
        pad_token_id=2,
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
    )
    model = transformers.LlamaForCausalLM(config)
    model.generation_config.do_sample = True
    model.eval().save_pretrained(folder)
    fast.save_pretrained(folder)
    return folder
