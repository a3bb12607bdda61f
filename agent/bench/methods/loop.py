"""Retake's own loop, with N renders in all and nothing kept for a verification: the bench verifies."""

from dataclasses import replace
from pathlib import Path

from agent.bench.records import Answer, BenchSettings, Look, ScoredRender
from agent.bench.studio import Studio, as_look
from agent.parts import Parts
from agent.run import begin_run
from agent.trajectory import Trajectory, read_trajectory


class RetakeLoop:
    """A run of the loop in a run folder of its own, with every flag of the bench's command."""

    name = "loop"

    def prepare(self, parts: Parts, settings: BenchSettings) -> str | None:  # noqa: ARG002
        """Needs nothing."""
        return None

    def answer(self, studio: Studio) -> Answer:
        """Its best candidate, and the clip it would show."""
        return self.run(studio, replace(studio.parts, config=studio.config))

    def run(self, studio: Studio, parts: Parts) -> Answer:
        """What a run with these parts, under their config, hands over."""
        run = begin_run(studio.prompt, parts.config, studio.folder / self.name)
        is_resumed = run.folder.config_file.exists()
        result = run.execute(parts)
        home = run.folder.path.relative_to(studio.folder)
        renders, paths = _read_renders(read_trajectory(run.folder.path), home)
        best = result.best_video and str(home / result.best_video)
        return Answer(
            method=self.name,
            prompt=studio.prompt,
            text=result.best.text,
            renders=renders,
            delivered=paths.index(best) if best else None,
            llm_calls=result.totals.llm_calls,
            tokens_in=result.totals.tokens_in,
            tokens_out=result.totals.tokens_out,
            seconds=None if is_resumed else result.totals.seconds,
            stop=result.stop_reason,
        )


def _read_renders(trajectory: Trajectory, home: Path) -> tuple[list[ScoredRender], list[str | None]]:
    """Its renders in the order in which they were made, with the scores that it chose by; and their videos."""
    looks = {row.render: row.assessment for row in trajectory.assessed}
    found: list[ScoredRender] = []
    for render in trajectory.renders:
        assessment = looks.get(render.id)
        look = as_look(assessment) if assessment else Look(score=None, why=render.failure or "it was not assessed")
        video = str(home / render.path) if render.path else None
        text = trajectory.candidate(render.candidate).text
        found.append(ScoredRender(text=text, seed=render.seed, video=video, seconds=render.seconds, look=look))
    return found, [render.video for render in found]
