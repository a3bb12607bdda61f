"""Pretrains the pocket writer: `python -m examples.pocket.pretrain_writer OUT`. Stopped at any moment, it resumes.

In OUT: `log.jsonl` (losses, also on scenes that are held out), `checkpoint.pt`, and at the end `model/`: weights in
bfloat16, tokenizer with chat template, generation settings, as transformers saves them.
"""

import json
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import torch
import typer
from torch import Tensor, nn
from torch.nn import functional
from transformers import GenerationConfig, Qwen3Config, Qwen3ForCausalLM

from agent.errors import UsageError
from examples.pocket.training_log import forget_after
from examples.pocket.watch import held_out_scenes
from examples.pocket.writer_text import Document, draw_document, pocket_chat
from examples.pocket.writer_tokenizer import CONTEXT_TOKENS, train_tokenizer

UNREAD = -100
"""Label of a token whose prediction is not trained: what others say in a chat, and padding."""
WATCHED_CHATS = 64


@dataclass(frozen=True)
class Recipe:
    """Everything that the result depends on, besides what is read."""

    steps: int
    rows: int = 4
    """Of a batch."""
    row_tokens: int = 192
    learning_rate: float = 3e-3
    warmup_steps: int = 50
    decay_share: float = 0.5
    """Of the steps, at the end, over which the learning rate falls to zero."""
    width: int = 128
    layers: int = 4
    heads: int = 4
    inner_width: int = 352
    seed: int = 0


