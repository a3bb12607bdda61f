"""Trains the pocket model: `python -m examples.pocket.train OUT`. Stopped at any moment, it resumes at its checkpoint.

In OUT: `log.jsonl` (losses, checker accuracies on held-out scenes), `sheet-*.png` (held-out samples), `checkpoint.pt`,
and at the end `model/`, the pipeline in float16 as diffusers saves it.
"""

import json
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import torch
import typer
from diffusers.models.autoencoders.autoencoder_kl_wan import AutoencoderKLWan
from diffusers.models.transformers.transformer_wan import WanTransformer3DModel
from torch import Tensor, nn
from torch.nn import functional
from transformers import UMT5EncoderModel

from agent.errors import UsageError
from agent.renderers.painter_grammar import COLOURS, MOTIONS, RELATIONS, SHAPES, Relation
from agent.renderers.pocket import SIDE_PX
from examples.pocket.attention import install_training_attention
from examples.pocket.captions import training_caption
from examples.pocket.checkpoint import check_recipe, save_checkpoint
from examples.pocket.contact_sheet import write_sheet
from examples.pocket.drawing import Drawn, draw
from examples.pocket.model import (
    LONGEST_TEXT,
    TEXT_WIDTH,
    WIDTH,
    make_pipeline,
    make_text_encoder,
    make_tokenizer,
    make_transformer,
)
from examples.pocket.training_log import forget_after
from examples.pocket.vae import Latents, fit_vae
from examples.pocket.watch import held_out_scenes, sample
from examples.pocket.world import Kind, Scene, canonical, split_scenes

TOKEN_PX = 8
NUM_LABELS = len(COLOURS) + len(SHAPES) + len(MOTIONS)
NUM_ROLES = len(SHAPES) + len(MOTIONS) + len(RELATIONS)
HINT_AFTER_BLOCK = 3
WATCHED_SCENES = 48


@dataclass(frozen=True)
class Recipe:
    """Everything that the result depends on."""

    steps: int
    batch_size: int = 48
    muon_lr: float = 2e-3
    adam_lr: float = 2e-3
    decay_share: float = 0.4
    """Of the steps, at the end, over which the learning rates fall to zero."""
    warmup_steps: int = 100
    ema: float = 0.999
    hint_weight: float = 0.5
    """Of the throw-away head that names what each token of the clip shows."""
    role_weight: float = 0.5
    """Of the one that says for each colour word of the caption what its thing is, does and stands to the other."""
    one_thing_share: float = 0.2
    seed: int = 0
    start: str | None = None
    """Folder of the trained pipeline whose weights it begins with; None is from scratch."""


