"""When the loop goes on and why it stops: pure, no fixtures."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.config import StopConfig
from agent.decide import Spent, decide_next
from agent.records import Decision
from agent.standings import Standing

ROOM = Spent(
    renders=4,
    reserved_renders=4,
    renders_per_candidate=2,
    tokens=0,
    seconds=1.0,
    stop_requested=False,
    new_candidates=2,
)


def leader(score: float | None, candidate: str = "1", seeds: tuple[int, ...] = (0, 1)) -> list[Standing]:
    return [Standing(candidate, seeds, score, score, {"alignment": score}, average_rank=1.0)]


def earlier(*scores: float) -> list[Decision]:
    return [Decision(iteration=i, champion="0", score=score) for i, score in enumerate(scores)]


def spent(**changes: object) -> Spent:
    return Spent(**{**ROOM.__dict__, **changes})  # type: ignore[arg-type]


def test_goes_on_while_there_is_hope_and_budget() -> None:
    decision = decide_next(0, leader(0.5), [], ROOM, StopConfig())
    assert decision.stop is None
    assert (decision.champion, decision.score) == ("1", 0.5)
    assert "0.500" in decision.why


@pytest.mark.parametrize(
    ("reason", "iteration", "score", "history", "used"),
    [
        ("stop_file", 0, 0.5, (), {"stop_requested": True}),
        ("time_limit", 0, 0.5, (), {"seconds": 60.0}),
        ("max_cost", 0, 0.5, (), {"tokens": 1000}),
        ("all_candidates_failed", 0, None, (), {}),
        ("score_threshold", 0, 0.99, (), {}),
        ("max_iterations", 4, 0.5, (0.1, 0.2, 0.3, 0.4), {}),
        ("no_improvement", 2, 0.5, (0.5, 0.5), {}),
        ("no_improvement", 1, 0.5, (0.1,), {"new_candidates": 0}),
        ("max_renders", 1, 0.5, (0.1,), {"renders": 59}),
    ],
)
def test_each_stop_has_its_name_and_says_why(
    reason: str, iteration: int, score: float | None, history: tuple[float, ...], used: dict[str, object]
) -> None:
    stop = StopConfig(time_limit=60, max_tokens_spent=1000)
    decision = decide_next(iteration, leader(score), earlier(*history), spent(**used), stop)
    assert decision.stop == reason
    assert decision.why


def test_a_reached_score_is_named_before_a_used_up_budget() -> None:
    decision = decide_next(4, leader(0.99), earlier(0.1), spent(renders=64), StopConfig())
    assert decision.stop == "score_threshold"


def test_a_score_on_one_seed_is_not_believed_where_there_could_be_two() -> None:
    lucky = leader(0.99, seeds=(0,))
    assert decide_next(0, lucky, [], ROOM, StopConfig()).stop is None
    assert decide_next(0, lucky, [], spent(renders_per_candidate=1), StopConfig()).stop == "score_threshold"


def test_after_new_seeds_of_kept_words_the_loop_ends_for_the_reason_that_ended_the_words() -> None:
    kept = [Decision(iteration=0, champion="1", score=0.5, words_ended="max_renders")]
    assert decide_next(1, leader(0.5), kept, spent(new_candidates=0), StopConfig()).stop == "max_renders"


def test_patience_counts_from_the_latest_gain_not_from_the_start() -> None:
    assert decide_next(3, leader(0.6), earlier(0.5, 0.5, 0.6), ROOM, StopConfig()).stop is None
    assert decide_next(4, leader(0.6), earlier(0.5, 0.5, 0.6, 0.6), ROOM, StopConfig(max_iterations=9)).stop == (
        "no_improvement"
    )


def test_a_gain_below_min_delta_is_no_gain() -> None:
    stop = StopConfig(min_delta=0.1, patience=1)
    assert decide_next(1, leader(0.55), earlier(0.5), ROOM, stop).stop == "no_improvement"
    assert decide_next(1, leader(0.65), earlier(0.5), ROOM, stop).stop is None


def test_the_verification_share_of_the_budget_is_not_for_the_loop() -> None:
    tight = StopConfig(max_renders=10)
    assert decide_next(0, leader(0.5), [], spent(renders=4, reserved_renders=4), tight).stop is None
    assert decide_next(0, leader(0.5), [], spent(renders=5, reserved_renders=4), tight).stop == "max_renders"


@given(
    iteration=st.integers(0, 200),
    score=st.one_of(st.none(), st.floats(0, 1)),
    history=st.lists(st.floats(0, 1), max_size=8),
    renders=st.integers(0, 200),
    seconds=st.floats(0, 1e6),
)
def test_whatever_the_history_it_stops_within_its_limits(
    iteration: int, score: float | None, history: list[float], renders: int, seconds: float
) -> None:
    stop = StopConfig(time_limit=1000)
    decision = decide_next(iteration, leader(score), earlier(*history), spent(renders=renders, seconds=seconds), stop)
    if iteration >= stop.max_iterations or seconds >= 1000 or renders + 6 > stop.max_renders or score is None:
        assert decision.stop is not None
