"""Measures the critic: `python -m examples.pocket.evaluate_critic`.

Against drawn truth, on held-out scenes and on wrong clips, clean and through what a renderer does to them; how far its
probabilities can be taken at their word; and against the shapes judge on clips of the pocket model. Where the two
disagree neither is the truth: `--sheet` draws such clips, to be looked at.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
import typer
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track
from rich.table import Table

from agent.renderer import RenderRequest
from agent.renderers.pocket import PocketRenderer
from examples.pocket.contact_sheet import write_sheet
from examples.pocket.critic_clips import Truth, free_example, scene_example
from examples.pocket.critic_damage import RoundTrip, damage, load_vae, through_h264
from examples.pocket.evaluate import NUM_HELD_OUT, Gate, print_gates
from examples.pocket.watch import held_out_scenes
from examples.pocket.world import Scene, as_users_type, canonical
from feedback.checklist import make_checklist
from feedback.clip import Clip
from feedback.judges.critic import WEIGHTS, CriticJudge
from feedback.judges.critic_network import CriticNetwork, Facts, facts_of, load_critic, to_batch
from feedback.judges.shapes import ShapesJudge
from feedback.records import Question

FACTS = ("background", "number", "number_of", "shape", "motion", "relation")
CLEAR = 0.9
"""A label is clear when it is so near to yes or to no; others are not counted."""
BINS = 10
SHOWN = 12
FREE_SEED = 20_000
"""Training draws its free clips from seed 0 on one generator; these are others."""


@dataclass(frozen=True)
class Asked:
    """One question about one clip, and what the two judges say to it."""

    clip: Clip
    caption: str
    wording: str
    question: Question
    shapes: float
    critic: float

    @property
    def agree(self) -> bool:
        """Whether both say yes, or both no."""
        return (self.shapes >= 0.5) == (self.critic >= 0.5)


def against_truth(network: CriticNetwork, num_scenes: int) -> Iterator[Gate]:
    """Shares of clips of which each fact is right, and the error of the probabilities."""
    rng, coder = np.random.default_rng(FREE_SEED), RoundTrip(load_vae())
    scenes, truth = _stacked([scene_example(scene, rng) for scene in held_out_scenes(num_scenes)])
    coded = coder.of(scenes)
    free, free_truth = _stacked([free_example(rng) for _ in range(num_scenes)])
    sets = {
        "drawn": (scenes, truth),
        "VAE": (coded, truth),
        "VAE, H.264": (np.stack([through_h264(clip) for clip in coded]), truth),
        "harmed": (damage(coder, scenes, rng), truth),
        "wrong clips, VAE": (coder.of(free), free_truth),
        "wrong clips, harmed": (damage(coder, free, rng), free_truth),
    }
    for name, (clips, labels) in sets.items():
        told = [facts for part in np.array_split(clips, 8) for facts in facts_of(network, to_batch(part))]
        for fact in FACTS:
            right = [
                r for facts, label in zip(told, labels, strict=True) if (r := is_right(fact, facts, label)) is not None
            ]
            share = float(np.mean(right))
            error = (share * (1 - share) / len(right)) ** 0.5
            yield Gate(f"{name}: {fact}", share, error, len(right), at_least=0.97 if name in ("drawn", "VAE") else None)
        chances, yes = probabilities(told, labels)
        yield Gate(f"{name}: calibration error", calibration_error(chances, yes), None, len(yes))


def is_right(fact: str, facts: Facts, truth: Truth) -> bool | None:
    """Whether the likeliest alternatives are the true ones wherever truth is clear; None where it nowhere is."""
    told, labels = np.atleast_2d(getattr(facts, fact)), np.atleast_2d(truth[fact])
    clear = ((labels >= CLEAR) | (labels <= 1 - CLEAR)).all(-1)
    if not clear.any():
        return None
    told, labels = told[clear], labels[clear]
    if fact in ("shape", "relation"):
        return bool(((told >= 0.5) == (labels >= 0.5)).all())
    return bool((told.argmax(-1) == labels.argmax(-1)).all())


def probabilities(told: Sequence[Facts], truth: Sequence[Truth]) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Every probability whose label is clear, and whether it is of what is true."""
    chances = np.concatenate([np.concatenate([getattr(facts, fact).ravel() for fact in FACTS]) for facts in told])
    labels = np.concatenate([np.concatenate([label[fact].ravel() for fact in FACTS]) for label in truth])
    clear = (labels >= CLEAR) | (labels <= 1 - CLEAR)
    return chances[clear], labels[clear] >= CLEAR


