"""DPO pairs, SFT winners and KTO verdicts: what a run must have shown before a row is made of it."""

from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from distill_runs import BESIDE, LOOSE, WORDS, CarelessRewriter, Scores, make_run, with_scores
from hypothesis import given
from hypothesis import strategies as st

from finetune.data.comparisons import compare_candidates
from finetune.data.harvest import best_measured, harvest_run
from finetune.data.pairs import pair_rows
from finetune.data.rows import DpoRow, KtoRow, SftRow
from finetune.data.rules import Rules
from finetune.data.runs import FinishedRun, LeftOut, agree_on_brief, read_runs
from finetune.errors import DistillError

ALL = Rules(min_seeds=1, per_prompt=100)
DATA = Path(__file__).parent / "data"


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, FinishedRun]:
    """By name: one that was won, one whose original stood, one that nobody could score, one with careless drafts."""
    folder = tmp_path_factory.mktemp("runs")
    good = "a red circle moves to the right on a black background"
    once: dict[str, Any] = {"stop__max_iterations": 0, "retrieve__graph": "none"}
    bare: dict[str, Any] = once | {"render__seeds": 1, "verify__seeds": 0}
    return {
        "won": make_run(LOOSE, folder, "won", stop__max_iterations=1),
        "kept": make_run(good, folder, "kept", stop__score_threshold=1.0, **bare),
        "good": make_run(good, folder, "good", stop__score_threshold=0.9, **bare),
        "unscored": make_run(LOOSE, folder, "unscored", assess__sources=["fakes:BrokenSource"], **bare),
        "careless": make_run(BESIDE, folder, "careless", CarelessRewriter(), **once),
    }


@pytest.fixture(scope="module")
def won(runs: dict[str, FinishedRun]) -> FinishedRun:
    return runs["won"]


def harvest(run: FinishedRun, rules: Rules = ALL) -> tuple[list[SftRow], list[DpoRow], list[KtoRow]]:
    rows: Any = harvest_run(run, rules).rows
    return rows["sft"], rows["dpo"], rows["kto"]


def pairs_of(run: FinishedRun, **rules: Any) -> list[tuple[str, str]]:
    found = pair_rows(run, compare_candidates(run.trajectory), replace(ALL, **rules), Counter())
    return [(row.chosen.removeprefix("text "), row.rejected.removeprefix("text ")) for row in found]


def why_not(run: FinishedRun, rules: Rules = ALL) -> Counter[str]:
    dropped: Counter[str] = Counter()
    pair_rows(run, compare_candidates(run.trajectory), rules, dropped)
    return dropped


def test_a_row_asks_with_the_distilled_prompt_and_answers_with_the_text_alone(won: FinishedRun) -> None:
    (row,), pairs, _ = harvest(won)
    columns = row.columns(won.brief)
    assert columns["prompt"] == won.brief.messages(LOOSE)
    assert [message["role"] for message in columns["prompt"]] == ["system", "user"]
    assert columns["prompt"][1]["content"] == LOOSE
    assert columns["completion"] == [{"role": "assistant", "content": won.result.best.text}]
    assert columns["verified_gain"] == won.result.verified_gain
    assert columns["run_id"] == "won"
    assert columns["renderer"] == "retake/painter"
    pair = pairs[0].columns(won.brief)
    assert (pair["prompt"], pair["item_id"]) == (columns["prompt"], columns["item_id"])
    assert pair["chosen"] == [{"role": "assistant", "content": pairs[0].chosen}]


@pytest.mark.parametrize("gain", [None, 0.0, -0.2, 0.3])
def test_a_winner_is_taught_only_when_its_gain_is_verified_and_above_the_least(
    gain: float | None, won: FinishedRun
) -> None:
    run = replace(won, result=won.result.model_copy(update={"verified_gain": gain}))
    taught, _, verdicts = harvest(run, replace(ALL, min_gain=0.0))
    assert bool(taught) == (gain == 0.3)
    assert any(row.label for row in verdicts) == (gain == 0.3)
    assert harvest(run, replace(ALL, min_gain=0.3))[0] == []


