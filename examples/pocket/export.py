"""Puts a trained model into the package: `python -m examples.pocket.export RUN`, RUN being the training's folder.

Beside the weights go captions that it was trained on, with their tags: `retake graph build` makes its relation graph.
"""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from agent.errors import UsageError
from agent.renderers.pocket import MODEL_FOLDER
from examples.pocket.world import Scene, canonical, split_scenes

NUM_CAPTIONS = 1000


def export(model: Path, into: Path) -> None:
    """Replaces the parts of the model and the captions in `into`; what else is there, such as the card, stays.

    The new folder is made beside the old one and takes its place when it is whole. Raises UsageError when `model` is
    no trained pipeline.
    """
    if not (model / "model_index.json").is_file():
        raise UsageError(f"no trained pipeline in {model}: let `examples.pocket.train` finish there first")
    draft, former = (into.with_name(f"{into.name}.{which}") for which in ("new", "old"))
    shutil.rmtree(draft, ignore_errors=True)
    shutil.copytree(into, draft) if into.exists() else draft.mkdir(parents=True)
    for part in model.iterdir():
        shutil.rmtree(draft / part.name, ignore_errors=True)
        shutil.copytree(part, draft / part.name) if part.is_dir() else shutil.copy(part, draft / part.name)
    for file in draft.rglob("*.safetensors"):
        file.chmod(0o644)
    lines = [json.dumps(tagged(scene)) for scene in _captioned_scenes()]
    (draft / "captions.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    if into.exists():
        shutil.rmtree(former, ignore_errors=True)
        into.rename(former)
    draft.rename(into)
    shutil.rmtree(former, ignore_errors=True)


def tagged(scene: Scene) -> dict[str, str | list[str]]:
    """The canonical caption with the phrases that make it up."""
    things, actions = [f"a {scene.thing}"], [str(scene.motion)]
    if scene.companion:
        things.append(f"a {scene.companion}")
        actions += ["stays still", str(scene.relation)]
    return {
        "caption": canonical(scene),
        "scenes": [f"on a {scene.background} background"],
        "subjects": things,
        "actions": actions,
    }


def _captioned_scenes() -> Iterator[Scene]:
    """All training scenes of one thing, and as many of two as there is room for."""
    one, two = split_scenes(held_out=False)
    yield from one
    for index in np.random.default_rng(0).choice(len(two), NUM_CAPTIONS - len(one), replace=False):
        yield two[index]


def _main(run: Annotated[Path, typer.Argument(help="Folder that `examples.pocket.train` wrote.")]) -> None:
    try:
        export(run / "model", MODEL_FOLDER)
    except UsageError as problem:
        raise SystemExit(f"error: {problem}") from None
    size = sum(file.stat().st_size for file in MODEL_FOLDER.rglob("*") if file.is_file())
    print(f"{MODEL_FOLDER}: {size / 1e6:.1f} MB")


if __name__ == "__main__":
    typer.run(_main)
