"""Rows of training data: what a run must have shown before one is made of it."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from command import retake
from fakes import fast_config

from agent.llm.scripted import ScriptedLanguageModel
from agent.parts import open_parts
from agent.prompts import Rewrite, read_rewrite, write_reply
from agent.records import Assessed, Candidate, Render
from agent.rewriters.llm import LLMRewriter
from agent.run import begin_run
from agent.trajectory import Trajectory, read_trajectory
from feedback.records import Assessment
from finetune.pairs import PairRules, make_dpo_rows, make_sft_row

LOOSE = "a motionless crimson ball"
MODEL_TEXT = "A red circle stays still on a black background."


def run(prompt: str, folder: Path, name: str, **overrides: Any) -> Trajectory:
    begin_run(prompt, fast_config(**overrides), folder, name).execute()
    return read_trajectory(folder / name)


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Run folders: one that was won, one whose original stood, one that nobody could score, one broken off."""
    folder = tmp_path_factory.mktemp("runs")
    run(LOOSE, folder, "won", stop__max_iterations=1)
    run("a red circle moves to the right on a black background", folder, "kept", retrieve__graph="none")
    run(LOOSE, folder, "unscored", assess__sources=["fakes:BrokenSource"])
    begun = (folder / "won" / "trajectory.jsonl").read_bytes().splitlines(keepends=True)
    (folder / "broken off").mkdir()
    (folder / "broken off" / "trajectory.jsonl").write_bytes(b"".join(begun[:4]))
    return folder


@pytest.fixture(scope="module")
def won(runs: Path) -> Trajectory:
    return read_trajectory(runs / "won")


def trajectory_of(won: Trajectory, scores: Sequence[Mapping[str, Mapping[int, float | None]]]) -> Trajectory:
    """The same prompt with one candidate for each entry: dimension to seed to score; the overall is their mean."""
    renders: dict[str, Render] = {}
    assessed: list[Assessed] = []
    for number, by_dimension in enumerate(scores):
        for seed in {seed for by_seed in by_dimension.values() for seed in by_seed}:
            render = Render(candidate=str(number), seed=seed, iteration=0, path=f"videos/{number}-{seed}.mp4")
            renders[render.id] = render
            dimensions = {name: by_seed[seed] for name, by_seed in by_dimension.items()}
            known = [value for value in dimensions.values() if value is not None]
            mean = sum(known) / len(known) if known else None
            assessment = Assessment(feedbacks=[], dimensions=dimensions, overall=mean, intent=mean)
            assessed.append(Assessed(render=render.id, assessment=assessment))
    candidates = [
        Candidate(id=str(n), iteration=0, text=f"text {n}", origin="prompt" if n == 0 else "retrieval")
        for n in range(len(scores))
    ]
    return replace(won, candidates=candidates, renders=list(renders.values()), assessed=assessed)


def pairs_of(trajectory: Trajectory, margin: float = 0.05, per_prompt: int = 100) -> set[tuple[str, str]]:
    return {
        (read_rewrite(row["chosen"][0]["content"]).text[5:], read_rewrite(row["rejected"][0]["content"]).text[5:])
        for row in make_dpo_rows(trajectory, PairRules(margin, per_prompt))
    }


def test_the_winner_is_taught_with_its_verified_gain(won: Trajectory) -> None:
    row = make_sft_row(won)
    assert row is not None
    assert won.result is not None
    (answer,) = row["completion"]
    assert answer["role"] == "assistant"
    rewrite = read_rewrite(answer["content"])
    assert (rewrite.text, rewrite.rationale) == (won.result.best.text, won.result.best.rationale)
    assert row["verified_gain"] == won.result.verified_gain
    assert row["verified_gain"] > 0
    assert [message["role"] for message in row["prompt"]] == ["system", "user"]
    assert LOOSE in row["prompt"][1]["content"]


def test_the_prompt_of_a_row_is_what_the_rewriter_was_told_in_the_loop(tmp_path: Path) -> None:
    config = fast_config(stop__max_iterations=0, rewrite__candidates=1)
    model = ScriptedLanguageModel([write_reply(Rewrite(MODEL_TEXT, "plainer"))])
    parts = replace(open_parts(config), rewriter=LLMRewriter(model))
    begin_run(LOOSE, config, tmp_path, "run").execute(parts)
    trajectory = read_trajectory(tmp_path / "run")
    told = [dict(message) for message in model.calls[0][0]]
    row = make_sft_row(trajectory)
    assert row is not None
    assert row["prompt"] == told
    assert row["completion"][0]["content"] == write_reply(Rewrite(MODEL_TEXT, "plainer"))
    assert [pair["prompt"] for pair in make_dpo_rows(trajectory, PairRules())] == [told]


@pytest.mark.parametrize("gain", [None, 0.0, -0.2])
def test_no_sft_row_without_a_verified_gain(gain: float | None, won: Trajectory) -> None:
    assert won.result is not None
    result = won.result.model_copy(update={"verified_gain": gain})
    assert make_sft_row(replace(won, result=result)) is None


@pytest.mark.parametrize("name", ["kept", "unscored", "broken off"])
def test_no_sft_row_of_a_run_that_was_not_won(name: str, runs: Path) -> None:
    assert make_sft_row(read_trajectory(runs / name)) is None


@pytest.mark.parametrize("name", ["unscored", "broken off"])
def test_no_pair_of_what_was_never_scored(name: str, runs: Path) -> None:
    assert make_dpo_rows(read_trajectory(runs / name), PairRules(margin=0.0, per_prompt=100)) == []