def test_a_prompt_that_was_good_enough_as_typed_is_taught_to_be_left_alone(runs: dict[str, FinishedRun]) -> None:
    assert runs["good"].result.stop_reason == "score_threshold"
    (row,), _, verdicts = harvest(runs["good"])
    assert row.text == row.prompt
    assert row.verified_gain is None
    assert "left alone" in row.why
    assert not any(verdict.label for verdict in verdicts)


def test_a_prompt_that_stood_because_nothing_beat_it_is_not_taught(runs: dict[str, FinishedRun]) -> None:
    assert runs["kept"].result.best.id == "0"
    assert runs["kept"].result.stop_reason != "score_threshold"
    assert harvest(runs["kept"])[0] == []


def test_a_champion_that_lost_on_unseen_seeds_does_not_make_the_prompt_good_enough(won: FinishedRun) -> None:
    """The run reached its threshold by another text, and handed the prompt back."""
    original = won.trajectory.candidate("0")
    result = won.result.model_copy(update={"best": original, "verified_gain": 0.0, "stop_reason": "score_threshold"})
    assert harvest(replace(won, result=result))[0] == []


def test_nothing_is_made_of_what_was_never_scored(runs: dict[str, FinishedRun]) -> None:
    run = runs["unscored"]
    assert harvest(run, replace(ALL, margin=0.0)) == ([], [], [])
    dropped = harvest_run(run, ALL).dropped
    assert dropped["winner: no video could be scored"] == 1
    assert dropped["candidate: rendered, and no score"] == len({r.candidate for r in run.trajectory.renders})


def test_real_pairs_go_from_worse_to_better_on_the_same_seeds(won: FinishedRun) -> None:
    rows = [row for row in harvest(won)[1] if row.kind == "render"]
    assert rows
    texts = {candidate.text for candidate in won.trajectory.candidates}
    for row in rows:
        assert row.score_chosen is not None
        assert row.score_rejected is not None
        assert row.score_chosen - row.score_rejected == row.margin
        assert row.margin >= 0.05
        assert row.chosen != row.rejected
        assert {row.chosen, row.rejected} <= texts


def test_seeds_that_verified_count_for_champion_and_original(won: FinishedRun) -> None:
    assert won.result.verification
    unseen = set(won.result.verification.seeds)
    best, typed = won.result.best.text, won.trajectory.candidate("0").text
    for row in harvest(won)[1]:
        assert (set(row.texts) == {best, typed}) == (unseen <= set(row.seeds))
        assert (set(row.texts) == {best, typed}) or not unseen & set(row.seeds)


def test_a_pair_needs_the_margin(won: FinishedRun) -> None:
    run = with_scores(won, [{"a": {0: 0.50}}, {"a": {0: 0.54}}, {"a": {0: 0.60}}])
    assert pairs_of(run) == [("two", "zero"), ("two", "one")]
    assert pairs_of(run, margin=0.2) == []
    assert pairs_of(with_scores(won, [{"a": {0: 0.5}}, {"a": {0: 0.5}}]), margin=0.0) == []


def test_a_pair_needs_as_many_common_seeds_as_asked_for(won: FinishedRun) -> None:
    run = with_scores(won, [{"a": {0: 0.2, 1: 0.2}}, {"a": {0: 0.9}}, {"a": {0: 0.8, 1: 0.8}}])
    assert pairs_of(run, min_seeds=2) == [("two", "zero")]
    assert why_not(run, replace(ALL, min_seeds=2)) == {"pair: fewer than 2 common seeds": 2}
    assert ("one", "zero") in pairs_of(run, min_seeds=1)


def test_who_is_worse_in_one_dimension_is_not_chosen_unless_dominance_is_off(won: FinishedRun) -> None:
    run = with_scores(won, [{"a": {0: 0.5}, "b": {0: 0.5}}, {"a": {0: 0.9}, "b": {0: 0.4}}])
    assert pairs_of(run) == []
    assert pairs_of(run, dominance=False) == [("one", "zero")]
    run = with_scores(won, [{"a": {0: 0.5}, "b": {0: 0.5}}, {"a": {0: 0.9}, "b": {0: 0.495}}])
    assert pairs_of(run) == [("one", "zero")]


def test_who_shows_less_of_what_was_asked_than_the_prompt_as_typed_is_not_chosen(won: FinishedRun) -> None:
    run = with_scores(won, [{"a": {0: 0.2}}, {"a": {0: 0.9}}], intents={0: 1.0, 1: 0.5})
    assert pairs_of(run, dominance=False) == []
    assert list(why_not(run)) == ["pair: the better text shows less of what was asked than the prompt as typed"]


