"""From prompts to measured answers: every method answers, then all are measured alike."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from agent.bench.held_out import HeldOutJudge
from agent.bench.journal import BenchJournal
from agent.bench.method import Method
from agent.bench.methods.choose import find_best
from agent.bench.records import Answer, BenchSettings, Failed, Look, Measured, ScoredRender
from agent.bench.studio import Studio, open_studio
from agent.errors import Interrupted, StageError, UsageError
from agent.parts import Parts
from agent.standings import mean_known
from feedback.errors import FeedbackError
from graph_store.errors import GraphStoreError


class Step(NamedTuple):
    """A piece of a bench's work that is done."""

    prompt: str
    what: str
    """A method that answered, or "measured"."""
    trouble: str
    """What went wrong; empty when nothing did."""
    number: int
    """1, 2, …"""
    of: int
    is_replayed: bool
    """Whether an earlier process had done all of it."""


OnStep = Callable[[Step], None]


@dataclass
class Measurements:
    """What became of a bench's prompts."""

    rows: list[Measured] = field(default_factory=list)
    failed: list[Failed] = field(default_factory=list)


class Bench:
    """Methods, parts and a judge at work on one prompt after another."""

    def __init__(
        self,
        methods: Sequence[Method],
        parts: Parts,
        settings: BenchSettings,
        folder: Path,
        judge: HeldOutJudge | None,
    ) -> None:
        self._methods, self._parts, self._settings, self._judge = methods, parts, settings, judge
        self._folder = folder
        self._journal = BenchJournal(folder / "bench.jsonl")
        self._journal.begin(settings)

    def run(self, prompts: Sequence[str], on_step: OnStep) -> Measurements:
        """Every method on every prompt. What an earlier process has paid for is read from the journal."""
        found = Measurements()
        number, size = 0, self._journal.size
        total = len(prompts) * (len(self._methods) + 1)

        def step(prompt: str, what: str, trouble: str = "") -> None:
            nonlocal number, size
            number, before, size = number + 1, size, self._journal.size
            on_step(Step(prompt, what, trouble, number, total, is_replayed=size == before and not trouble))

        for prompt in prompts:
            answers, studio = self._answer(prompt, found, step)
            if studio is not None:
                found.rows += self._measure(answers, studio)
            step(prompt, "measured")
        return found

    def _answer(
        self, prompt: str, found: Measurements, step: Callable[[str, str, str], None]
    ) -> tuple[list[Answer], Studio | None]:
        try:
            studio = open_studio(prompt, self._parts, self._settings, self._folder, self._journal)
        except UsageError as problem:
            for method in self._methods:
                found.failed.append(Failed(method=method.name, prompt=prompt, why=str(problem)))
                step(prompt, method.name, str(problem))
            return [], None
        answers: list[Answer] = []
        for method in self._methods:
            why = ""
            try:
                key = f"{method.name}/{studio.name}"
                answers.append(self._journal.once("answer", key, lambda m=method: _check(m.answer(studio), studio)))
            except Interrupted:
                raise
            except (UsageError, StageError, FeedbackError, GraphStoreError) as problem:
                why = str(problem)
            except Exception as problem:
                why = f"{type(problem).__name__}: {' '.join(str(problem).split())}"
            if why:
                found.failed.append(Failed(method=method.name, prompt=prompt, why=why))
            step(prompt, method.name, why)
        return answers, studio

    def _measure(self, answers: Sequence[Answer], studio: Studio) -> list[Measured]:
        """A row an answer. The held-out judge is asked last, so that models make room for it once a prompt."""
        verified = [studio.render(answer.text, studio.verify_seeds) for answer in answers]
        own = [studio.look(answer.clip.video).score if answer.clip else None for answer in answers]
        return [self._row(*found, studio) for found in zip(answers, verified, own, strict=True)]

    def _row(self, answer: Answer, verified: list[ScoredRender], own: float | None, studio: Studio) -> Measured:
        clip = answer.clip
        dimensions = {name for render in verified for name in render.look.dimensions}
        return Measured(
            method=answer.method,
            prompt=studio.prompt,
            text=answer.text,
            delivered_own=own,
            delivered_held_out=self._held_out(clip, studio) if clip else None,
            text_own=mean_known([render.look.score for render in verified]),
            text_held_out=mean_known([self._held_out(render, studio) for render in verified]),
            dimensions={
                name: mean_known([render.look.dimensions.get(name) for render in verified])
                for name in sorted(dimensions)
            },
            curve=self._curve(answer.renders, studio),
            renders=len(answer.renders),
            llm_calls=answer.llm_calls,
            tokens_in=answer.tokens_in,
            tokens_out=answer.tokens_out,
            seconds=answer.seconds,
            stop=answer.stop,
            note=answer.note,
        )

    def _held_out(self, render: ScoredRender, studio: Studio) -> float | None:
        if self._judge is None or render.video is None:
            return None
        judge, video, questions = self._judge, self._folder / render.video, studio.checklist.questions

        def look() -> Look:
            self._parts.memory.enter("held_out")
            return judge.look(video, questions)

        return self._journal.once("held_out", f"{judge.name}/{render.video}", look).score

    def _curve(self, renders: list[ScoredRender], studio: Studio) -> list[float | None]:
        """The score of the best clip so far, carried on to the end of the budget by a method that stopped before."""
        leaders = [find_best(renders[: index + 1]) for index in range(len(renders))]
        told = self._held_out if self._judge else lambda render, _: render.look.score
        curve = [None if leader is None else told(renders[leader], studio) for leader in leaders]
        return curve + curve[-1:] * (self._settings.renders - len(curve))


def _check(answer: Answer, studio: Studio) -> Answer:
    """The answer, if it kept to its renders and seeds. Raises UsageError."""
    if len(answer.renders) > studio.settings.renders:
        raise UsageError(
            f"the method {answer.method} made {len(answer.renders)} renders, {studio.settings.renders} are allowed"
        )
    if seen := {render.seed for render in answer.renders} & set(studio.verify_seeds):
        raise UsageError(f"the method {answer.method} rendered on seeds of the verification: {sorted(seen)}")
    return answer