class Trainer:
    """The models, their optimizers and their averages, at some step of a recipe."""

    def __init__(self, recipe: Recipe) -> None:
        torch.manual_seed(recipe.seed)
        self.recipe, self.step = recipe, 0
        self.rng = np.random.default_rng(recipe.seed)
        self.scenes = split_scenes(held_out=False)
        self.tokenizer = make_tokenizer()
        self.vae = _fit_vae(self.scenes)
        self.latents = Latents(self.vae)
        self.networks = nn.ModuleDict({
            "transformer": make_transformer(),
            "text_encoder": make_text_encoder(len(self.tokenizer)),
            "hint": nn.Linear(WIDTH, NUM_LABELS),
            "roles": nn.Linear(TEXT_WIDTH, NUM_ROLES),
        })  # fmt: skip
        self.average = {name: weight.detach().clone() for name, weight in self.networks.state_dict().items()}
        self.optimizers = _make_optimizers(self.networks, recipe)
        self.attention = install_training_attention(self._transformer)
        self._hidden: Tensor | None = None
        self._transformer.blocks[HINT_AFTER_BLOCK].register_forward_hook(self._keep_hidden)

    @property
    def _transformer(self) -> Any:
        return self.networks["transformer"]

    def _keep_hidden(self, _block: nn.Module, _inputs: Any, output: Tensor) -> None:
        self._hidden = output

    def take_step(self) -> dict[str, float]:
        """One step of gradient descent; its losses, by how noisy the clips were."""
        factor = _lr_factor(self.step, self.recipe)
        for optimizer, rate in zip(self.optimizers, (self.recipe.muon_lr, self.recipe.adam_lr), strict=True):
            for group in optimizer.param_groups:
                group["lr"] = rate * factor
        scenes, clean, captions, labels = self._draw_batch()
        tokens = self.tokenizer(captions, padding=True, truncation=True, return_tensors="pt")
        noise = torch.randn(clean.shape)
        sigma = _draw_sigmas(len(clean))
        at = sigma.view(-1, 1, 1, 1, 1)
        velocity, text = self._predict((1 - at) * clean + at * noise, sigma, tokens)
        errors = (velocity - (noise - clean)).square().mean(dim=(1, 2, 3, 4))
        assert self._hidden is not None  # noqa: S101 - the hook ran
        hint = functional.binary_cross_entropy_with_logits(self.networks["hint"](self._hidden.float()), labels)
        roles = self._role_loss(text, tokens.input_ids, scenes)
        (errors.mean() + self.recipe.hint_weight * hint + self.recipe.role_weight * roles).backward()
        nn.utils.clip_grad_norm_(self.networks.parameters(), 1.0)
        for optimizer in self.optimizers:
            optimizer.step()
            optimizer.zero_grad()
        self.step += 1
        self._update_average()
        named = {"loss": errors.mean(), "hint": hint, "roles": roles}
        for low, high in ((0, 0.3), (0.3, 0.6), (0.6, 0.8), (0.8, 0.92), (0.92, 1)):
            if (here := (sigma >= low) & (sigma < high)).any():
                named[f"loss_{low}-{high}"] = errors[here].mean()
        return {name: value.item() for name, value in named.items()}

    def _draw_batch(self) -> tuple[list[Scene], Tensor, list[str], Tensor]:
        scenes = [_pick(self.scenes, self.rng, self.recipe.one_thing_share) for _ in range(self.recipe.batch_size)]
        drawn = [draw(scene, self.rng) for scene in scenes]
        captions = [training_caption(scene, self.rng) for scene in scenes]
        labels = np.stack([_token_labels(scene, clip) for scene, clip in zip(scenes, drawn, strict=True)])
        return scenes, self.latents.of(np.stack([clip.frames for clip in drawn])), captions, torch.from_numpy(labels)

    def _predict(self, noisy: Tensor, sigma: Tensor, tokens: Any) -> tuple[Tensor, Tensor]:
        """The velocities, and the encoded texts [caption, token, width]."""
        lengths = tokens.attention_mask.sum(1)
        # As long as the pipeline may pad a text to, but at least as long as the longest here.
        shortest = float(np.log(tokens.input_ids.shape[1] + 1))
        padded_to = torch.exp(torch.rand(len(noisy)) * (np.log(LONGEST_TEXT) - shortest) + shortest).round()
        self.attention.set_padding(tokens.attention_mask, padded_to - lengths)
        with torch.autocast("cpu", torch.bfloat16):
            text = self.networks["text_encoder"](tokens.input_ids, tokens.attention_mask).last_hidden_state
            padded = functional.pad(text * tokens.attention_mask[..., None], (0, 0, 0, 1))
            return self._transformer(noisy, sigma * 1000, padded, return_dict=False)[0].float(), text.float()

    def _role_loss(self, text: Tensor, ids: Tensor, scenes: list[Scene]) -> Tensor:
        """How badly each colour word's thing is understood: its shape, its motion, and where it stands to the other."""
        told, truth = [], []
        for encoded, words, scene in zip(text, ids, scenes, strict=True):
            for kind, roles in _roles(scene):
                colour = self.tokenizer.convert_tokens_to_ids(kind.colour)
                mentions = encoded[words == colour]
                told.append(mentions)
                truth.append(roles.expand(len(mentions), -1))
        logits = self.networks["roles"](torch.cat(told))
        if not len(logits):
            return logits.sum()
        return functional.binary_cross_entropy_with_logits(logits, torch.cat(truth))

    @torch.no_grad()
    def _update_average(self) -> None:
        keep = min(self.recipe.ema, (1 + self.step) / (10 + self.step))
        for name, weight in self.networks.state_dict().items():
            self.average[name].lerp_(weight, 1 - keep)

    def averaged_pipeline(self) -> Any:
        """The pipeline with the averaged weights."""
        parts: dict[str, Any] = {
            "transformer": make_transformer(),
            "text_encoder": make_text_encoder(len(self.tokenizer)),
        }
        for name, part in parts.items():
            part.load_state_dict(
                {key.removeprefix(f"{name}."): w for key, w in self.average.items() if key.startswith(f"{name}.")}
            )
            part.eval()
        return make_pipeline(self.tokenizer, vae=self.vae, **parts)

    def state(self) -> dict[str, Any]:
        """What a checkpoint holds."""
        return {
            "recipe": asdict(self.recipe),
            "step": self.step,
            "networks": self.networks.state_dict(),
            "average": self.average,
            "optimizers": [optimizer.state_dict() for optimizer in self.optimizers],
            "rng": json.dumps(self.rng.bit_generator.state),
            "torch_rng": torch.get_rng_state(),
        }

    def start_from(self, model: Path) -> None:
        """Begins with the weights of a trained pipeline; the throw-away heads are new. Raises UsageError."""
        if not (model / "model_index.json").is_file():
            raise UsageError(f"no trained pipeline in {model}: name a folder that holds model_index.json")
        for part, made in (("transformer", WanTransformer3DModel), ("text_encoder", UMT5EncoderModel)):
            trained: Any = made.from_pretrained(model / part, torch_dtype=torch.float32)
            self.networks[part].load_state_dict(trained.state_dict())
        self.average = {name: weight.detach().clone() for name, weight in self.networks.state_dict().items()}

    def restore(self, state: dict[str, Any]) -> None:
        """Goes on from a checkpoint. Raises UsageError when more differs than the steps still to go."""
        check_recipe(asdict(Recipe(**state["recipe"])), asdict(self.recipe), may_change={"steps"})
        self.step = state["step"]
        if self.step > self.recipe.steps:
            raise UsageError(f"{self.step} steps are done already: ask for as many or more, or use another folder")
        self.networks.load_state_dict(state["networks"])
        self.average = state["average"]
        for optimizer, saved in zip(self.optimizers, state["optimizers"], strict=True):
            optimizer.load_state_dict(saved)
        self.rng.bit_generator.state = json.loads(state["rng"])
        torch.set_rng_state(state["torch_rng"])


