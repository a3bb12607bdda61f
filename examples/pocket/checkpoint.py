"""A training's checkpoint: written whole or not at all, and taken up by the same recipe only."""

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import torch

from agent.errors import UsageError


def save_checkpoint(state: Mapping[str, Any], path: Path) -> None:
    """Writes the state; a process that is killed meanwhile leaves the checkpoint before."""
    torch.save(dict(state), unfinished := path.with_suffix(".new"))
    unfinished.replace(path)


def check_recipe(before: Mapping[str, Any], now: Mapping[str, Any], may_change: Collection[str]) -> None:
    """Raises UsageError when the checkpoint's recipe differs from this one in more than may change."""
    if changed := [name for name in now if name not in may_change and before.get(name) != now[name]]:
        told = ", ".join(f"{name} {before.get(name)!r}, not {now[name]!r}" for name in changed)
        raise UsageError(f"the checkpoint was made with {told}: give the same, or use another folder")
