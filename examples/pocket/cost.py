"""What a clip costs: renders a few in this process and prints seconds, peak memory and a checksum as JSON."""

import hashlib
import json
import resource
import sys
import time
from pathlib import Path

from agent.renderer import RenderRequest
from agent.renderers.pocket import PocketRenderer

TEXT = "A red circle moves to the right and a blue square stays still on a black background."
CLIPS = 5


def main(model: Path) -> None:
    """Loading is not counted in the seconds, but in the memory."""
    renderer, checksum = PocketRenderer(model=model), hashlib.sha256()
    renderer.render(RenderRequest(text=TEXT, seed=0))
    began = time.perf_counter()
    for seed in range(CLIPS):
        checksum.update(renderer.render(RenderRequest(text=TEXT, seed=seed)).frames.tobytes())
    seconds = (time.perf_counter() - began) / CLIPS
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"seconds": seconds, "peak_mb": peak_mb, "sha256": checksum.hexdigest(), "clips": CLIPS}))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
