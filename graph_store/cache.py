"""Where things are kept that can be made again."""

import os
from pathlib import Path


def find_cache_dir(cache_dir: Path | str | None = None) -> Path:
    """The folder asked for, or else `$RETAKE_CACHE_DIR`, or else `~/.cache/retake`."""
    chosen = cache_dir or os.environ.get("RETAKE_CACHE_DIR")
    return Path(chosen) if chosen else Path.home() / ".cache" / "retake"
