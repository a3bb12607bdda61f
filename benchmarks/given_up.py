"""How often a question that the loop gives up is shown after all: counted on finished runs that were not stopped by it.

    python benchmarks/given_up.py runs/ [--wordings 3] [--renders 4]

Runs made with `--unreachable-wordings 0` go on paying for what would have been given up, so they can tell. Each run is
replayed decision by decision.
"""

import argparse
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

from agent.item_memory import find_unreachable, recall_items
from agent.records import Purpose
from agent.trajectory import Trajectory, read_trajectory


@dataclass
class Tally:
    """What was found over some runs."""

    runs: int = 0
    given_up: int = 0
    """Questions that at least one decision would have given up."""
    shown_later: int = 0
    """Of these, those that a later render of the run shows, on the loop's seeds or on unseen ones."""
    renders: int = 0
    """Renders of the loop in all."""

    def add(self, trajectory: Trajectory, wordings: int, renders: int) -> None:
        """Counts one run in."""
        known = (trajectory.candidates, trajectory.renders, trajectory.assessed)
        lost: set[str] = set()
        for decision in trajectory.decisions:
            so_far = [r for r in trajectory.renders if r.iteration <= decision.iteration]
            items = recall_items(trajectory.checklist, trajectory.candidates, so_far, trajectory.assessed)
            lost |= {found.question for found in find_unreachable(items, wordings, renders)}
        after = recall_items(trajectory.checklist, *known, purposes=get_args(Purpose))
        self.runs += 1
        self.given_up += len(lost)
        self.shown_later += sum(item.question.id in lost and item.held > 0 for item in after)
        self.renders += sum(render.purpose == "loop" for render in trajectory.renders)


def main() -> None:
    """Prints the tally for the folder of runs on the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", type=Path)
    parser.add_argument("--wordings", type=int, default=3)
    parser.add_argument("--renders", type=int, default=4)
    asked = parser.parse_args()
    tally = Tally()
    for path in sorted(asked.runs.rglob("trajectory.jsonl")):
        tally.add(read_trajectory(path), asked.wordings, asked.renders)
    print(
        f"{tally.runs} runs, {tally.renders} renders in the loop; {tally.given_up} questions given up after "
        f"{asked.wordings} wordings and {asked.renders} renders; {tally.shown_later} of them shown later"
    )


if __name__ == "__main__":
    main()