def calibration_error(chances: NDArray[np.float64], yes: NDArray[np.bool_]) -> float:
    """How far probabilities are from the share that is true, 0 at best: the mean over ten bins, by what is in them."""
    bins = np.minimum((chances * BINS).astype(int), BINS - 1)
    return float(sum(abs(chances[bins == at].sum() - yes[bins == at].sum()) for at in range(BINS)) / len(yes))


def on_renders(num_clips: int, critic: CriticJudge) -> list[Asked]:
    """What both judges say of clips of held-out scenes, half by canonical captions, half by users' words.

    Each is asked all that its scene is, also what its text leaves out.
    """
    renderer, asked = PocketRenderer(), list[Asked]()
    for at, scene in enumerate(track(held_out_scenes(num_clips), "rendering", console=Console(stderr=True))):
        wording = ("canonical", "as users type")[at // 2 % 2]
        text = canonical(scene) if wording == "canonical" else as_users_type(scene)
        clip = renderer.render(RenderRequest(text=text, seed=at))
        asked += _ask_both(clip, (text, wording), scene, critic)
    return asked


def _ask_both(clip: Clip, said: tuple[str, str], scene: Scene, critic: CriticJudge) -> Iterator[Asked]:
    questions = [*make_checklist(canonical(scene)), _number_of_things(scene)]
    for question, a, b in zip(questions, ShapesJudge().ask(clip, questions), critic.ask(clip, questions), strict=True):
        if a.p_yes is not None and b.p_yes is not None:
            yield Asked(clip, *said, question, a.p_yes, b.p_yes)


def _number_of_things(scene: Scene) -> Question:
    number = str(1 + (scene.companion is not None))
    return Question(id="n", kind="count", text=f"Things: {number}?", phrase="", subject="things", value=number)


def print_agreement(asked: Sequence[Asked], show: Callable[[Table], None]) -> None:
    """A table of who says what, by wording of the captions and by kind of question."""
    table = Table("", "n", "agree", "both yes", "both no", "only shapes yes", "only critic yes")
    for kind in ("all", *dict.fromkeys(label for one in asked for label in (one.wording, one.question.kind))):
        ours = [one for one in asked if kind in ("all", one.wording, one.question.kind)]
        says = [(one.shapes >= 0.5, one.critic >= 0.5) for one in ours]
        counts = [str(says.count(pair)) for pair in ((True, True), (False, False), (True, False), (False, True))]
        table.add_row(kind, str(len(ours)), f"{np.mean([one.agree for one in ours]):.3f}", *counts)
    show(table)


def draw_disagreements(path: Path, asked: Sequence[Asked]) -> None:
    """A dozen clips over which the judges disagree, evenly over all of them, with question and answers."""
    apart = list({id(one.clip): one for one in asked if not one.agree}.values())
    chosen = [apart[at] for at in np.linspace(0, len(apart) - 1, min(SHOWN, len(apart))).round().astype(int)]
    told = [f"{one.question.text} shapes {one.shapes:.2f}, critic {one.critic:.2f} | {one.caption}" for one in chosen]
    if chosen:
        write_sheet(path, [one.clip for one in chosen], told)


def _stacked(examples: Sequence[tuple[NDArray[np.uint8], Truth]]) -> tuple[NDArray[np.uint8], list[Truth]]:
    return np.stack([frames for frames, _ in examples]), [truth for _, truth in examples]


def main(
    weights: Annotated[Path, typer.Option(help="The critic's safetensors file.")] = WEIGHTS,
    scenes: Annotated[int, typer.Option(min=8, max=NUM_HELD_OUT, help="Held-out scenes, all distinct.")] = 240,
    renders: Annotated[int, typer.Option(min=0, max=NUM_HELD_OUT, help="Clips of the pocket model.")] = 240,
    sheet: Annotated[Path | None, typer.Option(help="Where to draw clips that the judges disagree on.")] = None,
) -> None:
    """Print the tables; exit code 1 when a gate is missed."""
    torch.set_num_threads(1)
    show = Console(width=110).print
    gates = list(against_truth(load_critic(weights), scenes))
    print_gates(gates, show)
    if renders:
        asked = on_renders(renders, CriticJudge(weights))
        print_agreement(asked, show)
        if sheet:
            draw_disagreements(sheet, asked)
    raise typer.Exit(0 if all(gate.passed for gate in gates) else 1)


if __name__ == "__main__":
    typer.run(main)
