"""The `retake` command in a process of its own."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
FAST = [
    "--renderer=painter", "--embedder=hashing", "--size=96x96", "--num-frames=6", "--seeds=1", "--verify-seeds=1",
    "--max-iterations=1",
]  # fmt: skip
"""Settings of a run that takes a second."""


def retake(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """What the command printed and how it exited; environment variables may be added."""
    return subprocess.run(
        [sys.executable, "-c", "import retake; retake.main()", *arguments],
        cwd=ROOT, env=os.environ | environment, capture_output=True, encoding="utf-8", timeout=120, check=False,
    )  # fmt: skip
