"""Measures the pocket model against its gates: `python -m examples.pocket.evaluate`.

Renders held-out scenes one by one through the pocket renderer, as `retake run` does, and lets the shapes judge look.
Every figure is a share of clips with its count and standard error; a gate is passed by the figure itself.
"""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import torch
import typer
from diffusers.models.autoencoders.autoencoder_kl_wan import AutoencoderKLWan
from rich.console import Console
from rich.progress import track
from rich.table import Table

from agent.renderer import RenderRequest
from agent.renderers.pocket import FPS, MODEL_FOLDER, PADDED_TO, PocketRenderer
from examples.pocket.checker import ATTRIBUTES, check
from examples.pocket.contact_sheet import write_sheet
from examples.pocket.drawing import draw
from examples.pocket.watch import held_out_scenes
from examples.pocket.world import Scene, as_users_type, canonical, paraphrases, split_scenes
from feedback.clip import Clip

SEEDS = 4
WORKERS = min(4, os.cpu_count() or 1)
NUM_HELD_OUT = sum(map(len, split_scenes(held_out=True)))
UNKNOWN_WORDS = ((30, 64), (90, 128), (300, 512))
"""How many are put into a caption, and to how many tokens the text is then padded."""
FLUENT = (
    "This is the first of many short films by one of our students. {} She made it on a rainy day.",
    "In the museum, at the end of the hall, is a screen. {} It is there for the whole of the summer.",
    "Imagine, for a moment, the calm of an early morning. {} That is all there is to see, and it is enough.",
    "The music is slow, the mood is soft. {} On the last of the frames the light is warm, as in a dream.",
)
"""What is said around a caption; of its words, the model knows "the", "of", "on", "is" and their like."""


@dataclass(frozen=True)
class Job:
    """One clip to make and look at."""

    scene: Scene
    text: str
    seed: int
    max_tokens: int = PADDED_TO


@dataclass(frozen=True)
class Shown:
    """What the checker sees in one clip."""

    attributes: dict[str, bool]
    """All that the scene has, and "all" of it."""
    typed: bool
    """Everything that `as_users_type` asks for."""


@dataclass(frozen=True)
class Gate:
    """A figure that the model must reach."""

    name: str
    figure: float
    error: float | None
    count: int
    at_least: float | None = None
    at_most: float | None = None
    above: float | None = None

    @property
    def passed(self) -> bool:
        """Whether it is reached; what has no bound is only told."""
        return (
            (self.at_least is None or self.figure >= self.at_least)
            and (self.at_most is None or self.figure <= self.at_most)
            and (self.above is None or self.figure > self.above)
        )

    @property
    def bound(self) -> str:
        """As the table shows it; empty when there is none."""
        bounds = (("≥", self.at_least), ("≤", self.at_most), (">", self.above))
        return " ".join(f"{sign} {value:g}" for sign, value in bounds if value is not None)


