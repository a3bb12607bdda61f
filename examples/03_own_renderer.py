"""A renderer of your own: words in, frames out. This one draws one disc, and knows few words.

Run it:  python examples/03_own_renderer.py
Prints how the prompt as typed did, which words the loop found for this renderer, and the gain on unseen seeds. To plug
in a real generator, call it in `render`; everything else stays.
"""

from collections.abc import Callable

import numpy as np

import retake

COLOURS = {"red": (220, 40, 40), "green": (40, 170, 70), "blue": (50, 80, 220)}
DIRECTIONS = {"moves to the left": -1, "moves to the right": 1, "stays still": 0}


class DiscRenderer:
    """Draws a disc in the colour and direction that the text names; the seed decides what it does not name."""

    # The words above are the painter's, so the relation graph that fits the painter fits this renderer too.
    info = retake.RendererInfo(name="disc", model="disc", version="1", captions="painter")

    def resolve(self, request: retake.RenderRequest) -> retake.RenderRequest:
        """The request with this renderer's defaults; what it ignores is None."""
        defaults = {"width": 96, "height": 96, "num_frames": 8, "fps": 8.0}
        asked = {name: getattr(request, name) or default for name, default in defaults.items()}
        ignored = {"negative": None, "num_inference_steps": None, "guidance_scale": None}
        return request.model_copy(update=asked | ignored)

    def count_tokens(self, text: str) -> None:
        """No limit."""

    def render(self, request: retake.RenderRequest, on_step: Callable[[int, int], None] | None = None) -> retake.Clip:
        """The clip: same resolved request, same frames."""
        rng = np.random.default_rng(request.seed)
        by_chance = str(rng.choice(list(COLOURS))), str(rng.choice(list(DIRECTIONS)))
        colour = next((name for name in COLOURS if name in request.text.lower()), by_chance[0])
        direction = next((words for words in DIRECTIONS if words in request.text), by_chance[1])
        width, height, num_frames = request.width or 96, request.height or 96, request.num_frames or 8
        y, x = np.mgrid[:height, :width]
        frames = np.full((num_frames, height, width, 3), 16, np.uint8)
        for progress, frame in zip(np.linspace(-0.2, 0.2, num_frames), frames, strict=True):
            centre_x = width * (0.5 + DIRECTIONS[direction] * progress)
            frame[(x - centre_x) ** 2 + (y - height / 2) ** 2 < (height / 8) ** 2] = COLOURS[colour]
        if on_step:
            on_step(num_frames, num_frames)
        return retake.Clip(frames, request.fps or 8.0)


def show(score: float | None) -> str:
    """A score for people. Unknown is not 0."""
    return "unknown" if score is None else f"{score:.3f}"


def main() -> None:
    """Runs the loop with the renderer above."""
    config = retake.LoopConfig.model_validate(
        {
            "retrieve": {"embedder": "hashing"},
            "render": {"renderer": "03_own_renderer:DiscRenderer", "seeds": 1},
            "verify": {"seeds": 2},
        }
    )
    result = retake.optimize("emerald ball drifting leftwards", config, run_id="disc")
    print(f"as typed       {result.prompt} ({show(result.original_score)})")
    print(f"best text      {result.best.text} ({show(result.best_score)})")
    print(f"verified gain  {show(result.verified_gain)}")


if __name__ == "__main__":
    main()
