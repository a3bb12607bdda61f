"""A feedback source of your own: any class with a name and `assess`, plugged into the config as "module:Class".

Run it:  python examples/02_own_feedback_source.py
Prints what the new source said of every candidate's videos, beside the sources that ship with Retake, and which text
won. The module is looked for where Python looks: in the script's folder, on PYTHONPATH, or among what is installed. The
`retake` command takes the same name: PYTHONPATH=examples retake run "…" --sources 02_own_feedback_source:Colourfulness
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

import retake

EXTREMELY_COLOURFUL = 109.0
"""Hasler and Süsstrunk, "Measuring colourfulness in natural images" (2003), table 2."""


class Colourfulness:
    """Scores how colourful a clip is: 0 grey, 1 what people call extremely colourful."""

    name = "colourfulness"

    def assess(self, clip: retake.Clip, prompt: str, checklist: Sequence[retake.Question]) -> retake.Feedback:
        """Feedback on the clip."""
        del prompt, checklist  # this source needs only the pictures
        red, green, blue = np.moveaxis(clip.frames.astype(np.float32), -1, 0)
        opponents = np.stack([red - green, (red + green) / 2 - blue]).reshape(2, -1)
        spread, mean = np.linalg.norm(opponents.std(axis=1)), np.linalg.norm(opponents.mean(axis=1))
        measured = float(spread + 0.3 * mean)
        return retake.Feedback(
            source=self.name,
            scores=[retake.Score(name=self.name, value=min(1.0, measured / EXTREMELY_COLOURFUL))],
            critique="the picture is pale" if measured < EXTREMELY_COLOURFUL / 4 else "",
            evidence={"colourfulness": round(measured, 1)},
        )


def main() -> None:
    """Runs the loop with the source above among the others."""
    config = retake.LoopConfig.model_validate(
        {
            "retrieve": {"embedder": "hashing"},
            "render": {"seeds": 1},
            "assess": {
                "sources": ["alignment", "motion", "02_own_feedback_source:Colourfulness"],
                "weights": {"colourfulness": 0.5},
            },
            "stop": {"max_iterations": 0},
            "verify": {"seeds": 0},
        }
    )
    result = retake.optimize("azure ball drifting leftwards", config, run_id="colourful")
    for row in retake.read_trajectory(Path("runs/colourful")).assessed:
        scores = row.assessment.dimensions.items()
        print(row.render, *(f"{name} {'-' if score is None else format(score, '.3f')}" for name, score in scores))
    print(f"best text: {result.best.text}")


if __name__ == "__main__":
    main()