def test_a_dimension_known_of_one_side_only_makes_no_pair(won: FinishedRun) -> None:
    run = with_scores(won, [{"a": {0: 0.5}, "b": {0: None}}, {"a": {0: 0.9}, "b": {0: 0.9}}])
    assert pairs_of(run) == []
    run = with_scores(won, [{"a": {0: 0.5}, "b": {0: None}}, {"a": {0: 0.9}, "b": {0: None}}])
    assert pairs_of(run) == [("one", "zero")]


def test_other_seeds_make_no_pair_and_those_that_the_original_lacks_do_not_count(won: FinishedRun) -> None:
    assert pairs_of(with_scores(won, [{"a": {0: 0.2}}, {"a": {1: 0.9}}])) == []
    (found,) = compare_candidates(with_scores(won, [{"a": {0: 0.2}}, {"a": {0: 0.5, 1: 0.0}}]).trajectory)
    assert found.seeds == (0,)
    assert found.margin == pytest.approx(0.3)


def test_drafts_are_compared_with_drafts_only_and_full_renders_go_before_them(won: FinishedRun) -> None:
    scores: list[Scores] = [{"a": {0: 0.2, 5: 0.9}}, {"a": {0: 0.8, 5: 0.1}}, {"a": {0: 0.7}}]
    run = with_scores(won, scores, seed5="full")
    drafted = run.trajectory.header | {"config": run.trajectory.header["config"] | {"draft": {"enabled": True}}}
    run = replace(run, trajectory=replace(run.trajectory, header=drafted))
    found = {(c.better.candidate, c.worse.candidate): c.seeds for c in compare_candidates(run.trajectory)}
    assert found == {("0", "1"): (5,), ("2", "0"): (0,), ("1", "2"): (0,)}


def test_the_widest_margins_come_first_and_each_text_wins_once_before_one_wins_twice(won: FinishedRun) -> None:
    run = with_scores(won, [{"a": {0: 0.1}}, {"a": {0: 0.2}}, {"a": {0: 0.8}}, {"a": {0: 0.9}}])
    assert pairs_of(run, per_prompt=1) == [("three", "zero")]
    assert pairs_of(run, per_prompt=2) == [("three", "zero"), ("two", "zero")]
    assert pairs_of(run, per_prompt=3) == [("three", "zero"), ("two", "zero"), ("one", "zero")]
    assert why_not(run, replace(ALL, per_prompt=2))["pair: more than 2 of one prompt"] == 4


def test_texts_that_are_nearly_the_same_make_no_pair(won: FinishedRun) -> None:
    run = with_scores(won, [{"a": {0: 0.1}}, {"a": {0: 0.9}}])
    candidates = [c.model_copy(update={"text": f"A ball, {c.id and 'red'}!"}) for c in run.trajectory.candidates]
    run = replace(run, trajectory=replace(run.trajectory, candidates=candidates))
    assert pairs_of(run) == []
    assert why_not(run) == {"pair: the two texts are nearly the same": 1}


def test_mended_and_dropped_texts_make_pairs_of_their_own(runs: dict[str, FinishedRun]) -> None:
    mendable, forgetful, right, _ = CarelessRewriter.drafts
    run = runs["careless"]
    rows = [row for row in harvest(run, replace(ALL, screen_per_prompt=9))[1] if row.kind == "screen"]
    mended, dropped = rows
    assert mended.rejected == mendable
    assert mended.chosen.startswith("A red circle moves to the right")
    assert "an azure box" in mended.chosen.lower()
    assert "preamble" in mended.why
    assert (dropped.chosen, dropped.rejected) == (right, forgetful)
    assert "intent: misses" in dropped.why
    assert all(row.margin is None and row.seeds == () for row in rows)


def test_screen_pairs_have_a_limit_of_their_own(runs: dict[str, FinishedRun]) -> None:
    for limit in (0, 1):
        _, rows, _ = harvest(runs["careless"], replace(ALL, screen_per_prompt=limit, per_prompt=1))
        assert Counter(row.kind for row in rows) == Counter(render=1, screen=limit)


