"""A real text-to-video model as the renderer: any diffusers pipeline, by hub id or folder.

Run it:  pip install "retake[render]"
         python examples/04_render_with_diffusers.py --model Wan-AI/Wan2.1-T2V-1.3B-Diffusers
Prints the renderer, the score of every render, the best text and its video. Sizes and lengths that are not given are
the model's own; ones that it can't make are moved to the nearest that it can.
"""

import argparse
from pathlib import Path

import retake

parser = argparse.ArgumentParser(description="The loop with a diffusers pipeline as the renderer.")
parser.add_argument("--model", required=True, help="hub id or folder of a text-to-video pipeline")
parser.add_argument("--prompt", default="a red ball rolling to the left, white background")
parser.add_argument("--width", type=int)
parser.add_argument("--height", type=int)
parser.add_argument("--num-frames", type=int)
parser.add_argument("--steps", type=int, help="denoising steps")
parser.add_argument("--iterations", type=int, default=2, help="refinements at most")
given = parser.parse_args()

config = retake.LoopConfig.model_validate(
    {
        "retrieve": {"embedder": "hashing"},
        "rewrite": {"candidates": 1},  # a render takes minutes: few candidates, and one seed each
        "render": {
            "renderer": "diffusers",
            "model": given.model,
            "seeds": 1,
            "width": given.width,
            "height": given.height,
            "num_frames": given.num_frames,
            "num_inference_steps": given.steps,
        },
        "stop": {"max_iterations": given.iterations},
        "verify": {"seeds": 0},
    }
)
result = retake.optimize(given.prompt, config, run_id="diffusers")

trajectory = retake.read_trajectory(Path("runs/diffusers"))
print(f"renderer    {trajectory.header['models']['renderer']}")
for row in trajectory.assessed:
    scores = row.assessment.dimensions.items()
    print(row.render, *(f"{name} {'-' if score is None else format(score, '.3f')}" for name, score in scores))
for failed in (render for render in trajectory.renders if render.failure):
    print(f"{failed.id} failed: {failed.failure}")
print(f"best text   {result.best.text}")
print(f"best video  runs/diffusers/{result.best_video}")
