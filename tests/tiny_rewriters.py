"""Tiny distilled rewriters for tests: folders as `retake distill` leaves them, whose model has learned a little."""

import shutil
from collections.abc import Mapping
from pathlib import Path

import torch
from serve import build_tiny_chat_model
from tiny_chat_models import save_adapter
from transformers import AutoModelForCausalLM, AutoTokenizer

from agent.prompts.templates import shipped_templates
from agent.rewriter_card import RewriterBrief, RewriterCard, write_card

BRIEF = RewriterBrief(template=shipped_templates().source("distilled"), style="painter")
LEARNED = {
    "a crimson ball drifting rightwards": "A red circle moves to the right.",
    "an azure box rises": "A blue square moves up.",
}
"""What a tiny rewriter answers to which prompt."""


def train_tiny_rewriter(folder: Path, learned: Mapping[str, str] = LEARNED, brief: RewriterBrief = BRIEF) -> Path:
    """A whole model that knows these answers by heart, in a few seconds on one core."""
    build_tiny_chat_model(folder)
    tokenizer, model = AutoTokenizer.from_pretrained(folder), AutoModelForCausalLM.from_pretrained(folder)
    rows = []
    for prompt, answer in learned.items():
        asked = tokenizer.apply_chat_template(
            brief.messages(prompt), add_generation_prompt=True, tokenize=True, return_dict=True
        )["input_ids"]
        said = [*tokenizer.encode(answer), tokenizer.eos_token_id]
        rows.append((asked + said, [-100] * len(asked) + said))
    width = max(len(ids) for ids, _ in rows)
    ids = torch.tensor([ids + [tokenizer.eos_token_id] * (width - len(ids)) for ids, _ in rows])
    labels = torch.tensor([row + [-100] * (width - len(row)) for _, row in rows])
    torch.manual_seed(0)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
    model.train()
    for _ in range(400):
        loss = model(input_ids=ids, labels=labels).loss
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if loss.item() < 0.01:
            break
    model.eval().save_pretrained(folder)
    write_card(folder, RewriterCard(kind="model", base="tiny", trained=("sft",), brief=brief))
    return folder


def save_tiny_adapter(base: Path, to: Path, scale: float = 0.0, brief: RewriterBrief = BRIEF) -> Path:
    """An adapter over this model; of scale 0 it changes nothing of what the model says."""
    save_adapter(base, to, scale)
    for file in ("tokenizer.json", "tokenizer_config.json", "chat_template.jinja"):
        if (base / file).is_file():
            shutil.copy(base / file, to / file)
    write_card(to, RewriterCard(kind="adapter", base=str(base), trained=("sft",), brief=brief))
    return to