def test_what_was_empty_is_in_no_row(runs: dict[str, FinishedRun]) -> None:
    for rows in harvest(runs["careless"], replace(ALL, screen_per_prompt=9)):
        assert all(text.strip() for row in rows for text in row.texts)


def test_unwanted_is_what_the_screen_dropped_or_is_clearly_below_the_prompt(
    runs: dict[str, FinishedRun], won: FinishedRun
) -> None:
    verdicts = harvest(runs["careless"])[2]
    assert [row.text for row in verdicts if row.label] == [runs["careless"].result.best.text]
    assert [row.text for row in verdicts if not row.label] == [CarelessRewriter.drafts[1]]
    below = with_scores(won, [{"a": {0: 0.9}}, {"a": {0: 0.5}}, {"a": {0: 0.87}}, {"a": {0: 0.95}}])
    (row,) = [row for row in harvest(below)[2] if not row.label]
    assert row.text == "text one"
    assert row.margin == pytest.approx(0.4)
    assert not [row for row in harvest(below, replace(ALL, min_seeds=2))[2] if not row.label]


@given(st.lists(st.lists(st.one_of(st.none(), st.floats(0, 1)), min_size=2, max_size=2), min_size=2, max_size=6))
def test_nobody_is_chosen_over_another_and_the_other_way_round_and_no_side_is_unscored(
    won: FinishedRun, scores: list[list[float | None]]
) -> None:
    run = with_scores(won, [{"a": {0: a}, "b": {0: b}} for a, b in scores])
    scored = {f"text {word}": pair for word, pair in zip(WORDS, scores, strict=False)}
    rows = pair_rows(run, compare_candidates(run.trajectory), replace(ALL, margin=0.0), Counter())
    ways = {(row.chosen, row.rejected) for row in rows}
    assert not {(rejected, chosen) for chosen, rejected in ways} & ways
    for chosen, rejected in ways:
        for ours, theirs in zip(scored[chosen], scored[rejected], strict=True):
            assert (ours is None) == (theirs is None)
            assert ours is None or theirs is None or ours >= theirs - 0.01 - 1e-9
        assert any(value is not None for value in scored[chosen])


def test_of_runs_of_one_prompt_the_one_with_the_most_scored_renders_stays(won: FinishedRun) -> None:
    poor = harvest_run(with_scores(won, [{"a": {0: 0.1}}]), ALL)
    rich = harvest_run(won, ALL)
    shouted = replace(rich, prompt=f"  {LOOSE.upper()}!", scored=rich.scored - 1)
    other = replace(poor, prompt="something else altogether")
    assert best_measured([poor, rich, shouted, other], 0.9) == [rich, other]


@pytest.mark.parametrize("version", ["v1", "v2"])
def test_trajectories_of_every_schema_give_rows(version: str, tmp_path: Path) -> None:
    (tmp_path / "trajectory.jsonl").write_bytes((DATA / f"trajectory_{version}.jsonl").read_bytes())
    (run,) = read_runs([tmp_path])
    assert isinstance(run, FinishedRun)
    taught, pairs, verdicts = harvest(run)
    assert taught
    assert pairs
    assert verdicts
    assert run.made_by("judge") == "shapes"


def test_a_header_without_settings_is_a_damaged_run(tmp_path: Path) -> None:
    (tmp_path / "trajectory.jsonl").write_text('{"schema_version": 2, "prompt": "a ball"}\n', encoding="utf-8")
    (run,) = read_runs([tmp_path])
    assert isinstance(run, LeftOut)
    assert "does not say with which settings" in run.detail


def test_runs_that_would_tell_a_rewriter_different_things_are_named(won: FinishedRun) -> None:
    wan = won.brief.model_copy(update={"style": "wan"})
    assert agree_on_brief({Path("a"): wan, Path("b"): wan}) == wan
    with pytest.raises(
        DistillError, match=r"made of a .* one of b: style is 'painter' in the first, 'wan' .*`--like a`"
    ):
        agree_on_brief({Path("a"): won.brief, Path("b"): wan})
    other = won.brief.model_copy(update={"template": "{% block system %}{% endblock %}{% block user %}{% endblock %}"})
    with pytest.raises(DistillError, match="templates 'distilled' differ"):
        agree_on_brief({Path("a"): won.brief, Path("b"): other})
