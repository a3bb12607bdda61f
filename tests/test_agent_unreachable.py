"""A run with a generator that can't do one thing: it is given up, named everywhere, and paid for no more."""

import json
from dataclasses import replace
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from fakes import fast_config
from rich.console import Console

from agent.config import LoopConfig
from agent.console import RunDisplay, print_result
from agent.parts import Parts, open_parts
from agent.records import Result
from agent.run import begin_run
from agent.trajectory import Trajectory, read_trajectory
from feedback.records import Feedback, Score, Verdict
from feedback.sources.scripted import ScriptedSource

PROMPT = "a crimson ball drifting leftwards on a black background"


def judge_that_never_sees(kind: str, shown_on: tuple[int, ...] = ()) -> ScriptedSource:
    """Says yes to all questions but those of this kind; and to these too, but only in the calls of these numbers."""
    calls = 0

    def say(_clip: Any, _prompt: str, checklist: Any) -> Feedback:
        nonlocal calls
        calls += 1
        verdicts = [
            Verdict(question_id=q.id, p_yes=1.0)
            if q.kind != kind or calls in shown_on
            else Verdict(question_id=q.id, p_yes=0.1, seen="it stands still")
            for q in checklist
        ]
        mean = sum(verdict.p_yes or 0.0 for verdict in verdicts) / len(verdicts)
        return Feedback(source="alignment", scores=[Score(name="alignment", value=mean)], verdicts=verdicts)

    return ScriptedSource(say, "alignment")


@pytest.fixture(scope="module")
def parts() -> Parts:
    return open_parts(fast_config())


def run(folder: Path, parts: Parts, source: ScriptedSource, **overrides: Any) -> tuple[Result, Trajectory, str]:
    """The result, the trajectory, and what the terminal showed."""
    config: LoopConfig = fast_config(stop__patience=9, verify__seeds=0, **overrides)
    execution, screen = begin_run(PROMPT, config, folder, "run"), StringIO()
    console = Console(file=screen, width=400)
    with RunDisplay(execution, console) as display:
        result = execution.execute(replace(parts, sources=[source]), listeners=[display])
    print_result(result, execution.folder, console)
    return result, read_trajectory(folder / "run"), screen.getvalue()


@pytest.fixture(scope="module")
def given_up(tmp_path_factory: pytest.TempPathFactory, parts: Parts) -> tuple[Result, Trajectory, str, Path]:
    folder = tmp_path_factory.mktemp("given-up")
    return *run(folder, parts, judge_that_never_sees("action")), folder / "run"


def test_the_run_stops_before_its_budget_and_says_what_was_out_of_reach(given_up: Any) -> None:
    result, trajectory, _, _ = given_up
    assert result.stop_reason == "score_threshold"
    assert "without what held in no render" in result.why
    (lost,) = result.unreachable
    assert lost.text in result.why
    assert lost.wordings >= 3
    assert lost.renders >= 4
    assert lost.seen == "it stands still"
    assert result.iterations < fast_config().stop.max_iterations
    assert trajectory.decisions[-1].unreachable == result.unreachable


def test_the_score_still_counts_what_is_out_of_reach(given_up: Any) -> None:
    result, trajectory, _, _ = given_up
    assert result.best_score == trajectory.standings()[0].overall
    assert result.best_score < 0.9


def test_terminal_report_and_result_name_it(given_up: Any) -> None:
    result, _, shown, folder = given_up
    (lost,) = result.unreachable
    assert shown.count("unreachable") == 2
    assert shown.count(f"{lost.text} held in none of {lost.renders} renders") == 2
    assert json.loads((folder / "result.json").read_text())["unreachable"][0]["question"] == lost.question
    page = (folder / "report.html").read_text()
    assert 'id="unreachable"' in page
    assert "1 of" in page


def test_what_is_shown_only_once_is_not_given_up(tmp_path: Path, parts: Parts) -> None:
    result, trajectory, shown = run(tmp_path, parts, judge_that_never_sees("action", shown_on=(2,)))
    assert result.unreachable == []
    assert not any(decision.unreachable for decision in trajectory.decisions)
    assert "unreachable" not in shown


def test_without_memory_nothing_is_given_up(tmp_path: Path, parts: Parts) -> None:
    result, _, _ = run(tmp_path, parts, judge_that_never_sees("action"), rewrite__remember=False)
    assert result.unreachable == []
    assert result.stop_reason in ("no_improvement", "max_iterations", "max_renders")


def test_without_memory_no_text_is_rendered_twice(tmp_path: Path, parts: Parts) -> None:
    _, trajectory, _ = run(tmp_path, parts, judge_that_never_sees("action"), rewrite__remember=False)
    texts = [candidate.text for candidate in trajectory.candidates]
    assert len(texts) == len(set(texts)) > 3
