"""What happened in a run, read back from its folder: what each candidate scored, and why the loop stopped.

Run it:  python examples/06_read_a_trajectory.py runs/hello      (the folder that 01_hello_loop.py makes)
Prints the checklist, every candidate with its mean score by dimension and what failed, and each iteration's decision.
It works on unfinished runs too. A score is 0..1, higher is better; "unknown" is not 0.
"""

import sys
from collections.abc import Sequence
from pathlib import Path
from statistics import fmean

import retake


def show_mean(scores: Sequence[float | None]) -> str:
    """The mean of the scores that are known."""
    known = [score for score in scores if score is not None]
    return f"{fmean(known):.3f}" if known else "unknown"


trajectory = retake.read_trajectory(Path(sys.argv[1] if len(sys.argv) > 1 else "runs/hello"))
asked = {question.id: question.text for question in trajectory.checklist}
assessments = {row.render: row.assessment for row in trajectory.assessed}

print(f"prompt: {trajectory.prompt}")
print(f"asked:  {' '.join(asked.values())}")
for candidate in trajectory.candidates:
    print(f"\ncandidate {candidate.id} ({candidate.origin}, iteration {candidate.iteration}): {candidate.text}")
    if candidate.dropped:
        print(f"  never rendered: {candidate.dropped}")
    for purpose in ("loop", "verify"):
        renders = [r for r in trajectory.renders if r.candidate == candidate.id and r.purpose == purpose]
        looked_at = [assessments[render.id] for render in renders if render.id in assessments]
        if looked_at:
            names = {name: None for assessment in looked_at for name in assessment.dimensions}
            means = [f"{name} {show_mean([a.dimensions.get(name) for a in looked_at])}" for name in names]
            print(f"  {purpose}: {show_mean([a.overall for a in looked_at])} ({', '.join(means)})")
        failing = {asked[question] for assessment in looked_at for question in assessment.failing}
        if failing:
            print(f"    failed at least once: {' '.join(sorted(failing))}")
        for render in renders:
            if render.failure:
                print(f"    seed {render.seed} gave no video: {render.failure}")

print()
for decision in trajectory.decisions:
    print(f"iteration {decision.iteration}: {decision.stop or 'go on'}: {decision.why}")
if trajectory.result:
    print(f"verified gain: {show_mean([trajectory.result.verified_gain])}")