def train(out: Path, recipe: Recipe, *, every: int = 500) -> Path:
    """The folder of the trained pipeline; checkpoints, logs and samples go to `out` every so many steps.

    Raises UsageError when `out` holds the checkpoint of another recipe, or there is no pipeline to start from.
    """
    trainer, checkpoint = Trainer(recipe), out / "checkpoint.pt"
    if checkpoint.exists():
        trainer.restore(torch.load(checkpoint, weights_only=True))
        print(f"going on at step {trainer.step} of {recipe.steps}")
    elif recipe.start:
        trainer.start_from(Path(recipe.start))
    out.mkdir(parents=True, exist_ok=True)
    forget_after(trainer.step, out / "log.jsonl")
    recent: list[dict[str, float]] = []
    began, since = time.monotonic(), trainer.step
    while trainer.step < recipe.steps:
        recent.append(trainer.take_step())
        if trainer.step % every and trainer.step < recipe.steps:
            continue
        entry: dict[str, Any] = {"step": trainer.step, **_means(recent)}
        entry["seconds_per_step"] = (time.monotonic() - began) / (trainer.step - since)
        entry |= _watch(trainer, out)
        with (out / "log.jsonl").open("a") as log:
            log.write(json.dumps({k: round(v, 4) for k, v in entry.items()}) + "\n")
        print(" ".join(f"{k} {v:.3f}" if isinstance(v, float) else f"{k} {v}" for k, v in entry.items()), flush=True)
        save_checkpoint(trainer.state(), checkpoint)
        recent, began, since = [], time.monotonic(), trainer.step
    pipeline = trainer.averaged_pipeline().to(dtype=torch.float16)
    pipeline.save_pretrained(out / "model")
    return out / "model"


def _watch(trainer: Trainer, out: Path) -> dict[str, float]:
    """Accuracies on held-out scenes by the averaged weights; writes a contact sheet."""
    scenes = held_out_scenes(WATCHED_SCENES)
    clips, accuracies = sample(trainer.averaged_pipeline(), scenes)
    write_sheet(out / f"sheet-{trainer.step:06}.png", clips[:16], [canonical(scene) for scene in scenes[:16]])
    return accuracies


def _fit_vae(scenes: tuple[list[Scene], list[Scene]]) -> AutoencoderKLWan:
    rng = np.random.default_rng(0)
    return fit_vae(np.stack([draw(_pick(scenes, rng, 0.5), rng).frames for _ in range(1000)]))


def _pick(scenes: tuple[list[Scene], list[Scene]], rng: np.random.Generator, one_thing_share: float) -> Scene:
    chosen = scenes[0] if rng.random() < one_thing_share else scenes[1]
    return chosen[rng.integers(len(chosen))]