class Trainer:
    """The model and its optimizer at some step of a recipe."""

    def __init__(self, recipe: Recipe) -> None:
        torch.manual_seed(recipe.seed)
        self.recipe, self.step = recipe, 0
        self.rng = np.random.default_rng(recipe.seed)
        self.tokenizer = train_tokenizer()
        self.model = make_model(recipe, self.tokenizer)
        self.optimizer = torch.optim.AdamW(
            self.model.parameters(), lr=recipe.learning_rate, betas=(0.9, 0.95), weight_decay=0.05, fused=True
        )
        watched = np.random.default_rng(1)
        chats = [pocket_chat(scene, watched) for scene in held_out_scenes(WATCHED_CHATS)]
        self._watched = _batch([self._encode(chat) for chat in chats], recipe.row_tokens)

    def take_step(self) -> float:
        """One step of gradient descent; its loss, nats a token."""
        for group in self.optimizer.param_groups:
            group["lr"] = self.recipe.learning_rate * _lr_factor(self.step, self.recipe)
        rows = [self._draw_row() for _ in range(self.recipe.rows)]
        loss = self._loss(*_batch(rows, self.recipe.row_tokens))
        loss.backward()
        nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        self.optimizer.step()
        self.optimizer.zero_grad()
        self.step += 1
        return loss.item()

    @torch.no_grad()
    def held_out_loss(self) -> float:
        """On answers to chats of held-out scenes, nats a token."""
        return self._loss(*self._watched).item()

    def _loss(self, ids: Tensor, labels: Tensor) -> Tensor:
        hidden = self.model.model(ids).last_hidden_state[:, :-1]
        asked = labels[:, 1:]
        read = asked != UNREAD
        return functional.cross_entropy(self.model.lm_head(hidden[read]), asked[read])

    def _draw_row(self) -> tuple[list[int], list[int]]:
        """Whole documents one after the other, and the beginning of the last; a row begins where a document does."""
        ids: list[int] = []
        labels: list[int] = []
        while len(ids) < self.recipe.row_tokens:
            read, said = self._encode(draw_document(self.rng))
            ids += read
            labels += said
        return ids, labels

    def _encode(self, document: Document) -> tuple[list[int], list[int]]:
        """Token ids, and the same as labels; of a chat only what the assistant says is a label."""
        if isinstance(document, str):
            ids = [*self.tokenizer(document).input_ids, self.tokenizer.eos_token_id]
            return ids, ids
        messages: list[Any] = [*document]
        chat: Any = self.tokenizer.apply_chat_template(messages, return_dict=True, return_assistant_tokens_mask=True)
        said = [i if own else UNREAD for i, own in zip(chat["input_ids"], chat["assistant_masks"], strict=True)]
        return chat["input_ids"], said

    def state(self) -> dict[str, Any]:
        """What a checkpoint holds."""
        return {
            "recipe": asdict(self.recipe),
            "step": self.step,
            "model": self.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "rng": json.dumps(self.rng.bit_generator.state),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Goes on from a checkpoint. Raises UsageError when it was made by another recipe."""
        before, now = state["recipe"], asdict(self.recipe)
        if changed := [name for name in now if before[name] != now[name]]:
            told = ", ".join(f"{name} {before[name]!r}, not {now[name]!r}" for name in changed)
            raise UsageError(f"the checkpoint was made with {told}: give the same, or use another folder")
        self.step = state["step"]
        self.model.load_state_dict(state["model"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.rng.bit_generator.state = json.loads(state["rng"])

    def save(self, folder: Path) -> None:
        """Weights in bfloat16, tokenizer and generation settings."""
        saved: Any = make_model(self.recipe, self.tokenizer)
        saved.load_state_dict(self.model.state_dict())
        saved.to(torch.bfloat16).save_pretrained(folder)
        self.tokenizer.save_pretrained(folder)


def make_model(recipe: Recipe, tokenizer: Any) -> Qwen3ForCausalLM:
    """With random weights, for the words of this tokenizer."""
    special = {"bos_token_id": None, "eos_token_id": tokenizer.eos_token_id, "pad_token_id": tokenizer.pad_token_id}
    model = Qwen3ForCausalLM(
        Qwen3Config(
            vocab_size=len(tokenizer),
            hidden_size=recipe.width,
            intermediate_size=recipe.inner_width,
            num_hidden_layers=recipe.layers,
            num_attention_heads=recipe.heads,
            num_key_value_heads=recipe.heads,
            head_dim=recipe.width // recipe.heads,
            max_position_embeddings=CONTEXT_TOKENS,
            tie_word_embeddings=True,
            initializer_range=recipe.width**-0.5,
            **special,
        )
    )
    model.generation_config = GenerationConfig(do_sample=True, temperature=0.7, max_new_tokens=128, **special)
    return model


def pretrain(out: Path, recipe: Recipe, *, every: int = 100) -> Path:
    """The folder of the trained model; checkpoints and logs go to `out` every so many steps.

    Raises UsageError when `out` holds the checkpoint of another recipe.
    """
    trainer, checkpoint = Trainer(recipe), out / "checkpoint.pt"
    if checkpoint.exists():
        trainer.restore(torch.load(checkpoint, weights_only=True))
        print(f"going on at step {trainer.step} of {recipe.steps}")
    out.mkdir(parents=True, exist_ok=True)
    forget_after(trainer.step, out / "log.jsonl")
    recent: list[float] = []
    began, since = time.process_time(), trainer.step
    while trainer.step < recipe.steps:
        recent.append(trainer.take_step())
        if trainer.step % every and trainer.step < recipe.steps:
            continue
        entry = {
            "step": trainer.step,
            "loss": round(float(np.mean(recent)), 4),
            "held_out_loss": round(trainer.held_out_loss(), 4),
            "cpu_seconds_per_step": round((time.process_time() - began) / (trainer.step - since), 4),
        }
        with (out / "log.jsonl").open("a", encoding="utf-8") as log:
            log.write(json.dumps(entry) + "\n")
        print(" ".join(f"{name} {value}" for name, value in entry.items()), flush=True)
        torch.save(trainer.state(), unfinished := checkpoint.with_suffix(".new"))
        unfinished.replace(checkpoint)
        recent, began, since = [], time.process_time(), trainer.step
    trainer.save(out / "model")
    return out / "model"


def _batch(rows: list[tuple[list[int], list[int]]], length: int) -> tuple[Tensor, Tensor]:
    """Token ids and labels, int64 [row, token], cut at `length` and padded to the longest."""
    longest = min(length, max(len(ids) for ids, _ in rows))
    ids, labels = torch.zeros(len(rows), longest, dtype=torch.long), torch.full((len(rows), longest), UNREAD)
    for row, (read, said) in enumerate(rows):
        ids[row, : len(read)] = torch.tensor(read[:longest])
        labels[row, : len(said)] = torch.tensor(said[:longest])
    return ids, labels


def _lr_factor(step: int, recipe: Recipe) -> float:
    left = (recipe.steps - step) / (recipe.decay_share * recipe.steps)
    return min(1.0, (step + 1) / recipe.warmup_steps, left)


def _main(
    out: Annotated[Path, typer.Argument(help="Folder for checkpoints, the log and the model.")],
    steps: Annotated[int, typer.Option(min=1)] = 2800,
    every: Annotated[int, typer.Option(min=1, help="Steps between checkpoints.")] = 100,
    seed: int = 0,
) -> None:
    """Pretrain the pocket writer, or go on from OUT's checkpoint."""
    try:
        print(pretrain(out, Recipe(steps, seed=seed), every=every))
    except UsageError as problem:
        raise SystemExit(f"error: {problem}") from None


if __name__ == "__main__":
    typer.run(_main)
