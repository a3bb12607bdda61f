"""Trains the critic: `python -m examples.pocket.train_critic OUT`. Stopped at any moment, it resumes at its checkpoint.

In OUT: `log.jsonl` (the losses), `checkpoint.pt`, and at the end `critic.safetensors`, which
feedback/judges/critic_model ships. Every label is what was drawn; no judge is asked.
"""

import json
import math
import time
from collections import defaultdict
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import torch
import typer
from numpy.typing import NDArray
from safetensors.torch import save_file
from torch import Tensor
from torch.nn import functional

from agent.errors import UsageError
from examples.pocket.checkpoint import check_recipe, save_checkpoint
from examples.pocket.critic_clips import UNCLEAR, Truth, free_example, scene_example
from examples.pocket.critic_damage import RoundTrip, damage, load_vae
from examples.pocket.world import split_scenes
from feedback.judges.critic_network import CriticNetwork, to_batch

WEIGHTS = {
    "pixels": 2.0,
    "background": 0.5,
    "number": 1.0,
    "number_of": 3.0,
    "shape": 1.0,
    "motion": 1.0,
    "relation": 1.0,
}
"""Of the losses. Most colours are absent from most clips: the few that are there would count for little otherwise."""


@dataclass(frozen=True)
class Recipe:
    """Everything that the result depends on."""

    steps: int
    batch_size: int = 32
    learning_rate: float = 4e-3
    weight_decay: float = 0.02
    warmup_steps: int = 40
    free_share: float = 0.5
    """Of the clips, those that are no scene of the pocket world."""
    one_thing_share: float = 0.25
    """Of the scenes."""
    seed: int = 0


class Trainer:
    """The network and its optimizer at some step of a recipe."""

    def __init__(self, recipe: Recipe) -> None:
        torch.manual_seed(recipe.seed)
        self.recipe, self.step = recipe, 0
        self.rng = np.random.default_rng(recipe.seed)
        self.scenes = split_scenes(held_out=False)
        self.coder = RoundTrip(load_vae())
        self.network = CriticNetwork().to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
        self.optimizer = torch.optim.AdamW(self.network.parameters(), weight_decay=recipe.weight_decay)

    def take_step(self) -> dict[str, float]:
        """One step of gradient descent; its losses by fact, and their weighted sum."""
        for group in self.optimizer.param_groups:
            group["lr"] = self.recipe.learning_rate * _lr_factor(self.step, self.recipe)
        clips, truth = self._draw_batch()
        self.network.train()
        losses = losses_of(self.network(to_batch(clips)), truth)
        total = sum((WEIGHTS[name] * loss for name, loss in losses.items()), torch.zeros(()))
        self.optimizer.zero_grad()
        total.backward()
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), 1.0)
        self.optimizer.step()
        self.step += 1
        return {"loss": total.item()} | {name: loss.item() for name, loss in losses.items()}

    def _draw_batch(self) -> tuple[NDArray[np.uint8], list[Truth]]:
        drawn = [self._draw() for _ in range(self.recipe.batch_size)]
        return damage(self.coder, np.stack([frames for frames, _ in drawn]), self.rng), [truth for _, truth in drawn]

    def _draw(self) -> tuple[NDArray[np.uint8], Truth]:
        if self.rng.random() < self.recipe.free_share:
            return free_example(self.rng)
        scenes = self.scenes[0 if self.rng.random() < self.recipe.one_thing_share else 1]
        return scene_example(scenes[self.rng.integers(len(scenes))], self.rng)

    def state(self) -> dict[str, Any]:
        """What a checkpoint holds."""
        return {
            "recipe": asdict(self.recipe),
            "step": self.step,
            "network": self.network.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "rng": json.dumps(self.rng.bit_generator.state),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Goes on from a checkpoint. Raises UsageError when more differs than how long and in what batches."""
        check_recipe(state["recipe"], asdict(self.recipe), may_change={"steps", "batch_size"})
        self.step = state["step"]
        self.network.load_state_dict(state["network"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.rng.bit_generator.state = json.loads(state["rng"])


def losses_of(logits: dict[str, Tensor], truth: list[Truth]) -> dict[str, Tensor]:
    """Mean cross-entropy of each fact against its soft labels; what has no label does not count."""
    losses = {}
    for name, told in logits.items():
        if name == "pixels":
            shown = torch.from_numpy(np.stack([labels[name] for labels in truth]))
            losses[name] = functional.cross_entropy(told.transpose(1, 2), shown, ignore_index=UNCLEAR)
            continue
        wanted = torch.from_numpy(np.stack([labels[name] for labels in truth])).float()
        known = ~wanted.isnan().any(-1)
        told, wanted = told[known], wanted[known]
        if name in ("shape", "relation"):
            losses[name] = functional.binary_cross_entropy_with_logits(told, wanted) if len(told) else told.sum()
        else:
            losses[name] = functional.cross_entropy(told, wanted) if len(told) else told.sum()
    return losses


def train(out: Path, recipe: Recipe, *, every: int = 50) -> Path:
    """The file with the trained weights; checkpoints and logs go to `out` every so many steps. Raises UsageError."""
    trainer, checkpoint = Trainer(recipe), out / "checkpoint.pt"
    if checkpoint.exists():
        trainer.restore(torch.load(checkpoint, weights_only=True))
        print(f"going on at step {trainer.step} of {recipe.steps}")
    out.mkdir(parents=True, exist_ok=True)
    recent: dict[str, list[float]] = defaultdict(list)
    began, since = time.monotonic(), trainer.step
    while trainer.step < recipe.steps:
        for name, loss in trainer.take_step().items():
            recent[name].append(loss)
        if trainer.step % every and trainer.step < recipe.steps:
            continue
        entry = {"step": trainer.step, "seconds_per_step": (time.monotonic() - began) / (trainer.step - since)}
        entry |= {name: float(np.mean(losses)) for name, losses in recent.items()}
        with (out / "log.jsonl").open("a") as log:
            log.write(json.dumps({name: round(value, 4) for name, value in entry.items()}) + "\n")
        print(" ".join(f"{name} {value:.3g}" for name, value in entry.items()), flush=True)
        save_checkpoint(trainer.state(), checkpoint)
        recent.clear()
        began, since = time.monotonic(), trainer.step
    weights = {name: weight.contiguous() for name, weight in trainer.network.state_dict().items()}
    save_file(weights, out / "critic.safetensors")
    return out / "critic.safetensors"


def _lr_factor(step: int, recipe: Recipe) -> float:
    """Up in a straight line, then down to zero along a cosine."""
    return min((step + 1) / recipe.warmup_steps, (1 + math.cos(math.pi * step / recipe.steps)) / 2)


def main(
    out: Annotated[Path, typer.Argument(help="Folder for log, checkpoint and weights.")],
    steps: Annotated[int, typer.Option(min=1)] = 900,
    batch_size: Annotated[int, typer.Option(min=2)] = 32,
    every: Annotated[int, typer.Option(min=1, help="Steps from one checkpoint to the next.")] = 50,
    seed: Annotated[int, typer.Option()] = 0,
) -> None:
    """Train the critic on one thread."""
    torch.set_num_threads(1)
    try:
        print(train(out, Recipe(steps=steps, batch_size=batch_size, seed=seed), every=every))
    except UsageError as problem:
        raise SystemExit(f"error: {problem}") from None


if __name__ == "__main__":
    typer.run(main)
