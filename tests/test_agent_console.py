"""What a person sees in the terminal: all of it, and nobody's text taken for markup."""

import json
import re
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from command import FAST, retake
from fakes import fast_config
from rich.console import Console

from agent.batch import BatchRow, Summary
from agent.config import LoopConfig
from agent.console import BatchDisplay, RunDisplay, ask_for_edits, print_findings, print_result, print_summary
from agent.doctor import Finding
from agent.errors import UsageError
from agent.records import Candidate, Decision, Render, Result, Totals, Verification
from agent.run import begin_run
from agent.run_folder import RunFolder
from agent.trajectory import Drafts
from feedback.records import Assessment

MARKUP = [
    "[bold]a red ball[/]",
    "[/] a red ball",
    "a red ball [red]x[/red]",
    "[link=file:///x]a red ball",
    "a \\[/] ball",
]


class Screen:
    """A console that is no terminal unless it is said to be one, and what was written to it."""

    def __init__(self, force_terminal: bool = False) -> None:
        self._file = StringIO()
        width = 160 if force_terminal else 60
        self.console = Console(file=self._file, width=width, force_terminal=force_terminal)

    @property
    def text(self) -> str:
        return self._file.getvalue()


@pytest.fixture
def screen() -> Screen:
    return Screen()


def result(**changes: Any) -> Result:
    best = Candidate(id="2", iteration=1, text="A red circle [/] moves.", origin="refine")
    verification = Verification(
        seeds=[10, 11], champion="2", champion_scores=[0.9, 0.8], original_scores=[0.5, 0.4], gain=0.4
    )
    values: dict[str, Any] = {
        "prompt": "a ball", "best": best, "best_score": 0.91234, "best_video": "videos/2-0.mp4",
        "original_score": 0.5, "original_video": "videos/0-0.mp4", "verification": verification, "verified_gain": 0.4,
        "stop_reason": "no_improvement", "why": "no gain of [x] in 2 iterations", "iterations": 1,
        "totals": Totals(renders=12, failed_renders=1, llm_calls=4, tokens_in=100, tokens_out=20, seconds=3.25),
    }  # fmt: skip
    return Result(**(values | changes))


def shown(screen: Screen, folder: Path, **changes: Any) -> dict[str, str]:
    """The lines of a printed result, by their label."""
    print_result(result(**changes), RunFolder(folder), screen.console)
    rows = [line for line in screen.text.splitlines() if line.strip()]
    return {line[:14].strip(): line[14:].strip() for line in rows}


def run_shown(screen: Screen, prompt: str, folder: Path, **overrides: Any) -> Result:
    config = fast_config(**{"render__seeds": 1, "verify__seeds": 1, "stop__max_iterations": 1} | overrides)
    run = begin_run(prompt, config, folder, "run")
    with RunDisplay(run, screen.console) as display:
        return run.execute(listeners=[display])


def test_a_run_shows_each_step_that_matters_in_its_order(screen: Screen, tmp_path: Path) -> None:
    found = run_shown(screen, "a crimson ball drifting rightwards", tmp_path)
    steps = ["a crimson ball drifting", "checklist", "retrieved", "iteration 0", "candidate 0", "candidate 1",
             "render 0-0", "stop (score_threshold)", "verified on 1 unseen seeds: gain +"]  # fmt: skip
    places = [screen.text.index(step) for step in steps]
    assert places == sorted(places)
    assert found.best.text in screen.text
    assert f"{found.original_score:.3f}" in screen.text
    assert "\x1b" not in screen.text


@pytest.mark.parametrize(
    "settings",
    [
        {"stop__max_iterations": 1},
        {"search__strategy": "best_of_n"},
        {"draft__enabled": True, "draft__steps": 2, "stop__max_iterations": 0},
    ],
    ids=["refine", "best of n", "drafts"],
)
def test_the_bar_goes_on_without_a_jump_and_never_past_its_end(settings: dict[str, Any], tmp_path: Path) -> None:
    screen = Screen(force_terminal=True)
    settings = {"stop__max_renders": 12, "stop__score_threshold": 1.0, "render__seeds": 2} | settings
    found = run_shown(screen, "a red ball, a blue box and a green ball", tmp_path, **settings)
    shown = [(int(done), int(most)) for done, most in re.findall(r"(\d+) of at most (\d+) renders", screen.text)]
    assert {most for _, most in shown} == {12}
    assert [done for done, _ in shown] == sorted(done for done, _ in shown)
    assert shown[-1][0] == found.totals.renders <= 12


