"""One prompt all the way round: what comes out, and what happens when a part fails."""

import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from fakes import fast_config

from agent.config import LoopConfig
from agent.config_file import make_config
from agent.errors import StageError, UsageError
from agent.llm.scripted import ScriptedLanguageModel
from agent.optimize import optimize
from agent.parts import open_parts
from agent.records import STOP_REASONS, Result
from agent.rewriters.llm import LLMRewriter
from agent.run import begin_run, reopen_run
from agent.trajectory import SCHEMA_VERSION, Journal, Trajectory, read_trajectory
from feedback.sources.scripted import ScriptedSource

LOOSE = "a crimson ball drifting rightwards"


def run(prompt: str, folder: Path, listeners: Any = (), **overrides: Any) -> tuple[Result, Trajectory]:
    execution = begin_run(prompt, fast_config(**overrides), folder, "run")
    return execution.execute(listeners=listeners), read_trajectory(folder / "run")


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run folder of one whole run."""
    folder = tmp_path_factory.mktemp("finished")
    run(LOOSE, folder)
    return folder / "run"


def test_loose_words_are_reworded_and_the_gain_holds_on_unseen_seeds(finished: Path) -> None:
    trajectory = read_trajectory(finished)
    result = trajectory.result
    assert result is not None
    assert "red circle" in result.best.text.lower()
    assert result.best_score is not None
    assert result.original_score is not None
    assert result.best_score > result.original_score
    assert result.verified_gain is not None
    assert result.verified_gain > 0
    assert result.stop_reason in STOP_REASONS
    loop_seeds = {render.seed for render in trajectory.renders if render.purpose == "loop"}
    assert loop_seeds.isdisjoint(result.verification.seeds if result.verification else [])


def test_the_folder_holds_what_the_design_says(finished: Path) -> None:
    names = {path.name for path in finished.iterdir()}
    assert {"config.json", "trajectory.jsonl", "checkpoints.sqlite", "videos", "result.json", "report.html"} <= names
    trajectory = read_trajectory(finished)
    assert {f"{render.id}.mp4" for render in trajectory.renders} == {p.name for p in (finished / "videos").iterdir()}
    header = trajectory.header
    assert header["schema_version"] == SCHEMA_VERSION
    assert header["packages"]["langgraph"]
    assert header["models"]["renderer"]["model"] == "retake/painter"


def test_every_candidate_is_rendered_on_the_first_of_the_originals_seeds(finished: Path) -> None:
    trajectory = read_trajectory(finished)
    seeds: dict[str, set[int]] = {}
    for render in trajectory.renders:
        if render.purpose == "loop":
            seeds.setdefault(render.candidate, set()).add(render.seed)
    assert len(seeds) > 1
    original = sorted(seeds["0"])
    assert all(sorted(of_candidate) == original[: len(of_candidate)] for of_candidate in seeds.values())
    assert trajectory.result is not None
    assert seeds[trajectory.result.best.id] == set(original) == {0, 1}


def test_the_saved_config_repeats_the_run(finished: Path, tmp_path: Path) -> None:
    prompt, config = reopen_run(finished).folder.saved_config()
    again = begin_run(prompt, config, tmp_path, "again").execute()
    before = Result.model_validate_json((finished / "result.json").read_text(encoding="utf-8"))
    timeless = {"totals": before.totals.model_copy(update={"seconds": 0, "render_seconds": 0})}
    zeroed = again.totals.model_copy(update={"seconds": 0, "render_seconds": 0})
    assert again.model_copy(update={"totals": zeroed}) == before.model_copy(update=timeless)


def test_running_a_finished_run_again_renders_nothing_and_gives_the_same_result(finished: Path) -> None:
    videos = {path: path.stat().st_mtime_ns for path in (finished / "videos").iterdir()}
    before = (finished / "result.json").read_text(encoding="utf-8")
    result = reopen_run(finished).execute()
    assert result == Result.model_validate_json(before)
    assert videos == {path: path.stat().st_mtime_ns for path in (finished / "videos").iterdir()}


def test_a_changed_config_is_refused_with_the_differing_keys(finished: Path) -> None:
    with pytest.raises(UsageError, match=r"stop\.patience \(2 there, 9 now\)"):
        begin_run(LOOSE, fast_config(stop__patience=9), finished.parent, "run")
    with pytest.raises(UsageError, match="another prompt"):
        begin_run("a blue square", fast_config(), finished.parent, "run")


def test_the_words_as_typed_can_win(tmp_path: Path) -> None:
    config = fast_config()
    parts = replace(open_parts(config), sources=[ScriptedSource([0.99])])
    result = begin_run(LOOSE, config, tmp_path, "run").execute(parts)
    assert len(read_trajectory(tmp_path / "run").candidates) > 1
    assert result.best.id == "0"
    assert result.verified_gain == 0.0
    assert result.stop_reason == "score_threshold"


def test_where_nothing_else_was_tried_there_is_no_gain_to_report(tmp_path: Path) -> None:
    result, trajectory = run("a red circle moves to the right", tmp_path, retrieve__graph="none")
    assert [candidate.id for candidate in trajectory.candidates] == ["0"]
    assert result.verified_gain is None


def test_the_prompt_alone_on_all_seeds_hands_over_its_best_clip(tmp_path: Path) -> None:
    config = fast_config(search__strategy="best_of_n", stop__max_renders=5)
    parts = replace(open_parts(config), sources=[ScriptedSource([0.2, 0.5, 0.9, 0.4, 0.3], "luck")])
    result = begin_run(LOOSE, config, tmp_path, "run").execute(parts)
    assert (result.best.id, result.best_video, result.totals.renders) == ("0", "videos/0-2.mp4", 5)
    assert result.stop_reason == "max_renders"
    assert result.verified_gain is None


def test_when_words_no_longer_help_the_champion_gets_new_seeds_and_its_best_clip_is_handed_over(tmp_path: Path) -> None:
    #                     0-0  1-0  2-0  0-1  1-1, then new seeds of candidate 1: a better clip, and two that are not
    luck = ScriptedSource([0.2, 0.9, 0.1, 0.2, 0.4, 0.95, 0.3, 0.5, 0.6], "luck")
    config = fast_config(stop__max_iterations=0, verify__seeds=0)
    result = begin_run(LOOSE, config, tmp_path, "run").execute(replace(open_parts(config), sources=[luck]))
    trajectory = read_trajectory(tmp_path / "run")
    assert [decision.words_ended for decision in trajectory.decisions] == ["max_iterations", None]
    assert [r.id for r in trajectory.renders][5:] == ["1-2", "1-3", "1-4", "1-5"]
    assert (result.best.id, result.best_video, result.stop_reason) == ("1", "videos/1-2.mp4", "max_iterations")
    assert result.best_score == pytest.approx(0.65), "the seeds on which it was compared"


def test_an_evolution_breeds_from_the_best_and_never_repeats_a_text(tmp_path: Path) -> None:
    result, trajectory = run(
        LOOSE, tmp_path, search__strategy="evolve", stop__score_threshold=1.0, stop__max_iterations=2
    )
    bred = [candidate for candidate in trajectory.candidates if "ranked" in candidate.rationale]
    assert bred
    assert len({candidate.text for candidate in trajectory.candidates}) == len(trajectory.candidates)
    assert result.best_score is not None
    assert result.original_score is not None
    assert result.best_score > result.original_score


def test_a_champion_that_loses_on_unseen_seeds_is_not_returned(tmp_path: Path) -> None:
    lucky = ScriptedSource([0.2, 0.9, 0.3, 0.2, 0.9, 0.6, 0.6, 0.1, 0.1], "lucky")
    config = fast_config(stop__max_iterations=0)
    parts = replace(open_parts(config), sources=[lucky])
    result = begin_run(LOOSE, config, tmp_path, "run").execute(parts)
    assert result.verification is not None
    assert result.verification.champion == "1"
    assert result.verification.gain == pytest.approx(-0.5)
    assert (result.best.id, result.verified_gain) == ("0", 0.0)


def test_what_the_judge_can_not_see_is_no_success(tmp_path: Path) -> None:
    for prompt in ("a man rides a bicycle in the rain", "a cat on a beach", "\N{LARGE RED CIRCLE}"):
        result, _ = run(prompt, tmp_path / str(len(prompt)), stop__max_iterations=1)
        assert result.stop_reason == "all_candidates_failed"
        assert result.best_score is None
        assert result.verified_gain is None
    assert "the prompt asks for nothing" in result.why


def test_without_verification_the_gain_is_unknown_not_zero(tmp_path: Path) -> None:
    result, trajectory = run(LOOSE, tmp_path, verify__seeds=0)
    assert result.verified_gain is None
    assert result.verification is None
    assert all(render.purpose == "loop" for render in trajectory.renders)


def test_the_render_budget_holds_verification_included(tmp_path: Path) -> None:
    result, trajectory = run(LOOSE, tmp_path, stop__max_renders=8, retrieve__graph="none")
    assert len(trajectory.renders) <= 8
    assert result.stop_reason == "max_renders"


def test_a_renderer_that_fails_on_some_texts_leaves_the_others_usable(tmp_path: Path) -> None:
    result, trajectory = run("a yellow ball", tmp_path, render__renderer="fakes:FailingPainter")
    assert result.best_video
    result, trajectory = run("a ruby ball", tmp_path / "2", render__renderer="fakes:FailingPainter")
    failures = [render.failure for render in trajectory.renders if render.failure]
    assert "RenderError: no red today" in failures
    assert result.best.id == "0"
    assert result.totals.failed_renders == len(failures)


def test_when_nothing_can_be_rendered_the_run_says_so(tmp_path: Path) -> None:
    result, trajectory = run("a blue ball", tmp_path, render__renderer="fakes:FailingPainter")
    assert result.stop_reason == "all_candidates_failed"
    assert result.best_score is None
    assert result.verified_gain is None
    assert {render.failure for render in trajectory.renders} == {"MemoryError: CUDA out of memory"}


def test_a_rewriter_that_fails_is_replaced_by_the_rules_and_counted(tmp_path: Path) -> None:
    result, trajectory = run(LOOSE, tmp_path, rewrite__rewriter="fakes:BrokenRewriter")
    assert "ConnectionError: the server is gone" in [drafts.fallback for drafts in trajectory.drafts]
    assert result.totals.fallbacks > 0
    assert result.best.origin == "fallback"
    with pytest.raises(StageError, match="strict"):
        run(LOOSE, tmp_path / "2", rewrite__rewriter="fakes:BrokenRewriter", rewrite__strict=True)


def test_a_source_that_raises_is_unscored_with_its_reason_and_the_others_count(tmp_path: Path) -> None:
    result, trajectory = run(LOOSE, tmp_path, assess__sources=["alignment", "fakes:BrokenSource"])
    assert result.best_score is not None
    broken = [f for row in trajectory.assessed for f in row.assessment.feedbacks if f.source == "broken"]
    assert broken
    assert all(f.score.value is None and "ZeroDivisionError" in f.score.why for f in broken)


def test_nonsense_and_refusals_of_a_language_model_never_reach_the_renderer(tmp_path: Path) -> None:
    replies = [
        "I'm sorry, but I can't help with that.",
        "xq zzkv pfft wrq bnmt lkjh",
        "A dog sleeps on a sofa in the sun.",
    ]
    execution = begin_run(LOOSE, fast_config(), tmp_path, "run")
    model = ScriptedLanguageModel(lambda messages: replies[len(messages[-1]["content"]) % 3])
    parts = replace(open_parts(fast_config()), rewriter=LLMRewriter(model))
    execution.execute(parts)
    trajectory = read_trajectory(tmp_path / "run")
    rendered = {trajectory.candidate(render.candidate).text for render in trajectory.renders}
    assert not rendered & set(replies)
    assert all("red" in text.lower() or "crimson" in text.lower() for text in rendered)


def test_a_stop_file_ends_the_run_with_that_reason(tmp_path: Path) -> None:
    class Stopper:
        def on_event(self, event: str, data: dict[str, Any]) -> None:
            if event == "rendered":
                (tmp_path / "run" / "STOP").touch()

    result, trajectory = run(LOOSE, tmp_path, listeners=[Stopper()], stop__max_iterations=4)
    assert result.stop_reason == "stop_file"
    assert len(trajectory.renders) == 1
    assert (tmp_path / "run" / "report.html").exists()


def test_a_listener_that_raises_changes_nothing(tmp_path: Path, finished: Path) -> None:
    class Nuisance:
        def on_event(self, event: str, data: dict[str, Any]) -> None:
            raise ValueError("not today")

    result, _ = run(LOOSE, tmp_path, listeners=[Nuisance()])
    assert result.best == read_trajectory(finished).result.best  # type: ignore[union-attr]


def test_flags_in_the_prompt_are_settings_and_not_words(tmp_path: Path) -> None:
    config = make_config({"render": {"renderer": "painter"}})
    execution = begin_run("a red ball -neg blur, text -ar 16:9", config, tmp_path)
    assert execution.prompt == "a red ball"
    render = execution.config.render
    assert render.negative_prompt == "blur, text"
    assert render.width
    assert render.height
    assert render.width / render.height == pytest.approx(16 / 9, rel=0.2)


def test_a_ratio_that_the_renderer_can_not_make_is_told_and_not_asked_for(tmp_path: Path) -> None:
    execution = begin_run("a red ball -ar 16:9", LoopConfig(), tmp_path)
    assert execution.config.render.width is None
    assert any("-ar" in note for note in execution.notes)


def test_what_will_be_missing_of_a_prompt_is_logged_and_stands_in_the_trajectory(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    config = fast_config(stop__max_iterations=0, verify__seeds=0)
    optimize("a red circle -motion 2", config, tmp_path, run_id="run")
    (note,) = read_trajectory(tmp_path / "run").header["notes"]
    assert "-motion" in note
    assert (note, "WARNING") in [(record.getMessage(), record.levelname) for record in caplog.records]


def test_a_run_about_which_there_is_nothing_to_say_has_no_notes(finished: Path) -> None:
    assert "notes" not in read_trajectory(finished).header


def test_a_run_is_not_gone_on_with_by_another_revision_of_its_model(tmp_path: Path) -> None:
    execution = begin_run("a red circle", fast_config(render__renderer="pocket"), tmp_path, "run")
    execution.folder.create(execution.prompt, execution.config)
    Journal(execution.folder.trajectory_file).start({"models": {"renderer": {"revision": "0" * 12}}, "prompt": "p"})
    with pytest.raises(UsageError, match=r"begun with retake/pocket at revision 000000000000, .* --run-id"):
        execution.execute()
    assert not list(execution.folder.videos.iterdir())


def test_two_processes_do_not_work_in_one_folder(tmp_path: Path) -> None:
    execution = begin_run(LOOSE, fast_config(), tmp_path, "run")
    execution.folder.create(execution.prompt, execution.config)
    with execution.folder.lock(), pytest.raises(UsageError, match="another process"):
        begin_run(LOOSE, fast_config(), tmp_path, "run").execute()


def test_a_read_only_output_folder_is_refused_before_anything_is_rendered(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(UsageError, match="choose another --output-dir"):
        begin_run(LOOSE, fast_config(), tmp_path / "file").execute()


def test_a_weight_for_no_source_is_refused_before_anything_is_rendered(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="'colour'; the sources are alignment"):
        run(LOOSE, tmp_path, assess__weights={"colour": 2.0})
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("url", ["http://joe:hunter2@127.0.0.1/v1", "http://127.0.0.1/v1?key=hunter2"])
def test_a_secret_in_an_address_is_refused_and_not_repeated(url: str) -> None:
    with pytest.raises(UsageError, match="no user, password or query") as slip:
        fast_config(rewrite__rewriter="llm", rewrite__base_url=url, rewrite__model="m")
    assert "hunter2" not in str(slip.value)


def test_no_secret_is_in_any_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-very-secret")
    monkeypatch.setenv("RETAKE_API_KEY", "sk-very-secret")
    run(LOOSE, tmp_path)
    assert not [path for path in tmp_path.rglob("*") if path.is_file() and b"very-secret" in path.read_bytes()]


def test_review_lets_a_person_edit_and_drop_before_rendering(tmp_path: Path) -> None:
    execution = begin_run(LOOSE, fast_config(review="first"), tmp_path, "run")
    with pytest.raises(UsageError, match="waits for a review"):
        execution.execute()
    assert not list((tmp_path / "run" / "videos").iterdir())

    def edit(texts: Any) -> dict[str, str]:
        return {row["id"]: "" for row in texts[1:]} | {texts[0]["id"]: "A red circle moves to the right at noon."}

    reopen_run(tmp_path / "run").execute(reviewer=edit)
    trajectory = read_trajectory(tmp_path / "run")
    first = [c for c in trajectory.candidates if c.id == "1"][-1]
    assert (first.origin, first.text) == ("review", "A red circle moves to the right at noon.")
    assert {render.candidate for render in trajectory.renders if render.purpose == "loop"} == {"0", "1"}


def test_ctrl_c_exits_130_and_the_same_command_goes_on(tmp_path: Path) -> None:
    settings = "--renderer painter --embedder hashing --run-id run --seeds 40 --max-renders 400 --score-threshold 1"
    arguments = ["run", LOOSE, "--output-dir", str(tmp_path), *settings.split()]
    command = [sys.executable, "-c", "import retake; retake.main()", *arguments]
    process = subprocess.Popen(command, cwd=Path(__file__).parents[1], env=os.environ, stdout=subprocess.PIPE)
    videos = tmp_path / "run" / "videos"
    deadline = time.monotonic() + 60
    while not (videos.is_dir() and len(list(videos.glob("*.mp4"))) > 2) and time.monotonic() < deadline:
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 130
    assert b"retake resume" in output
    made = len(list(videos.glob("*.mp4")))
    assert 0 < made < 120
    assert not (tmp_path / "run" / "result.json").exists()
    assert len(read_trajectory(tmp_path / "run").renders) >= made - 1


def test_several_renders_at_a_time_change_nothing_but_the_order(finished: Path, tmp_path: Path) -> None:
    result, trajectory = run(LOOSE, tmp_path, render__concurrency=4)
    alone = read_trajectory(finished)
    assert result.best == alone.result.best  # type: ignore[union-attr]
    assert result.verification == alone.result.verification  # type: ignore[union-attr]
    assert {render.id for render in trajectory.renders} == {render.id for render in alone.renders}
    assert trajectory.decisions == alone.decisions
