"""What all sources say of the renders that have not been looked at yet."""

from collections.abc import Sequence
from pathlib import Path

from agent.ports import Ports
from agent.records import Assessed, Render
from agent.state import History, LoopState, rows
from feedback.combine import combine_feedback
from feedback.errors import ClipError
from feedback.gather import gather_feedback
from feedback.records import Assessment, Question
from feedback.sources.physics import PhysicsSource
from feedback.video_file import read_clip


def assess(state: LoopState, ports: Ports) -> LoopState:
    """What all sources say of every render that has not been assessed yet."""
    history = History(state)
    done = {row.render for row in history.assessed}
    assessed: list[Assessed] = []
    for made in history.renders:
        if made.path is None or made.id in done:
            continue
        ports.stop.check()
        try:
            row = ports.journal.once("assessed", made.id, lambda made=made: _assess_file(made, history, ports))
        except ClipError as problem:
            ports.record_failure("assess", problem)
            continue
        ports.notify("assessed", render=made, assessment=row.assessment)
        assessed.append(row)
    return {"assessed": rows(assessed)}


def _assess_file(made: Render, history: History, ports: Ports) -> Assessed:
    ports.enter("judge")
    _recall_rule(history, ports)
    return Assessed(
        render=made.id, assessment=assess_video(ports.folder.path / (made.path or ""), history.checklist, ports)
    )


def assess_video(video: Path, checklist: Sequence[Question], ports: Ports) -> Assessment:
    """What the run's sources say together of this file. Raises ClipError when it can't be read."""
    feedbacks = gather_feedback(ports.sources, read_clip(video), ports.prompt, checklist)
    return combine_feedback(feedbacks, checklist, ports.config.assess.weights)


def _recall_rule(history: History, ports: Ports) -> None:
    """Holds all clips of a run to one law, also those that another process assesses after a resume."""
    physics = next((source for source in ports.sources if isinstance(source, PhysicsSource)), None)
    rules = [
        f.evidence.get("rule") for row in history.assessed for f in row.assessment.feedbacks if f.source == "physics"
    ]
    if physics and (proposed := next(filter(None, rules), None)):
        physics.remember(history.prompt, proposed)
