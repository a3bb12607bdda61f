"""The report of a run: one HTML page that needs nothing but itself.

The page asks no network for anything. Its policy lets the browser run and apply only the one script and the one style
sheet that stand in it, by their hashes, and every text goes through Jinja's escaping.
"""

import base64
import hashlib
import json
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from agent.item_memory import describe_unreachable
from agent.outcome import read_outcome
from agent.records import Candidate, Render
from agent.run_folder import write_text
from agent.score_plot import plot_scores
from agent.standings import Standing
from agent.trajectory import Trajectory
from agent.word_diff import diff_words
from feedback.records import Assessment

SHOWN_ELSEWHERE = ("prompt", "config", "event")
"""Keys of the trajectory's header that do not stand among the models and versions."""


class Video(NamedTuple):
    """Where the page finds a video: in itself, beside itself, or nowhere and then why."""

    source: str | None
    note: str = ""


class VideoShelf:
    """Puts videos into the page while there is room, and links to those that come later."""

    def __init__(self, folder: Path, room_bytes: float) -> None:
        self._folder = folder.resolve()
        self._room_bytes = room_bytes

    def place(self, path: str) -> Video:
        """The video at a path relative to the run folder. A path that leads out of the folder is not followed."""
        file = (self._folder / path).resolve()
        if not file.is_relative_to(self._folder) or not file.is_file():
            return Video(None, f"{path} is not in the run folder")
        size_bytes = file.stat().st_size
        if size_bytes > self._room_bytes:
            return Video(quote(file.relative_to(self._folder).as_posix()))
        self._room_bytes -= size_bytes
        return Video("data:video/mp4;base64," + base64.b64encode(file.read_bytes()).decode())


def write_report(trajectory: Trajectory, run_folder: Path, embed_limit_mb: float = 64) -> Path:
    """Writes report.html into the run folder, whole or not at all, and returns its path; also for an unfinished run.

    Videos stand in the page itself until they add up to `embed_limit_mb` (10^6 bytes), the best and the original first;
    those beyond are linked and play only while the page stays in the folder. Raises OSError when it can't be written.
    """
    page = render_report(trajectory, run_folder, embed_limit_mb)
    path = run_folder / "report.html"
    write_text(path, page.encode(errors="replace").decode())
    return path


def render_report(trajectory: Trajectory, run_folder: Path, embed_limit_mb: float = 64) -> str:
    """The page that `write_report` writes."""
    candidates = list({candidate.id: candidate for candidate in trajectory.candidates}.values())
    standings = {s.candidate: s for s in trajectory.standings()}
    outcome = read_outcome(trajectory, standings)
    shelf = VideoShelf(run_folder, embed_limit_mb * 1e6)
    placed_first = {path: shelf.place(path) for path in (outcome.best_video, outcome.original_video) if path}
    assessments = {row.render: row.assessment for row in trajectory.assessed}
    renders = {c.id: [r for r in trajectory.renders if r.candidate == c.id] for c in candidates}
    sheet, script = _read_part("report.css.j2"), _read_part("report.js.j2")
    return _ENVIRONMENT.get_template("report.html.j2").render(
        run=trajectory,
        outcome=outcome,
        run_name=run_folder.resolve().name,
        candidates=candidates,
        iterations=sorted({c.iteration for c in candidates}),
        decisions={decision.iteration: decision for decision in trajectory.decisions},
        renders=renders,
        assessments=assessments,
        questions={question.id: question for question in trajectory.checklist},
        ranked=_rank_rows(candidates, standings, renders, assessments),
        dimensions=sorted({name for standing in standings.values() for name in standing.dimensions}),
        panels=plot_scores(candidates, standings, trajectory.decisions),
        unreachable=[describe_unreachable(question) for question in outcome.unreachable],
        fallbacks=[drafts.fallback for drafts in trajectory.drafts if drafts.fallback],
        videos={r.id: placed_first.get(r.path) or shelf.place(r.path) for r in trajectory.renders if r.path},
        twins={outcome.original_video: "video-original", outcome.best_video: "video-best"},
        best_video=placed_first.get(outcome.best_video or ""),
        original_video=placed_first.get(outcome.original_video or ""),
        header={k: v for k, v in trajectory.header.items() if k not in SHOWN_ELSEWHERE and v is not None},
        config=trajectory.header.get("config"),
        command=_command(trajectory.prompt),
        is_drafting=bool(trajectory.header.get("config", {}).get("draft", {}).get("enabled")),
        diff_words=diff_words,
        unscored_reason=unscored_reason,
        sheet=Markup(sheet),  # noqa: S704 - a file of this package
        script=Markup(script),  # noqa: S704 - a file of this package
        sheet_hash=_hash(sheet),
        script_hash=_hash(script),
    )


class RankRow(NamedTuple):
    """A candidate's line in the table of scores."""

    candidate: Candidate
    standing: Standing | None
    why: str
    """Why it has no score, empty when it has one."""


def _rank_rows(
    candidates: Sequence[Candidate],
    standings: Mapping[str, Standing],
    renders: Mapping[str, Sequence[Render]],
    assessments: Mapping[str, Assessment],
) -> list[RankRow]:
    """The leader first, those without a score last."""
    place = {candidate: number for number, candidate in enumerate(standings)}
    rows = [
        RankRow(c, standings.get(c.id), "" if c.id in standings else _why_unscored(c, renders[c.id], assessments))
        for c in candidates
    ]
    return sorted(rows, key=lambda row: place.get(row.candidate.id, len(place)))


def _why_unscored(candidate: Candidate, renders: Sequence[Render], assessments: Mapping[str, Assessment]) -> str:
    if candidate.dropped:
        return f"dropped by the screen: {candidate.dropped}"
    if not renders:
        return "not rendered"
    for render in renders:
        if render.failure:
            return f"no video: {render.failure}"
        if render.id in assessments:
            return unscored_reason(assessments[render.id])
    return "not assessed"


def unscored_reason(assessment: Assessment) -> str:
    """Why an assessment has no overall score, in the words of its sources."""
    reasons = [
        f"{feedback.source}: {feedback.score.why}" for feedback in assessment.feedbacks if feedback.score.value is None
    ]
    return "; ".join(reasons) or "no source gave a score"


def _command(prompt: str) -> str:
    """The shell command that runs the same again; safe to paste whatever the prompt is."""
    return shlex.join(["retake", "run", "--config", "config.json", "--", prompt])


def _read_part(name: str) -> str:
    return _ENVIRONMENT.get_template(name).render()


def _hash(part: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(part.encode()).digest()).decode()


def _as_json(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False, default=str)


_ENVIRONMENT = Environment(
    loader=PackageLoader("agent"), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
)
_ENVIRONMENT.filters["as_json"] = _as_json
