"""Training a rewriter, made small: a Llama of 50,000 weights that spells, rows as `distill pairs` writes them, runs."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from rich.console import Console
from safetensors.torch import load_file
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from agent.rewriter_card import RewriterBrief
from finetune.training.data import read_data
from finetune.training.dpo import train_dpo
from finetune.training.folder import TrainingFolder
from finetune.training.prepare import Prepared, prepare
from finetune.training.settings import DPOSettings, SFTSettings
from finetune.training.sft import train_sft

CHAT_TEMPLATE = (
    "{{ bos_token }}{% for message in messages %}[{{ message.role }}] {{ message.content }}"
    "{% if message.role == 'assistant' %}{{ eos_token }}{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}[assistant] {% endif %}"
)
BRIEF = RewriterBrief(
    template="{% block system %}\nWrite anew.\n{% endblock %}\n{% block user %}\n{{ prompt }}\n{% endblock %}\n"
)
QUICK = {"lora_r": 4, "batch_size": 4, "gradient_accumulation": 1, "logging_steps": 1, "warmup": 0.0}
NO_CONSOLE = Console(quiet=True)
COLOURS = ("red", "blue", "green", "black", "white", "pink", "grey", "gold")
SHAPES = ("ball", "box", "star", "ring", "cone")
PROMPTS = [f"{colour} {shape}" for shape in SHAPES for colour in COLOURS]


def save_tiny_llama(folder: Path, *, context: int = 512, template: str = CHAT_TEMPLATE) -> Path:
    """A random Llama with a byte tokenizer that adds <s> and </s> by itself, as Llama's own does with <s>."""
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    named = ["<s>", "</s>", "<pad>"]
    tokenizer = Tokenizer(models.BPE(vocab={piece: i for i, piece in enumerate([*named, *letters])}, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", special_tokens=[("<s>", 0), ("</s>", 1)]
    )
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, bos_token="<s>", eos_token="</s>", pad_token="<pad>", chat_template=template or None
    )
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=len(fast), hidden_size=48, intermediate_size=96, num_hidden_layers=2, num_attention_heads=4,
        num_key_value_heads=2, max_position_embeddings=context, bos_token_id=0, eos_token_id=1, pad_token_id=2,
        tie_word_embeddings=True, initializer_range=0.1,
    )  # fmt: skip
    LlamaForCausalLM(config).eval().save_pretrained(folder)
    fast.save_pretrained(folder)
    return folder


def better(prompt: str) -> str:
    """The text that won."""
    return f"a {prompt} rolls to the right"


def worse(prompt: str) -> str:
    """The text that lost."""
    return f"there is {prompt} here"


def sft_row(prompt: str) -> dict[str, Any]:
    return {
        "prompt": list(BRIEF.messages(prompt)),
        "completion": [{"role": "assistant", "content": better(prompt)}],
        "item_id": prompt.replace(" ", "-"),
        "renderer": "painter",
        "kind": "render",
        "why": "beat the prompt as typed on unseen seeds",
    }


def dpo_row(prompt: str, *, swapped: bool = False) -> dict[str, Any]:
    texts = [better(prompt), worse(prompt)]
    chosen, rejected = reversed(texts) if swapped else texts
    row = sft_row(prompt) | {
        "chosen": [{"role": "assistant", "content": chosen}],
        "rejected": [{"role": "assistant", "content": rejected}],
        "seeds": [0, 1],
    }
    return {name: value for name, value in row.items() if name != "completion"}


def write_rows(file: Path, rows: Sequence[Any]) -> None:
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


def write_data(folder: Path, *, train: int = 24, held_out: int = 8) -> Path:
    """Rows of SFT and DPO with their brief; every prompt is on one side."""
    folder.mkdir(parents=True)
    trained_on, tested_on = PROMPTS[:train], PROMPTS[len(PROMPTS) - held_out :]
    for name, row in (("sft", sft_row), ("dpo", dpo_row)):
        write_rows(folder / f"{name}.jsonl", [row(prompt) for prompt in trained_on])
        write_rows(folder / f"{name}_test.jsonl", [row(prompt) for prompt in tested_on])
    configs = [
        {
            "config_name": name,
            "data_files": [
                {"split": "train", "path": f"{name}.jsonl"},
                {"split": "test", "path": f"{name}_test.jsonl"},
            ],
        }
        for name in ("sft", "dpo")
    ]
    front = json.dumps({"configs": configs})
    (folder / "README.md").write_text(f"---\n{front}\n---\nJudged by shapes.\n", encoding="utf-8")
    (folder / "brief.json").write_text(BRIEF.model_dump_json(), encoding="utf-8")
    return folder


def sft(data: Path, out: Path, model: Path, console: Console = NO_CONSOLE, **settings: Any) -> Path:
    chosen = SFTSettings(model=str(model), **(QUICK | settings))
    train_sft(read_data(data, "sft"), TrainingFolder(out), chosen, console)
    return out


def dpo(data: Path, out: Path, model: Path, console: Console = NO_CONSOLE, **settings: Any) -> Path:
    chosen = DPOSettings(model=str(model), **({**QUICK, "lora_r": None} | settings))
    train_dpo(read_data(data, "dpo"), TrainingFolder(out), chosen, console)
    return out


def prepared_sft(data: Path, out: Path, model: Path, **settings: Any) -> Prepared[SFTSettings]:
    chosen = SFTSettings(model=str(model), **(QUICK | settings))
    return prepare("sft", read_data(data, "sft"), TrainingFolder(out), chosen, NO_CONSOLE)


def prepared_dpo(data: Path, out: Path, model: Path, **settings: Any) -> Prepared[DPOSettings]:
    chosen = DPOSettings(model=str(model), **({**QUICK, "lora_r": None} | settings))
    return prepare("dpo", read_data(data, "dpo"), TrainingFolder(out), chosen, NO_CONSOLE)


def log_of(out: Path, key: str) -> list[float]:
    lines = map(json.loads, (out / "log.jsonl").read_text(encoding="utf-8").splitlines())
    return [line[key] for line in lines if key in line]


def weights_of(out: Path) -> dict[str, torch.Tensor]:
    return load_file(out / "adapter_model.safetensors")
