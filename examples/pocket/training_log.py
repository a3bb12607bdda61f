"""The log of a training that may be stopped at any moment."""

import json
from pathlib import Path


def forget_after(step: int, log: Path) -> None:
    """Drops what was logged after this step, and a torn last line: it was not checkpointed and comes again."""
    if log.exists():
        whole = [line for line in log.read_text().splitlines(keepends=True) if line.endswith("\n")]
        draft = log.with_suffix(".new")
        draft.write_text("".join(line for line in whole if json.loads(line)["step"] <= step))
        draft.replace(log)