def test_real_pairs_go_from_worse_to_better_on_the_same_seeds(won: Trajectory) -> None:
    rows = make_dpo_rows(won, PairRules(per_prompt=100))
    assert rows
    texts = {candidate.text for candidate in won.candidates}
    for row in rows:
        assert row["score_chosen"] - row["score_rejected"] == pytest.approx(row["margin"])
        assert row["margin"] >= 0.05
        assert row["seeds"] in ([0], [0, 1])
        chosen, rejected = (read_rewrite(row[side][0]["content"]).text for side in ("chosen", "rejected"))
        assert chosen != rejected
        assert {chosen, rejected} <= texts


def test_a_pair_needs_the_margin(won: Trajectory) -> None:
    trajectory = trajectory_of(won, [{"a": {0: 0.50}}, {"a": {0: 0.54}}, {"a": {0: 0.60}}])
    assert pairs_of(trajectory, 0.05) == {("2", "0"), ("2", "1")}
    assert pairs_of(trajectory, 0.2) == set()


def test_who_is_worse_in_one_dimension_is_not_chosen(won: Trajectory) -> None:
    trajectory = trajectory_of(won, [{"a": {0: 0.5}, "b": {0: 0.5}}, {"a": {0: 0.9}, "b": {0: 0.4}}])
    assert pairs_of(trajectory) == set()
    trajectory = trajectory_of(won, [{"a": {0: 0.5}, "b": {0: 0.5}}, {"a": {0: 0.9}, "b": {0: 0.495}}])
    assert pairs_of(trajectory) == {("1", "0")}


def test_a_dimension_known_of_one_side_only_makes_no_pair(won: Trajectory) -> None:
    trajectory = trajectory_of(won, [{"a": {0: 0.5}, "b": {0: None}}, {"a": {0: 0.9}, "b": {0: 0.9}}])
    assert pairs_of(trajectory) == set()
    trajectory = trajectory_of(won, [{"a": {0: 0.5}, "b": {0: None}}, {"a": {0: 0.9}, "b": {0: None}}])
    assert pairs_of(trajectory) == {("1", "0")}


def test_other_seeds_make_no_pair(won: Trajectory) -> None:
    assert pairs_of(trajectory_of(won, [{"a": {0: 0.2}}, {"a": {1: 0.9}}])) == set()


def test_a_candidate_that_left_the_race_early_is_paired_on_the_seeds_that_it_has(won: Trajectory) -> None:
    (row,) = make_dpo_rows(trajectory_of(won, [{"a": {0: 0.4, 1: 0.2}}, {"a": {1: 0.9}}]), PairRules())
    assert row["seeds"] == [1]
    assert row["margin"] == pytest.approx(0.7)


def test_seeds_that_the_original_lacks_do_not_count(won: Trajectory) -> None:
    (row,) = make_dpo_rows(trajectory_of(won, [{"a": {0: 0.2}}, {"a": {0: 0.5, 1: 0.0}}]), PairRules())
    assert row["seeds"] == [0]
    assert row["margin"] == pytest.approx(0.3)


def test_a_candidate_that_could_not_be_scored_is_in_no_pair(won: Trajectory) -> None:
    trajectory = trajectory_of(won, [{"a": {0: 0.2}}, {"a": {0: None}}, {"a": {0: 0.9}}])
    assert pairs_of(trajectory) == {("2", "0")}


def test_the_widest_margins_come_first_and_no_more_than_asked_for(won: Trajectory) -> None:
    trajectory = trajectory_of(won, [{"a": {0: 0.2}}, {"a": {0: 0.5}}, {"a": {0: 0.9}}])
    rows = make_dpo_rows(trajectory, PairRules(per_prompt=2))
    assert [round(row["margin"], 6) for row in rows] == [0.7, 0.4]
    assert rows == make_dpo_rows(trajectory, PairRules(per_prompt=2))


def test_the_command_writes_rows_that_load_with_trls_columns(runs: Path, tmp_path: Path) -> None:
    out = tmp_path / "[bold]pairs"
    done = retake("distill", "pairs", str(runs), "--out", str(out), "--per-prompt", "3")
    assert done.returncode == 0, done.stderr
    assert "4 runs (1 unfinished): 1 SFT rows" in done.stdout
    assert str(out) in done.stdout
    sft, dpo = (
        [json.loads(line) for line in (out / name).read_text(encoding="utf-8").splitlines()]
        for name in ("sft.jsonl", "dpo.jsonl")
    )
    assert f"{len(dpo)} DPO pairs" in done.stdout
    assert dpo
    for rows, columns in ((sft, ("prompt", "completion")), (dpo, ("prompt", "chosen", "rejected"))):
        assert len({frozenset(row) for row in rows}) == 1
        for message in [message for row in rows for column in columns for message in row[column]]:
            assert set(message) == {"role", "content"}
            assert message["role"] in ("system", "user", "assistant")


def test_the_command_leaves_out_a_damaged_trajectory_and_names_it(runs: Path, tmp_path: Path) -> None:
    (tmp_path / "[red]damaged").mkdir()
    (tmp_path / "[red]damaged" / "trajectory.jsonl").write_text("nonsense\n", encoding="utf-8")
    done = retake("distill", "pairs", str(tmp_path), str(runs / "won"), "--out", str(tmp_path / "out"))
    assert done.returncode == 0, done.stderr
    assert f"left out: {tmp_path / '[red]damaged' / 'trajectory.jsonl'} does not begin with a" in done.stdout
    assert "1 runs (0 unfinished): 1 SFT rows" in done.stdout