def _token_labels(scene: Scene, drawn: Drawn) -> np.ndarray:
    """Which colours, shapes and motions there are in each token's 8 x 8 px, float32 [token, label] of 0 and 1."""
    grid = (np.arange(SIDE_PX // TOKEN_PX) + 0.5) * TOKEN_PX
    labels = np.zeros((len(drawn.frames), len(grid), len(grid), NUM_LABELS), np.float32)
    movers = ((scene.thing, scene.motion), (scene.companion, "stays still"))
    for (kind, motion), path in zip(movers, drawn.paths, strict=False):
        if kind is None:
            continue
        near = np.abs(path[:, :, None] - grid) < TOKEN_PX
        covered = near[:, 1, :, None] & near[:, 0, None, :]
        for label in (
            COLOURS.index(kind.colour),
            len(COLOURS) + SHAPES.index(kind.shape),
            len(COLOURS) + len(SHAPES) + MOTIONS.index(motion),
        ):
            labels[..., label][covered] = 1.0
    return labels.reshape(-1, NUM_LABELS)


def _roles(scene: Scene) -> Iterator[tuple[Kind, Tensor]]:
    """Each thing with its shape, its motion and its relation to the other, as 0 and 1."""
    movers = ((scene.thing, scene.motion, scene.relation), (scene.companion, "stays still", _turned(scene.relation)))
    for kind, motion, relation in movers:
        if kind is not None:
            named = (kind.shape, motion, relation)
            yield kind, torch.tensor([float(role in named) for role in (*SHAPES, *MOTIONS, *RELATIONS)])


def _turned(relation: Relation | None) -> Relation | None:
    """As the second thing stands to the first."""
    return None if relation is None else RELATIONS[RELATIONS.index(relation) ^ 1]


def _draw_sigmas(count: int) -> Tensor:
    """Shares of noise in 0..1, most of them high: where things are and go is decided in the noisiest steps."""
    shifted = torch.sigmoid(torch.randn(count) * 1.1)
    shifted = 4 * shifted / (1 + 3 * shifted)
    anywhere, noisy = torch.rand(count), 0.85 + 0.15 * torch.rand(count)
    which = torch.rand(count)
    return torch.where(which < 0.2, anywhere, torch.where(which < 0.4, noisy, shifted))


def _lr_factor(step: int, recipe: Recipe) -> float:
    left = (recipe.steps - step) / max(1.0, recipe.decay_share * recipe.steps)
    return min(1.0, (step + 1) / recipe.warmup_steps, left)


def _make_optimizers(networks: nn.ModuleDict, recipe: Recipe) -> list[torch.optim.Optimizer]:
    """Muon for the matrices inside the blocks, AdamW for everything else."""
    inside, rest = [], []
    for name, weight in networks.named_parameters():
        is_matrix = weight.ndim == 2 and "block" in name and "relative_attention_bias" not in name
        (inside if is_matrix else rest).append(weight)
    return [
        torch.optim.Muon(inside, lr=recipe.muon_lr, weight_decay=0.01, adjust_lr_fn="match_rms_adamw"),
        torch.optim.AdamW(rest, lr=recipe.adam_lr, betas=(0.9, 0.98), weight_decay=0.01),
    ]


def _means(records: list[dict[str, float]]) -> dict[str, float]:
    names = dict.fromkeys(name for record in records for name in record)
    return {name: float(np.mean([r[name] for r in records if name in r])) for name in names}


def _main(
    out: Annotated[Path, typer.Argument(help="Folder for checkpoints, logs, samples and the model.")],
    steps: Annotated[int, typer.Option(min=1)] = 14_000,
    batch_size: Annotated[int, typer.Option(min=1)] = 48,
    every: Annotated[int, typer.Option(min=1, help="Steps between checkpoints.")] = 500,
    seed: int = 0,
    learning_rate: float = 2e-3,
    start: Annotated[Path | None, typer.Option(help="Folder of a trained pipeline to begin with.")] = None,
) -> None:
    """Train the pocket model from scratch, or go on from OUT's checkpoint."""
    begin_with = str(start.resolve()) if start else None
    recipe = Recipe(steps, batch_size, muon_lr=learning_rate, adam_lr=learning_rate, seed=seed, start=begin_with)
    try:
        print(train(out, recipe, every=every))
    except UsageError as problem:
        raise SystemExit(f"error: {problem}") from None


if __name__ == "__main__":
    typer.run(_main)
