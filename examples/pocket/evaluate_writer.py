"""Measures a writer on held-out scenes: `python -m examples.pocket.evaluate_writer [MODEL]`.

It is asked as a distilled rewriter is, with the likeliest token each time or at a temperature, and its reply is read as
a caption of a scene. Figures are shares of prompts, with their counts and binomial standard errors.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Annotated, Any

import numpy as np
import torch
import typer
from rich.console import Console
from rich.table import Table
from transformers import AutoModelForCausalLM, AutoTokenizer

from agent.llm.shipped import find_shipped
from examples.pocket.bench_prompts import as_typed, facts_of
from examples.pocket.watch import held_out_scenes
from examples.pocket.world import Scene, all_scenes, canonical, paraphrases
from examples.pocket.writer_text import pocket_brief

LONGEST_REPLY = 64
"""Tokens; the longest caption has about half as many."""
BATCH = 60
WORDING_SEED = 7
"""Of how held-out scenes are typed; the bench has 0."""


@dataclass(frozen=True)
class Figure:
    """A share of prompts."""

    name: str
    share: float
    count: int

    @property
    def error(self) -> float:
        """Standard error of the share."""
        return (self.share * (1 - self.share) / self.count) ** 0.5


class Writer:
    """A chat model and its tokenizer, asked many prompts at once."""

    def __init__(self, model: Any, tokenizer: Any, temperature: float = 0.0) -> None:
        self._model, self._tokenizer = model.eval(), tokenizer
        self._tokenizer.padding_side = "left"
        self._sampling: dict[str, Any] = {"do_sample": temperature > 0, "temperature": temperature or None}

    @torch.inference_mode()
    def replies(self, prompts: Sequence[str]) -> list[str]:
        """A reply to each prompt, of 64 tokens at most."""
        brief, told = pocket_brief(), []
        for start in range(0, len(prompts), BATCH):
            chats = [[dict(message) for message in brief.messages(p)] for p in prompts[start : start + BATCH]]
            asked = self._tokenizer.apply_chat_template(
                chats, add_generation_prompt=True, padding=True, return_dict=True, return_tensors="pt"
            )
            written = self._model.generate(**asked, max_new_tokens=LONGEST_REPLY, **self._sampling)
            answers = written[:, asked["input_ids"].shape[1] :]
            told += self._tokenizer.batch_decode(answers, skip_special_tokens=True)
        return told


def evaluate(writer: Writer, count: int) -> list[Figure]:
    """All figures, on so many held-out scenes."""
    scenes, rng = held_out_scenes(count), np.random.default_rng(WORDING_SEED)
    reworded = [paraphrases(scene)[index % 4] for index, scene in enumerate(scenes)]
    typed = [as_typed(scene, rng) for scene in scenes]
    told = writer.replies(reworded)
    same = [scene_of(reply) == scene for reply, scene in zip(told, scenes, strict=True)]
    figures = [_well_formed("reworded as in training", told), _share("reworded as in training: the same scene", same)]
    told = writer.replies(typed)
    shown = [shows(*each) for each in zip(told, typed, scenes, strict=True)]
    figures += [_well_formed("as users type", told), _share("as users type: shows all that is asked", shown)]
    for kind, has_companion in (("one thing", False), ("two things", True)):
        those = [hit for hit, s in zip(shown, scenes, strict=True) if (s.companion is not None) == has_companion]
        if those:
            figures.append(_share(f"as users type, {kind}: shows all that is asked", those))
    return figures


def scene_of(reply: str) -> Scene | None:
    """The scene of which this is a caption, canonical or reworded; None when it is no caption."""
    return _captions().get(reply.strip())


def shows(reply: str, prompt: str, asked: Scene) -> bool:
    """Whether the reply is a caption that shows what the prompt asks for: the scene's things, and all that it says."""
    scene = scene_of(reply)
    if scene is None or {scene.thing, scene.companion} != {asked.thing, asked.companion}:
        return False
    return facts_of(prompt) <= facts_of(canonical(scene))


def _well_formed(name: str, replies: Sequence[str]) -> Figure:
    return _share(f"{name}: a caption", [scene_of(reply) is not None for reply in replies])


def _share(name: str, holds: Sequence[bool]) -> Figure:
    return Figure(name, float(np.mean(holds)), len(holds))


@cache
def _captions() -> dict[str, Scene]:
    return {text: scene for scene in all_scenes() for text in (canonical(scene), *paraphrases(scene))}


def load_writer(model: str, temperature: float = 0.0) -> Writer:
    """The writer of this name, or in this folder."""
    folder = find_shipped(model)
    loaded = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, use_safetensors=True)
    return Writer(loaded, AutoTokenizer.from_pretrained(folder), temperature)


def print_figures(figures: Sequence[Figure], show: Callable[[Table], None]) -> None:
    """A table of all figures."""
    table = Table("", "share", "s.e.", "n")
    for figure in figures:
        table.add_row(figure.name, f"{figure.share:.3f}", f"{figure.error:.3f}", str(figure.count))
    show(table)


def main(
    model: Annotated[str, typer.Argument(help="Name of a shipped model, folder, or id on the hub.")] = "pocket-writer",
    scenes: Annotated[int, typer.Option(min=1, help="Held-out scenes.")] = 240,
    temperature: Annotated[float, typer.Option(min=0.0, help="Of the sampling; 0 is the likeliest token.")] = 0.0,
    seed: Annotated[int, typer.Option(help="Of the sampling.")] = 0,
) -> None:
    """Print how well the model writes captions."""
    torch.manual_seed(seed)
    print_figures(evaluate(load_writer(model, temperature), scenes), Console(width=110).print)


if __name__ == "__main__":
    typer.run(main)
