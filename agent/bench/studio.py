"""Where all methods work on one prompt: the same parts, checklist, seeds and assessment, and each render made once.

A studio knows no held-out judge, so that no method can ask it.
"""

import hashlib
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from agent.assess import assess_video
from agent.bench.journal import BenchJournal
from agent.bench.records import BenchSettings, Look, ScoredRender
from agent.brief import read_brief
from agent.nodes import retrieve
from agent.parts import Parts
from agent.ports import Ports, connect_ports
from agent.prompt_flags import read_prompt
from agent.records import Render, name_render
from agent.render_clip import render_to_file
from agent.rewriter import Draft, RewriteTask
from agent.run import apply_flags
from agent.run_folder import RunFolder, name_run
from agent.screen_candidate import screen_draft
from agent.state import RenderTask
from agent.trajectory import Checklist, Drafts
from agent.write_again import write_until_passed
from feedback.errors import ClipError
from feedback.records import Assessment
from graph_store.records import Modifier

VERIFY_DISTANCE = 1_000_000
"""Between the methods' seeds and those of the verification."""


@dataclass(frozen=True)
class Written:
    """What a writer made of the prompt."""

    text: str
    drafts: Sequence[Draft]
    seconds: float | None
    """None when an earlier process wrote it."""
    note: str = ""
    """Why it is the prompt as it was."""


class Studio:
    """One prompt's studio; made by `open_studio`."""

    def __init__(
        self, ports: Ports, parts: Parts, settings: BenchSettings, folder: Path, journal: BenchJournal
    ) -> None:
        self.parts, self.settings, self.folder = parts, settings, folder
        self.prompt, self.config, self.name = ports.prompt, ports.config, ports.folder.path.name
        first = self.config.seed
        self.seeds = [first + index for index in range(settings.renders)]
        """What every method may render on, in this order."""
        self.verify_seeds = [first + VERIFY_DISTANCE + index for index in range(settings.verify_seeds)]
        self._ports, self._journal = ports, journal
        retrieve({"prompt": self.prompt}, ports)
        self.checklist: Checklist = ports.journal.read("checklist", "") or Checklist(questions=[], made_by="rules")
        found = ports.journal.read("modifiers", "") or []
        modifiers = [Modifier(**modifier.model_dump()) for modifier in found]
        assert ports.journal.header  # noqa: S101 - written when the ports were connected
        brief = read_brief(ports.journal.header, self.checklist.questions, modifiers)
        self.task: RewriteTask = replace(brief, seed=self.config.seed)
        """What a writer may know before anything is rendered; asks for one draft."""

    def render(self, text: str, seeds: Sequence[int]) -> list[ScoredRender]:
        """The text on each of these seeds, assessed. What a method has rendered before is not rendered again."""
        made = [self._make(text, seed) for seed in seeds]
        return [
            ScoredRender(text=text, seed=one.seed, video=video, seconds=one.seconds, look=self.look(video, one.failure))
            for one in made
            for video in [one.path and str((self._ports.folder.path / one.path).relative_to(self.folder))]
        ]

    def look(self, video: str | None, failure: str | None = None) -> Look:
        """The loop's own assessment of a video, by the path under the bench's folder."""
        if video is None:
            return Look(score=None, why=failure or "there is no video")
        return self._journal.once("own", video, lambda: self._assess(video))

    def write(
        self, method: str, ask: Callable[[RewriteTask], list[Draft]], task: RewriteTask | None = None, tries: int = 1
    ) -> Written:
        """The writer's first draft that is of use, screened as the loop does it; the prompt when there is none."""
        task, started = task or self.task, time.monotonic()
        known = self._ports.journal.read("drafts", method)
        if known is None:
            self._ports.enter("rewrite")
            known = self._ports.journal.once("drafts", method, lambda: Drafts(drafts=self._ask(ask, task, tries)))
            seconds = time.monotonic() - started
        else:
            seconds = None
        text, note = self._first_passing(known.drafts)
        return Written(text, known.drafts, seconds, note)

    def _ask(self, ask: Callable[[RewriteTask], list[Draft]], task: RewriteTask, tries: int) -> list[Draft]:
        return write_until_passed(ask, task, lambda draft: not self._screen(draft)[1], tries)

    def _first_passing(self, drafts: Sequence[Draft]) -> tuple[str, str]:
        why: str | None = "the writer had nothing to propose"
        for draft in drafts:
            text, why = self._screen(draft)
            if why is None:
                return text, ""
        return self.prompt, f"left as typed: {why}"

    def _screen(self, draft: Draft) -> tuple[str, str | None]:
        return screen_draft(draft, self.task, self._ports.config, self._ports.renderer)

    def _make(self, text: str, seed: int) -> Render:
        task = RenderTask(
            prompt=self.prompt, candidate=_name_text(text), seed=seed, iteration=0, purpose="full", text=text
        )
        key = f"{self.name}/{name_render(task['candidate'], seed, 'full')}"
        return self._journal.once("render", key, lambda: render_to_file(task, self._ports))

    def _assess(self, video: str) -> Look:
        self._ports.enter("judge")
        started = time.monotonic()
        try:
            assessment = assess_video(self.folder / video, self.checklist.questions, self._ports)
        except ClipError as problem:
            return Look(score=None, why=str(problem))
        return as_look(assessment, time.monotonic() - started)


def open_studio(typed: str, parts: Parts, settings: BenchSettings, folder: Path, journal: BenchJournal) -> Studio:
    """The studio of this prompt, whose flags are read as the loop reads them. Raises UsageError."""
    request = read_prompt(typed)
    config, _ = apply_flags(request, settings.config)
    home = RunFolder(folder / "studio" / name_run(request.text, config))
    home.create(request.text, config, typed)
    parts = replace(parts, config=config)
    return Studio(connect_ports(parts, request.text, home), parts, settings, folder, journal)


def _name_text(text: str) -> str:
    """A candidate's id that is the same in every run and whichever method comes first."""
    return str(int.from_bytes(hashlib.sha256(text.encode()).digest()[:6], "big"))


def as_look(assessment: Assessment, seconds: float = 0.0) -> Look:
    """The part of an assessment that a bench keeps."""
    unscored = [feedback.score.why for feedback in assessment.feedbacks if feedback.score.value is None]
    asked = [feedback.evidence for feedback in assessment.feedbacks if "llm_calls" in feedback.evidence]
    tokens = {name: [evidence[name] for evidence in asked] for name in ("tokens_in", "tokens_out")}
    return Look(
        score=assessment.overall,
        dimensions=assessment.dimensions,
        why="" if assessment.overall is not None else next(iter(unscored), "no source speaks of the prompt"),
        seconds=round(seconds, 3),
        llm_calls=sum(evidence["llm_calls"] for evidence in asked),
        **{name: None if None in counts else sum(counts) for name, counts in tokens.items()},
    )