@pytest.mark.parametrize("prompt", MARKUP)
def test_the_words_of_a_prompt_are_never_markup(screen: Screen, prompt: str, tmp_path: Path) -> None:
    found = run_shown(screen, prompt, tmp_path, stop__max_iterations=0, verify__seeds=0, retrieve__graph="none")
    print_result(found, RunFolder(tmp_path / "run"), screen.console)
    lines = screen.text.splitlines()
    assert lines[0] == found.prompt == prompt
    assert f"best prompt    {prompt}" in lines
    assert f"  candidate 0  {prompt}" in lines


def test_a_prompt_that_is_longer_than_the_generator_reads_is_told_of(screen: Screen, tmp_path: Path) -> None:
    long = "a red ball rolls to the left " * 11
    run_shown(screen, long, tmp_path, stop__max_iterations=0, verify__seeds=0, retrieve__graph="none")
    assert "your prompt as it is: 77 tokens, the generator reads 64" in screen.text


def test_what_fails_is_said_with_its_reason(screen: Screen, tmp_path: Path) -> None:
    run = begin_run("a ball", LoopConfig(), tmp_path, "run")
    display = RunDisplay(run, screen.console)
    failed = Render(candidate="1", seed=0, iteration=0, failure="MemoryError: [/] no room")
    dropped = Candidate(id="1", iteration=0, text="I can't [/]", origin="instruction", dropped="refused [/]")
    display.on_event("drafted", {"iteration": 0, "drafts": Drafts(drafts=[], fallback="ConnectionError: [/] gone")})
    display.on_event("screened", {"iteration": 0, "candidates": [dropped]})
    display.on_event("rendered", {"render": failed})
    display.on_event("failed", {"stage": "retrieve", "reason": "KeyError: [/]"})
    display.on_event("decided", {"decision": Decision(iteration=0, champion=None, score=None, why="[/] on")})
    display.on_event("something from a later version", {"any": "thing"})
    for said in (
        "the rules write instead: ConnectionError: [/] gone",
        "candidate 1  dropped: refused [/] I can't [/]",
        "render 1-0 failed: MemoryError: [/] no room",
        "retrieve failed: KeyError: [/]",
        "go on: [/] on",
    ):
        assert said in screen.text


def test_an_unknown_score_is_a_dash_and_never_a_zero(screen: Screen, tmp_path: Path) -> None:
    display = RunDisplay(begin_run("a ball", LoopConfig(), tmp_path, "run"), screen.console)
    assessment = Assessment(feedbacks=[], dimensions={"motion": None, "spatial": 0.25}, overall=None, intent=None)
    render = Render(candidate="0", seed=0, iteration=0, path="videos/0-0.mp4")
    display.on_event("assessed", {"render": render, "assessment": assessment})
    assert "motion —  spatial 0.250" in screen.text
    assert "0.000" not in screen.text


def test_a_result_says_what_to_use_what_it_cost_and_where_to_look(screen: Screen, tmp_path: Path) -> None:
    lines = shown(screen, tmp_path / "[red]runs")
    assert lines["best prompt"] == "A red circle [/] moves."
    assert lines["score"] == "0.912  (original 0.500, on the loop's seeds)"
    assert lines["verified gain"] == "+0.400 on 2 unseen seeds"
    assert lines["stop_reason"] == "no_improvement: no gain of [x] in 2 iterations"
    assert lines["cost"] == "12 renders (1 failed), 4 LLM calls, 100 tokens in, 20 out, 3.2 s"
    assert lines["best video"] == str(tmp_path / "[red]runs" / "videos" / "2-0.mp4")
    assert lines["report"] == str(tmp_path / "[red]runs" / "report.html")


ORIGINAL = Candidate(id="0", iteration=0, text="a ball", origin="prompt")


@pytest.mark.parametrize(
    ("changes", "label", "said"),
    [
        ({"verification": None, "verified_gain": None}, "verified gain", "not verified"),
        (
            {"best": ORIGINAL, "verified_gain": 0.0},
            "verified gain",
            "the prompt as typed is returned: candidate 2 came to",
        ),
        ({"best": ORIGINAL, "verification": None, "verified_gain": 0.0}, "verified gain", "nothing beat the prompt"),
        ({"best_score": None, "original_score": None}, "score", "—  (original —"),
        ({"best_video": None}, "best video", "none"),
        ({"totals": Totals(tokens_in=None, tokens_out=None)}, "cost", "tokens unknown"),
    ],
)
def test_what_is_not_known_or_not_better_is_said_so(
    changes: dict[str, Any], label: str, said: str, screen: Screen, tmp_path: Path
) -> None:
    assert said in shown(screen, tmp_path, **changes)[label]


