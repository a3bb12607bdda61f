"""How good the model is while it is trained: few held-out scenes, rendered as one batch."""

from typing import Any

import numpy as np
import torch

from agent.renderers.pocket import FPS, GUIDANCE, NUM_FRAMES, PADDED_TO, SIDE_PX, STEPS
from examples.pocket.checker import check
from examples.pocket.world import Scene, canonical, split_scenes
from feedback.clip import Clip


def held_out_scenes(count: int) -> list[Scene]:
    """Distinct scenes kept from training, always the same ones: by turns of one thing and of two while there are both.

    Raises:
        ValueError: There are not so many.
    """
    rng = np.random.default_rng(1)
    one, two = ([kinds[at] for at in rng.permutation(len(kinds))] for kinds in split_scenes(held_out=True))
    if count > len(one) + len(two):
        raise ValueError(f"{count:,} scenes were asked for and {len(one) + len(two):,} are held out")
    by_turns = [scene for pair in zip(one, two, strict=False) for scene in pair]
    return [*by_turns, *two[len(one) :]][:count]


def sample(pipeline: Any, scenes: list[Scene]) -> tuple[list[Clip], dict[str, float]]:
    """One clip a scene from its canonical caption, and the share of the scenes whose attributes are shown."""
    frames = pipeline(
        prompt=[canonical(scene) for scene in scenes],
        height=SIDE_PX,
        width=SIDE_PX,
        num_frames=NUM_FRAMES - 1,
        num_inference_steps=STEPS,
        guidance_scale=GUIDANCE,
        max_sequence_length=PADDED_TO,
        generator=[torch.Generator().manual_seed(seed) for seed in range(len(scenes))],
        output_type="np",
    ).frames
    clips = [Clip((video * 255).round().astype(np.uint8), FPS) for video in frames]
    checked = [check(clip, scene) for clip, scene in zip(clips, scenes, strict=True)]
    names = dict.fromkeys(name for shown in checked for name in shown)
    return clips, {name: float(np.mean([shown[name] for shown in checked if name in shown])) for name in names}
