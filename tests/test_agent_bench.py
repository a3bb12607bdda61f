"""The bench: equal renders, shared renders, unseen seeds, a judge that is never near the choice, and resuming."""

import json
import os
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from bench_parts import PROMPTS, OnOneGPU, quick_settings
from command import FAST, retake
from serve import completion, fake_openai

from agent.bench.cli import show_steps
from agent.bench.entrants import read_entrants, read_rewriter
from agent.bench.held_out import choose_held_out, open_held_out, split_name
from agent.bench.measure import Step
from agent.bench.methods.few_shot import EXAMPLES, brief_messages, few_shot_messages
from agent.bench.records import Measured
from agent.bench.registry import ABLATIONS, open_methods
from agent.bench.result import BenchResult
from agent.bench.run import run_bench
from agent.bench.studio import VERIFY_DISTANCE
from agent.errors import UsageError
from agent.prompts import Rewrite, rewrite_messages, write_reply
from agent.prompts.templates import shipped_templates
from agent.rewriter import RewriteTask
from agent.rewriter_card import RewriterBrief, RewriterCard, write_card
from agent.trajectory import read_trajectory
from feedback.errors import FeedbackError

METHODS = ["raw", "best_of_n", "blind_rewrite", "rapo", "loop"]


@pytest.fixture(autouse=True)
def counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the painter notes what it draws."""
    monkeypatch.setenv("RETAKE_TEST_RENDERS", str(tmp_path / "renders.txt"))
    return tmp_path / "renders.txt"


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, BenchResult, Counter[str]]:
    """A bench of two prompts: its folder, its outcome, and how often each (seed, text) was rendered."""
    folder = tmp_path_factory.mktemp("bench")
    os.environ["RETAKE_TEST_RENDERS"] = str(folder / "renders.txt")
    settings = quick_settings(held_out="bench_parts:HeldOut")
    result = run_bench(PROMPTS, METHODS, settings, folder / "out", lambda _: None)
    made = Counter((folder / "renders.txt").read_text(encoding="utf-8").splitlines())
    return folder / "out", result, made


def rows_of(result: BenchResult, method: str) -> list[Measured]:
    return [row for row in result.rows if row.method == method]


def answers_in(folder: Path) -> list[dict[str, Any]]:
    lines = (folder / "bench.jsonl").read_text(encoding="utf-8").splitlines()[1:]
    return [row["data"] for row in map(json.loads, lines) if row["event"] == "answer"]


def test_every_method_keeps_to_its_renders_and_raw_makes_one(bench: tuple[Path, BenchResult, Any]) -> None:
    _, result, _ = bench
    assert {row.method for row in result.rows} == set(METHODS)
    assert all(1 <= row.renders <= 3 for row in result.rows)
    assert [row.renders for row in rows_of(result, "raw")] == [1, 1]
    assert [row.renders for row in rows_of(result, "best_of_n")] == [3, 3]


def test_all_methods_choose_on_the_same_seeds_and_none_on_those_of_the_verification(
    bench: tuple[Path, BenchResult, Any],
) -> None:
    folder, _, made = bench
    seeds = {answer["method"]: {row["seed"] for row in answer["renders"]} for answer in answers_in(folder)}
    assert seeds["raw"] <= seeds["best_of_n"] == seeds["rapo"] == {0, 1, 2}
    assert seeds["loop"] <= {0, 1, 2}
    verified = {int(line.split()[0]) for line in made} - {0, 1, 2}
    assert verified == {VERIFY_DISTANCE, VERIFY_DISTANCE + 1}


def test_the_same_text_and_seed_is_rendered_once_for_all_but_the_loop(bench: tuple[Path, BenchResult, Any]) -> None:
    _, _, made = bench
    unseen = [count for line, count in made.items() if int(line.split()[0]) >= VERIFY_DISTANCE]
    assert set(unseen) == {1}
    assert max(made.values()) <= 2


def test_a_wording_is_measured_alike_whoever_found_it(bench: tuple[Path, BenchResult, Any]) -> None:
    _, result, _ = bench
    raw, best = rows_of(result, "raw"), rows_of(result, "best_of_n")
    assert [row.text_own for row in raw] == [row.text_own for row in best]
    by_text: dict[tuple[str, str], set[float | None]] = {}
    for row in result.rows:
        by_text.setdefault((row.prompt, row.text), set()).add(row.text_held_out)
    assert all(len(scores) == 1 for scores in by_text.values())


def test_the_best_of_n_is_never_below_raw_by_the_assessment_that_chose_it(
    bench: tuple[Path, BenchResult, Any],
) -> None:
    _, result, _ = bench
    for raw, best in zip(rows_of(result, "raw"), rows_of(result, "best_of_n"), strict=True):
        assert raw.delivered_own is not None
        assert best.delivered_own is not None
        assert best.delivered_own >= raw.delivered_own


def test_the_painter_is_told_better_by_a_rewrite_than_by_more_seeds(bench: tuple[Path, BenchResult, Any]) -> None:
    _, result, _ = bench
    first = result.comparisons[0]
    assert first.measure == "text_held_out"
    gains = {v.method: v.difference.value for v in first.versus if v.reference == "best_of_n"}
    assert gains["rapo"] is not None
    assert gains["rapo"] > 0.3
    assert gains["loop"] is not None
    assert gains["loop"] > 0.3


def test_curves_go_to_the_end_of_the_budget_and_begin_with_the_first_render(
    bench: tuple[Path, BenchResult, Any],
) -> None:
    _, result, _ = bench
    assert {len(row.curve) for row in result.rows} == {3}
    assert all(row.curve == [row.delivered_held_out] * 3 for row in rows_of(result, "raw"))
    assert all(row.curve[-1] == row.delivered_held_out for row in rows_of(result, "best_of_n"))


def test_the_outcome_stands_in_files_that_can_be_read_again(bench: tuple[Path, BenchResult, Any]) -> None:
    folder, result, _ = bench
    assert BenchResult.model_validate_json((folder / "results.json").read_text(encoding="utf-8")) == result
    table = (folder / "table.md").read_text(encoding="utf-8")
    assert "held-out judge: bench_parts:HeldOut" in table
    assert all(f"| {method} |" in table for method in METHODS)
    for name in ("gain_per_render.svg", "dimensions.svg"):
        assert "</svg>" in (folder / name).read_text(encoding="utf-8")


def test_a_bench_run_again_renders_and_asks_nothing_again(bench: tuple[Path, BenchResult, Any], counted: Path) -> None:
    folder, result, _ = bench
    before = (folder / "bench.jsonl").read_bytes()
    steps: list[Step] = []
    again = run_bench(PROMPTS, METHODS, quick_settings(held_out="bench_parts:HeldOut"), folder, steps.append)
    assert again.rows == result.rows
    assert again.comparisons == result.comparisons
    assert not counted.exists()
    assert (folder / "bench.jsonl").read_bytes() == before
    assert all(step.is_replayed for step in steps)


def test_a_folder_of_other_settings_is_refused_and_the_difference_named(bench: tuple[Path, BenchResult, Any]) -> None:
    folder, _, _ = bench
    with pytest.raises(UsageError, match=r"renders \(3 there, 2 now\)"):
        run_bench(PROMPTS, METHODS, quick_settings(renders=2), folder, lambda _: None)
    with pytest.raises(UsageError, match=r"render\.num_frames"):
        run_bench(PROMPTS, METHODS, quick_settings(render__num_frames=8), folder, lambda _: None)


def run_until(folder: Path, step: int) -> int:
    """Runs or resumes in a new process until it is killed after this step; its exit status."""
    environment = os.environ | {
        "RETAKE_TEST_RENDERS": str(folder / "renders.txt"),
        "RETAKE_TEST_LOOKS": str(folder / "looks.txt"),
    }
    command = [sys.executable, str(Path(__file__).parent / "bench_parts.py"), str(folder / "out"), str(step)]
    return subprocess.run(command, env=environment, capture_output=True, timeout=240, check=False).returncode


def test_a_killed_bench_goes_on_and_repeats_no_render_and_no_question(tmp_path: Path) -> None:
    for step in (2, 3):
        assert run_until(tmp_path, step) == -signal.SIGKILL
    torn = tmp_path / "out" / "bench.jsonl"
    assert run_until(tmp_path, 0) == 0
    made = Counter((tmp_path / "renders.txt").read_text(encoding="utf-8").splitlines())
    assert max(made.values()) <= 2, "once for the studio, once for the loop"
    asked = len((tmp_path / "looks.txt").read_text(encoding="utf-8").splitlines())
    events = [json.loads(line)["event"] for line in torn.read_text(encoding="utf-8").splitlines()]
    assert asked == events.count("held_out")
    assert events.count("answer") == 3


@pytest.mark.parametrize(
    ("method", "why"),
    [("Peeker", "seeds of the verification"), ("Spendthrift", "6 renders, 3 are allowed"), ("Broken", "is gone")],
)
def test_a_method_that_cheats_or_breaks_has_no_answer_and_the_others_have(
    method: str, why: str, tmp_path: Path
) -> None:
    result = run_bench(PROMPTS[:1], [f"bench_parts:{method}"], quick_settings(), tmp_path / "out", lambda _: None)
    assert [row.method for row in result.rows] == ["raw"]
    (failed,) = result.failed
    assert why in failed.why


def test_methods_that_need_what_is_not_there_are_skipped_with_a_reason(tmp_path: Path) -> None:
    settings = quick_settings(retrieve__graph="none")
    result = run_bench(PROMPTS[:1], ["few_shot", "rapo"], settings, tmp_path / "out", lambda _: None)
    assert result.skipped.keys() == {"few_shot", "rapo"}
    assert "--rewriter llm" in result.skipped["few_shot"]
    assert "relation graph" in result.skipped["rapo"]
    assert "few_shot was not run" in (tmp_path / "out" / "table.md").read_text(encoding="utf-8")


def test_with_a_language_model_every_writer_asks_it_and_its_calls_are_counted(tmp_path: Path) -> None:
    caption = "A red circle moves to the right."
    with fake_openai(completion(write_reply(Rewrite(caption, "plainer")))) as server:
        model = {"rewrite__rewriter": "llm", "rewrite__model": "m", "rewrite__base_url": server.base_url}
        methods = ["raw", "few_shot", "blind_rewrite", "rapo"]
        result = run_bench(PROMPTS[:1], methods, quick_settings(**model), tmp_path / "out", lambda _: None)
    assert not result.skipped
    assert not result.failed
    by_method = {row.method: row for row in result.rows}
    assert {by_method[name].text for name in methods[1:]} == {caption}
    assert by_method["raw"].llm_calls == 0
    assert by_method["few_shot"].llm_calls == by_method["blind_rewrite"].llm_calls >= 1
    assert by_method["rapo"].llm_calls > by_method["few_shot"].llm_calls
    assert by_method["few_shot"].tokens_in == 11 * by_method["few_shot"].llm_calls


def test_a_distilled_rewriter_of_ones_own_writes_once_and_is_screened(tmp_path: Path) -> None:
    settings = quick_settings(entrants=read_entrants(["fakes:SlowLearner"]))
    prompt = "a red circle moves up, two azure balls drift leftwards"
    result = run_bench([prompt], [], settings, tmp_path / "out", lambda _: None)
    (row,) = rows_of(result, "distilled")
    assert row.text.startswith("A red circle moves up and two azure balls drift leftwards on a black background.")


def test_a_writer_is_screened_by_the_negative_prompt_as_the_loop_is(tmp_path: Path) -> None:
    entrants = read_entrants(["bench_parts:BoxLover"])
    settings = quick_settings(entrants=entrants, render__negative_prompt="blur, box")
    result = run_bench(["a red ball rises"], [], settings, tmp_path / "out", lambda _: None)
    (row,) = rows_of(result, "distilled")
    assert row.text == "a red ball rises"
    assert row.note == "left as typed: accurate: the prompt wants no box, the text names it"


def test_models_make_room_for_the_held_out_judge_once_a_prompt(tmp_path: Path) -> None:
    parts = {"held_out": "bench_parts:BigHeldOut", "render__renderer": "bench_parts:BigPainter"}
    OnOneGPU.moves.clear()
    run_bench(PROMPTS, ["best_of_n", "rapo"], quick_settings(**parts), tmp_path / "out", lambda _: None)
    a_prompt = ["BigHeldOut makes room", "BigPainter works", "BigPainter makes room", "BigHeldOut works"]
    assert OnOneGPU.moves == a_prompt * len(PROMPTS)


def test_a_held_out_judge_on_a_server_is_held_by_that_server() -> None:
    with fake_openai(completion("Yes")) as server:
        judge = open_held_out(quick_settings(held_out="vlm-endpoint:other", held_out_base_url=server.base_url))
        assert judge
        (resident,) = judge.residents
        assert [(own.model, f"{own.place}/v1") for own in resident.holdings] == [("other", server.base_url)]


def test_an_ablation_is_the_loop_with_one_thing_changed_and_stands_against_it(tmp_path: Path) -> None:
    methods, settings = ["loop", *ABLATIONS], quick_settings(held_out="bench_parts:HeldOut")
    result = run_bench(PROMPTS[:1], methods, settings, tmp_path / "out", lambda _: None)
    assert not result.failed
    configs = {
        name: read_trajectory(next((tmp_path / "out" / name).iterdir())).header["config"]
        for name in ("loop", *ABLATIONS)
    }
    changed = {
        name: [
            (section, key, value)
            for section, settings in config.items()
            if isinstance(settings, dict)
            for key, value in settings.items()
            if value != configs["loop"][section][key]
        ]
        for name, config in configs.items()
    }
    assert changed == {
        "loop": [],
        "no_retrieval": [("retrieve", "graph", "none")],
        "no_memory": [("rewrite", "remember", False)],
        "no_critique": [("rewrite", "critique", False)],
        "no_gate": [("select", "gate", False)],
        "weighted": [("select", "rule", "weighted")],
        "pareto": [("select", "rule", "pareto")],
    }
    against_loop = [versus.method for versus in result.comparisons[0].versus if versus.reference == "loop"]
    assert against_loop == list(ABLATIONS)


def test_without_retrieval_the_loop_has_no_words_but_the_prompts_own(tmp_path: Path) -> None:
    result = run_bench(PROMPTS[:1], ["loop", "no_retrieval"], quick_settings(), tmp_path / "out", lambda _: None)
    (whole,), (without,) = rows_of(result, "loop"), rows_of(result, "no_retrieval")
    assert "circle" in whole.text
    assert "circle" not in without.text
    run = read_trajectory(next((tmp_path / "out" / "no_retrieval").iterdir()))
    assert not run.modifiers


def test_an_ablation_of_what_the_bench_leaves_out_anyway_is_skipped(tmp_path: Path) -> None:
    settings = quick_settings(select__gate=False)
    result = run_bench(PROMPTS[:1], ["loop", "no_gate"], settings, tmp_path / "out", lambda _: None)
    assert "already" in result.skipped["no_gate"]


def test_a_prompt_that_cant_be_used_costs_only_itself(tmp_path: Path) -> None:
    result = run_bench(["x" * 20_000, PROMPTS[0]], ["best_of_n"], quick_settings(), tmp_path / "out", lambda _: None)
    assert {row.prompt for row in result.rows} == {PROMPTS[0]}
    assert {failed.method for failed in result.failed} == {"raw", "best_of_n"}


def test_without_an_answer_to_half_of_its_questions_the_held_out_judge_gives_no_score(tmp_path: Path) -> None:
    settings = quick_settings(held_out="bench_parts:Silent")
    result = run_bench(PROMPTS[:1], ["raw"], settings, tmp_path / "out", lambda _: None)
    (row,) = result.rows
    assert row.text_held_out is None
    assert row.text_own is not None
    assert [comparison.measure for comparison in result.comparisons] == ["text_own", "delivered_own"]


def test_the_judge_that_the_loop_asks_is_no_held_out_judge() -> None:
    with pytest.raises(UsageError, match="not held out"):
        open_held_out(quick_settings(held_out="shapes"))
    with pytest.raises(FeedbackError, match="unknown judge 'imaginary'"):
        open_held_out(quick_settings(held_out="imaginary"))


def test_a_held_out_judge_is_named_with_or_without_its_model() -> None:
    assert split_name("vlm:Qwen/Qwen2.5-VL-3B-Instruct") == ("vlm", "Qwen/Qwen2.5-VL-3B-Instruct")
    assert split_name("package.module:Judge") == ("package.module:Judge", None)
    assert split_name("shapes") == ("shapes", None)
    assert choose_held_out(None, "pocket") == "critic"
    assert choose_held_out(None, "diffusers") is None
    assert choose_held_out("none", "pocket") is None


def test_few_shot_examples_are_turns_of_the_same_form_as_the_task() -> None:
    task, pairs = RewriteTask("a red ball"), EXAMPLES["pocket"]
    messages = few_shot_messages(task, pairs)
    assert [messages[0], messages[-1]] == rewrite_messages(task)
    assert [message["role"] for message in messages[1:-1]] == ["user", "assistant"] * len(pairs)


def test_examples_under_a_brief_are_turns_of_what_a_distilled_rewriter_is_told() -> None:
    brief, pairs = RewriterBrief(template=shipped_templates().source("distilled"), style="pocket"), EXAMPLES["pocket"]
    messages = brief_messages(brief, "a red ball", pairs)
    assert [messages[0], messages[-1]] == brief.messages("a red ball")
    turns = [message["content"] for message in messages[1:-1]]
    assert turns == [text for pair in pairs for text in pair]


def test_a_distilled_rewriter_is_a_folder_a_class_a_config_or_a_model(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text("rewrite: {rewriter: rules, word_limit: 33}\n", encoding="utf-8")
    write_card(tmp_path, RewriterCard(kind="model", base="m", brief=RewriterBrief(template="")))
    assert read_rewriter("fakes:SlowLearner").rewriter == "fakes:SlowLearner"
    assert read_rewriter(str(tmp_path / "mine.yaml")).word_limit == 33
    model = read_rewriter("someone/rewriter")
    assert (model.rewriter, model.model, model.resolved_engine) == ("llm", "someone/rewriter", "transformers")
    trained = read_rewriter(str(tmp_path))
    assert (trained.rewriter, trained.model) == ("distilled", str(tmp_path))


def test_several_rewriters_have_names_of_their_own() -> None:
    named = read_entrants(["sft=fakes:SlowLearner", "sft+dpo=runs/a=b", "fakes:BrokenRewriter"])
    assert {name: one.rewrite.rewriter for name, one in named.items()} == {
        "sft": "fakes:SlowLearner",
        "sft+dpo": "llm",
        "distilled": "fakes:BrokenRewriter",
    }
    assert named["sft+dpo"].rewrite.model == "runs/a=b"
    with pytest.raises(UsageError, match="two rewriters 'distilled'"):
        read_entrants(["fakes:SlowLearner", "fakes:BrokenRewriter"])
    settings = quick_settings(entrants=read_entrants(["loop=fakes:SlowLearner"]))
    with pytest.raises(UsageError, match="'loop' is the name of a method"):
        run_bench(PROMPTS[:1], ["loop"], settings, Path("nowhere"), lambda _: None)


def test_a_rewriter_may_enter_later_but_not_become_another_one(tmp_path: Path) -> None:
    def bench(*named: str) -> BenchResult:
        settings = quick_settings(entrants=read_entrants(named))
        return run_bench(PROMPTS[:1], [], settings, tmp_path / "out", lambda _: None)

    bench("one=fakes:SlowLearner")
    both = bench("one=fakes:SlowLearner", "two=bench_parts:BoxLover")
    assert [row.method for row in both.rows] == ["raw", "one", "two"]
    with pytest.raises(UsageError, match=r"another rewriter 'one' \(by its rewrite\)"):
        bench("one=bench_parts:BoxLover")


def test_a_rewriter_with_fewer_renders_spends_no_more_and_is_measured_as_all_others(tmp_path: Path) -> None:
    few = {name: one.model_copy(update={"renders": 1}) for name, one in read_entrants(["fakes:SlowLearner"]).items()}
    result = run_bench(PROMPTS[:1], ["best_of_n"], quick_settings(entrants=few), tmp_path / "out", lambda _: None)
    renders = {row.method: row.renders for row in result.rows}
    assert renders == {"raw": 1, "best_of_n": 3, "distilled": 1}
    assert all(row.text_own is not None for row in result.rows)


def test_raw_is_always_there_and_unknown_or_repeated_methods_are_refused() -> None:
    assert [method.name for method in open_methods(["loop"])] == ["raw", "loop"]
    with pytest.raises(UsageError, match="known: best_of_n"):
        open_methods(["imaginary"])
    with pytest.raises(UsageError, match="more than once"):
        open_methods(["loop", "loop"])


def test_time_left_counts_only_steps_that_had_to_be_done() -> None:
    class Screen:
        lines: list[str] = []  # noqa: RUF012

        def print(self, line: str, **_: Any) -> None:
            self.lines.append(line)

    times = iter([0.0, 50.0, 50.0, 60.0, 60.0])
    show = show_steps(Screen(), lambda: next(times))  # type: ignore[arg-type]
    show(Step("p", "raw", "", 1, 4, is_replayed=True))
    show(Step("p", "loop", "", 2, 4, is_replayed=False))
    assert "done before" in Screen.lines[0]
    assert "20 s left" in Screen.lines[1]


def test_the_command_prints_a_table_or_json_and_exits_3_when_something_failed(tmp_path: Path) -> None:
    prompts = tmp_path / "[bold]prompts.txt"
    prompts.write_text("a [/] red ball\n" + "x" * 20_000, encoding="utf-8")
    settings = ["--methods=best_of_n", "--renders=2", "--output-dir", str(tmp_path / "out"), *FAST]
    done = retake("bench", str(prompts), "--limit=1", *settings)
    assert done.returncode == 0, done.stderr
    assert "a [/] red ball" in done.stdout
    assert str(tmp_path / "out" / "bench-[bold]prompts" / "table.md") in done.stdout
    failed = retake("bench", str(prompts), "--json", *settings)
    assert failed.returncode == 3, failed.stderr
    assert json.loads(failed.stdout)["failed"][0]["method"] == "raw"