def test_a_batch_is_a_line_a_prompt_and_a_summary(screen: Screen, tmp_path: Path) -> None:
    display = BatchDisplay(3, screen.console)
    display.show(BatchRow("a [/] ball", "A [/] circle.", 0.5, 0.75, 0.25, 0.25, "score_threshold"))
    display.show(BatchRow("a [/] box", error="ValueError: [/]"))
    display.show(BatchRow("a cat", original_score=0.5, best_score=None, notes=("no [/] cats", "no size")))
    first, second, third, *notes = screen.text.splitlines()
    assert [note.split("note")[1].strip() for note in notes] == ["no [/] cats", "no size"]
    assert first.split() == "1/3 a [/] ball 0.500 -> 0.750 gain +0.250 score_threshold".split()  # noqa: SIM905
    assert second.split() == "2/3 a [/] box ValueError: [/]".split()  # noqa: SIM905
    assert "0.500 -> —  gain —" in third
    print_summary(Summary(0.25, (0.1, 0.4), 2, 2, 0, 0, 1, 24), tmp_path / "[b]x", screen.console)
    assert "+0.250 (95 % bootstrap interval +0.100 to +0.400, 2 prompts)" in screen.text
    assert (
        "champions: 2 better, 0 worse than the prompt as typed; 0 prompts that nothing beat; 1 failed; 24 renders"
        in screen.text
    )
    assert str(tmp_path / "[b]x" / "summary.csv") in screen.text
    print_summary(Summary(None, (None, None), 0, 0, 0, 0, 0, 0), tmp_path, screen.console)
    assert "no verified gain to report" in screen.text


def test_findings_are_marked_by_how_bad_they_are(screen: Screen) -> None:
    print_findings(
        [Finding("a", "good", "[x]"), Finding("b", "note", "[/]"), Finding("c", "broken", "[red]y")], screen.console
    )
    assert [line.split() for line in screen.text.splitlines()] == [
        ["ok", "a", "[x]"],
        ["--", "b", "[/]"],
        ["!!", "c", "[red]y"],
    ]


def test_a_review_without_a_terminal_is_refused(
    screen: Screen, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", StringIO("-\n"))
    display = RunDisplay(begin_run("a ball", LoopConfig(), tmp_path, "run"), screen.console)
    with pytest.raises(UsageError, match="needs a terminal"):
        ask_for_edits([{"id": "1", "text": "a ball"}], display, screen.console)


def test_the_command_takes_no_prompt_for_markup(tmp_path: Path) -> None:
    prompt = "[/] [bold]a red ball[/]"
    settings = [*FAST, "--graph=none", "--output-dir", str(tmp_path / "[red]out"), "--run-id", "run"]
    done = retake("run", prompt, *settings, FORCE_COLOR="1", TERM="xterm-256color")
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    assert prompt in done.stdout
    again = retake("run", prompt, *settings, "--json")
    assert json.loads(again.stdout)["prompt"] == prompt
    report = tmp_path / "[red]out" / "run" / "report.html"
    assert str(report) in retake("report", str(report.parent)).stdout


@pytest.mark.parametrize(
    "arguments",
    [
        ["run", "a ball", "--renderer", "[/]"],
        ["run", "a ball", "--embedder=hashing", "--graph", "[red]no[/red]"],
        ["batch", "[/].txt"],
        ["config", "validate", "[/].yaml"],
    ],
)
def test_a_slip_with_brackets_is_said_as_it_was_typed(arguments: list[str], tmp_path: Path) -> None:
    done = retake(*arguments, *(["--output-dir", str(tmp_path / "out")] if arguments[0] in ("run", "batch") else []))
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert arguments[-1] in done.stderr
    assert not (tmp_path / "out").exists()


def test_quiet_says_the_outcome_and_nothing_else(tmp_path: Path) -> None:
    done = retake("run", "a red ball", *FAST, "--graph=none", "--output-dir", str(tmp_path), "--quiet")
    assert done.returncode == 0, done.stderr
    assert "best prompt" in done.stdout
    assert "iteration" not in done.stdout
    assert done.stderr == ""