def evaluate(model: Path, num_scenes: int, workers: int) -> list[Gate]:
    """All gates, with the figures of this model on so many held-out scenes."""
    scenes = held_out_scenes(num_scenes)
    gates = [*_without_model(scenes, model)]
    some = scenes[: max(1, num_scenes // 2)]
    around = {
        f"{words} unknown words, {length} tokens": [
            Job(s, with_unknown_words(canonical(s), np.random.default_rng(words), words), i, max_tokens=length)
            for i, s in enumerate(some)
        ]
        for words, length in UNKNOWN_WORDS
    }
    around["fluent English around it"] = [
        Job(s, FLUENT[i % len(FLUENT)].format(canonical(s)), i) for i, s in enumerate(some)
    ]
    sets = {
        "canonical": [Job(s, canonical(s), i) for i, s in enumerate(scenes)],
        "reworded": [Job(s, paraphrases(s)[i % 4], i) for i, s in enumerate(scenes)],
        **{
            f"typed {k}": [Job(s, as_users_type(s), i + k * num_scenes) for i, s in enumerate(scenes)]
            for k in range(SEEDS)
        },
        **around,
    }
    shown = _render_all(sets, model, workers)
    bounds = {"count": 0.97, "colour": 0.97, "shape": 0.95, "motion": 0.85, "all": 0.60}
    drawn = [clip.attributes for clip in shown["canonical"]]
    for attribute in (*ATTRIBUTES, "all"):
        gates.append(_share(f"canonical: {attribute}", _of(attribute, drawn), at_least=bounds.get(attribute)))
    for kind, has_companion in (("one thing", False), ("two things", True)):
        clips = [clip for clip, s in zip(drawn, scenes, strict=True) if (s.companion is not None) == has_companion]
        gates += [_share(f"canonical, {kind}: {attribute}", _of(attribute, clips)) for attribute in ("count", "all")]
    gates.append(_share("reworded as in training: all", _of("all", [clip.attributes for clip in shown["reworded"]])))
    worded, typed = ([clip.typed for clip in shown[name]] for name in ("canonical", "typed 0"))
    four = zip(*(shown[f"typed {k}"] for k in range(SEEDS)), strict=True)
    best = [any(clip.typed for clip in tries) for tries in four]
    gates += [
        _share("as users type: all they ask", typed),
        _share("the same scenes, canonical: all they ask", worded),
        _gap("canonical above as users type", worded, typed, at_least=0.25),
        _share("as users type, best of four seeds: all they ask", best),
        _gap("one canonical above the best of four as typed", worded, best, above=0.0),
    ]
    for name in around:
        clips = [clip.attributes for clip in shown[name]]
        gates.append(_gap(f"canonical above {name}", _of("all", drawn[: len(some)]), _of("all", clips), at_most=0.05))
    return [*gates, *_cost(model)]


def _without_model(scenes: Sequence[Scene], model: Path) -> Iterable[Gate]:
    """The checker on drawn clips, and on those after the autoencoder."""
    rng = np.random.default_rng(2)
    drawn = [draw(scene, rng).frames for scene in scenes]
    truth = [check(Clip(frames, FPS), scene) for frames, scene in zip(drawn, scenes, strict=True)]
    for attribute in (*ATTRIBUTES, "all"):
        yield _share(f"drawn truth: {attribute}", _of(attribute, truth), at_least=0.99)
    vae: Any = AutoencoderKLWan.from_pretrained(model / "vae", torch_dtype=torch.float32)
    with torch.no_grad():
        back = [vae.decode(vae.encode(_to_pixels(frames)).latent_dist.mean).sample for frames in drawn]
    there_and_back = [check(Clip(_to_frames(x), FPS), scene) for x, scene in zip(back, scenes, strict=True)]
    yield _share("VAE round trip: all", _of("all", there_and_back), at_least=0.98)


def _to_pixels(frames: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(frames).float().permute(3, 0, 1, 2)[None] / 127.5 - 1


def _to_frames(pixels: torch.Tensor) -> np.ndarray:
    return ((pixels[0].clamp(-1, 1).permute(1, 2, 3, 0) + 1) * 127.5).round().byte().numpy()


def with_unknown_words(caption: str, rng: np.random.Generator, count: int) -> str:
    """The caption with so many meaningless words put in anywhere."""
    words = caption.split()
    for _ in range(count):
        words.insert(int(rng.integers(len(words) + 1)), "".join(rng.choice(list("bcdfgjklmnpqrstvwxz"), 6)))
    return " ".join(words)


def _render_all(sets: dict[str, list[Job]], model: Path, workers: int) -> dict[str, list[Shown]]:
    jobs = [job for jobs in sets.values() for job in jobs]
    with ProcessPoolExecutor(workers, initializer=partial(torch.set_num_threads, 1)) as pool:
        done = pool.map(partial(_render_and_check, model), jobs, chunksize=8)
        results = iter(list(track(done, "rendering", total=len(jobs), console=Console(stderr=True))))
    return {name: [next(results) for _ in jobs] for name, jobs in sets.items()}


def _render_and_check(model: Path, job: Job) -> Shown:
    clip = _renderer(model, job.max_tokens).render(RenderRequest(text=job.text, seed=job.seed))
    return Shown(check(clip, job.scene), check(clip, job.scene, only_typed=True)["all"])


@cache
def _renderer(model: Path, max_tokens: int) -> PocketRenderer:
    return PocketRenderer(model=model, max_tokens=max_tokens)


def _of(attribute: str, clips: Sequence[dict[str, bool]]) -> list[bool]:
    return [clip[attribute] for clip in clips if attribute in clip]


def _share(name: str, holds: Sequence[bool], at_least: float | None = None) -> Gate:
    share = float(np.mean(holds))
    return Gate(name, share, (share * (1 - share) / len(holds)) ** 0.5, len(holds), at_least)


def _gap(
    name: str,
    better: Sequence[bool],
    worse: Sequence[bool],
    **bounds: float,
) -> Gate:
    """The mean difference on the same scenes, with its paired standard error."""
    differences = np.subtract(better, worse, dtype=float)
    error = float(np.std(differences, ddof=1)) / len(differences) ** 0.5
    return Gate(name, float(differences.mean()), error, len(differences), **bounds)


def _cost(model: Path) -> Iterable[Gate]:
    """What one clip takes on one core in a process of its own; whether a second process makes the same one."""
    first, second = (_run_alone(model) for _ in range(2))
    megabytes = sum(file.stat().st_size for file in model.rglob("*") if file.is_file()) / 1e6
    yield Gate("seconds a clip, one thread", first["seconds"], None, first["clips"], at_most=1.0)
    yield Gate("memory of the process at most, MB", first["peak_mb"], None, 1, at_most=700.0)
    yield Gate("same clips in two processes", float(first["sha256"] == second["sha256"]), None, first["clips"], 1.0)
    yield Gate("model folder, MB", megabytes, None, 1, at_most=20.0)


def _run_alone(model: Path) -> dict[str, Any]:
    command = [sys.executable, "-m", "examples.pocket.cost", str(model)]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True, env=environment).stdout)  # noqa: S603


def print_gates(gates: Sequence[Gate], show: Callable[[Table], None]) -> None:
    """A table of all figures."""
    table = Table("", "figure", "s.e.", "n", "gate", "")
    for gate in gates:
        verdict = ("passed" if gate.passed else "[red]missed[/]") if gate.bound else ""
        error = "" if gate.error is None else f"{gate.error:.3f}"
        table.add_row(gate.name, f"{gate.figure:.3f}", error, str(gate.count), gate.bound, verdict)
    show(table)


def draw_sheet(path: Path, model: Path) -> None:
    """Sixteen held-out captions and what is drawn by them, each with another seed."""
    captions, renderer = [canonical(scene) for scene in held_out_scenes(16)], PocketRenderer(model=model)
    write_sheet(path, [renderer.render(RenderRequest(text=c, seed=i)) for i, c in enumerate(captions)], captions)


def main(
    model: Annotated[Path, typer.Option(help="The pipeline's folder.")] = MODEL_FOLDER,
    scenes: Annotated[int, typer.Option(min=8, max=NUM_HELD_OUT, help="Held-out scenes, all distinct.")] = 240,
    workers: Annotated[int, typer.Option(min=1, help="Processes that render, of about 0.5 GB each.")] = WORKERS,
    sheet: Annotated[Path | None, typer.Option(help="Where to write a contact sheet of 16 held-out prompts.")] = None,
) -> None:
    """Print the gates; exit code 1 when one is missed."""
    if sheet:
        draw_sheet(sheet, model)
    gates = evaluate(model, scenes, workers)
    print_gates(gates, Console(width=110).print)
    raise typer.Exit(0 if all(gate.passed for gate in gates) else 1)


if __name__ == "__main__":
    typer.run(main)
