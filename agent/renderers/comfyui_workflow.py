"""A ComfyUI workflow with named slots: {{prompt}} and the like in the strings of an API-format JSON file."""

import hashlib
import json
import re
from pathlib import Path
from typing import Any

from agent.errors import UsageError

SLOTS = ("prompt", "negative", "seed", "width", "height", "num_frames", "fps", "steps", "guidance")
NEEDED = ("prompt", "seed")
"""Without a text slot every candidate would make the same video, without a seed slot every render of one."""

_SLOT = re.compile(r"\{\{\s*(\w+)\s*\}\}")


class Workflow:
    """The workflow in a file, as ComfyUI exports it for its API.

    Args:
        path: The JSON file.

    Raises:
        UsageError: It can't be read, is no API-format workflow, lacks a needed slot or has an unknown one.
    """

    def __init__(self, path: Path) -> None:
        try:
            content = path.read_bytes()
            nodes = json.loads(content)
        except OSError as problem:
            raise UsageError(f"can't read the workflow {path}: {problem.strerror or problem}") from None
        except ValueError as problem:
            raise UsageError(f"the workflow {path} is no JSON: {problem}") from None
        if not _is_api_format(nodes):
            raise UsageError(f"{path} is no workflow in ComfyUI's API format: export it with Workflow > Export (API)")
        self._nodes: dict[str, Any] = nodes
        self.name = f"{path.name}@{hashlib.sha256(content).hexdigest()[:12]}"
        """File name and the start of its SHA-256, so that a changed file is another workflow."""
        self.slots = frozenset(_slots_in(nodes))
        if unknown := sorted(self.slots - {*SLOTS}):
            raise UsageError(
                f"the workflow {path} has the unknown slot {{{{{unknown[0]}}}}}; known: {', '.join(SLOTS)}"
            )
        if missing := [slot for slot in NEEDED if slot not in self.slots]:
            raise UsageError(
                f"the workflow {path} has no {{{{{missing[0]}}}}} slot: put it where that input's value stands"
            )

    def fill(self, values: dict[str, Any]) -> dict[str, Any]:
        """The workflow with the slots' values: typed where a slot is the whole string, else as part of its text."""
        return _filled(self._nodes, values)


def _is_api_format(nodes: Any) -> bool:
    return (
        isinstance(nodes, dict)
        and bool(nodes)
        and all(isinstance(node, dict) and "class_type" in node for node in nodes.values())
    )


def _slots_in(value: Any) -> list[str]:
    if isinstance(value, str):
        return _SLOT.findall(value)
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return [slot for part in parts for slot in _slots_in(part)]


def _filled(value: Any, values: dict[str, Any]) -> Any:
    if isinstance(value, dict):
        return {name: _filled(part, values) for name, part in value.items()}
    if isinstance(value, list):
        return [_filled(part, values) for part in value]
    if not isinstance(value, str):
        return value
    if whole := _SLOT.fullmatch(value.strip()):
        return values[whole[1]]
    return _SLOT.sub(lambda slot: str(values[slot[1]]), value)
