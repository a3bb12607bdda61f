"""What the loop costs beside its parts: a whole run against the same renders, files and assessments done bare.

    python benchmarks/loop_overhead.py [--runs 5]

Both sides run in this process, by turns, on the painter with rules and hashed words. The difference is what LangGraph,
checkpoints, the journal's fsync, retrieval, rewriting, the screen and the report take, in seconds a run and a render:
a renderer that takes minutes makes the ratio 1.
"""

import argparse
import tempfile
import time
from pathlib import Path
from statistics import median

from agent.config_file import make_config
from agent.parts import Parts, open_parts
from agent.renderer import RenderRequest
from agent.run import begin_run
from agent.trajectory import Trajectory, read_trajectory
from feedback.combine import combine_feedback
from feedback.gather import gather_feedback
from feedback.video_file import read_clip, write_clip

PROMPT = "scarlet ball drifting to the right, left of an azure box"


def do_bare(trajectory: Trajectory, parts: Parts, folder: Path) -> None:
    """The renders of this trajectory, written, read and assessed, and nothing else."""
    for made in trajectory.renders:
        text = trajectory.candidate(made.candidate).text
        path = folder / f"{made.id}.mp4"
        write_clip(parts.renderer.render(RenderRequest(text=text, seed=made.seed)), path)
        feedbacks = gather_feedback(parts.sources, read_clip(path), trajectory.prompt, trajectory.checklist)
        combine_feedback(feedbacks, trajectory.checklist)


def main() -> None:
    """Prints seconds of both sides, medians over the runs, and their ratio."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--runs", type=int, default=5)
    runs = parser.parse_args().runs
    config = make_config({"retrieve": {"embedder": "hashing"}, "render": {"renderer": "painter"}})
    parts = open_parts(config)
    whole: list[float] = []
    bare: list[float] = []
    renders = 0
    for index in range(runs + 1):
        with tempfile.TemporaryDirectory() as folder:
            started = time.perf_counter()
            begin_run(PROMPT, config, Path(folder), "run").execute(parts)
            between = time.perf_counter()
            trajectory = read_trajectory(Path(folder) / "run")
            renders = len(trajectory.renders)
            again = time.perf_counter()
            do_bare(trajectory, parts, Path(folder))
            if index:  # the first run warms both sides up
                whole.append(between - started)
                bare.append(time.perf_counter() - again)
    loop, parts_only = median(whole), median(bare)
    print(f"whole loop {loop:.2f} s, bare parts {parts_only:.2f} s, {renders} renders; medians of {runs} runs")
    print(f"overhead {loop - parts_only:.2f} s a run, {1000 * (loop - parts_only) / renders:.0f} ms a render")
    print(f"ratio {loop / parts_only:.2f}")


if __name__ == "__main__":
    main()
