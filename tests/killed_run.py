"""A run in a process of its own that is killed, as by `kill -9`, at the n-th event of a kind. Used by
test_agent_resume.py.

python tests/killed_run.py OUTPUT_DIR PROMPT EVENT NTH        EVENT "never" lets it finish
"""

import os
import signal
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))
sys.path.insert(0, str(Path(__file__).parent))

from fakes import fast_config

from agent.run import begin_run


class Killer:
    """A listener that ends its own process at once."""

    def __init__(self, event: str, nth: int) -> None:
        self.event, self.left = event, nth

    def on_event(self, event: str, data: dict[str, Any]) -> None:
        if event == self.event:
            self.left -= 1
            if self.left == 0:
                os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    output_dir, prompt, event, nth = sys.argv[1:]
    config = fast_config(render__renderer="fakes:CountingPainter", rewrite__rewriter="fakes:SlowLearner")
    begin_run(prompt, config, Path(output_dir), "killed").execute(listeners=[Killer(event, int(nth))])
