"""The loop as a function call."""

import logging
from collections.abc import Sequence
from pathlib import Path

from agent.config import LoopConfig
from agent.ports import Listener
from agent.records import Result
from agent.run import begin_run

_log = logging.getLogger(__name__)


def optimize(
    prompt: str,
    config: LoopConfig | None = None,
    output_dir: Path | str = "runs",
    *,
    run_id: str | None = None,
    listeners: Sequence[Listener] = (),
) -> Result:
    """The outcome of the loop for this prompt; its run folder under `output_dir` holds videos, trajectory and report.

    Calling it again with the same prompt and config goes on where an earlier call was broken off. What will be missing
    of the prompt is logged as a warning. Raises UsageError for what can't be used, Interrupted on Ctrl-C.
    """
    run = begin_run(prompt, config or LoopConfig(), Path(output_dir), run_id)
    for note in run.notes:
        _log.warning("%s", note)
    return run.execute(listeners=listeners)
