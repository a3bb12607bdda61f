"""The bench's figures: intervals on known data, comparisons on the same prompts, unknown scores never counted as 0."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from svg import count_dots

from agent.bench.compare import compare, compare_all, count_costs, count_regressions, mean_curves
from agent.bench.intervals import bootstrap_mean, share
from agent.bench.plots import plot_curves, plot_dimensions
from agent.bench.records import Measured

SCORES = st.floats(0.0, 1.0)


def row(method: str, prompt: str, score: float | None, **changes: Any) -> Measured:
    given: dict[str, Any] = {
        "text": f"{prompt} by {method}", "text_held_out": score, "renders": 4, "llm_calls": 0, "tokens_in": 0,
        "tokens_out": 0, "seconds": 1.0,
    }  # fmt: skip
    return Measured(method=method, prompt=prompt, **(given | changes))


def rows(**scores: list[float | None]) -> list[Measured]:
    return [row(name, f"p{i}", score) for name, found in scores.items() for i, score in enumerate(found)]


def test_the_interval_of_a_mean_is_that_of_the_normal_law_where_there_are_many_values() -> None:
    values = np.random.default_rng(1).normal(0.2, 0.1, 400)
    found = bootstrap_mean(list(values))
    half = 1.96 * values.std(ddof=1) / 20
    assert found.value == pytest.approx(values.mean())
    assert found.low == pytest.approx(values.mean() - half, abs=0.001)
    assert found.high == pytest.approx(values.mean() + half, abs=0.001)


def test_the_interval_holds_the_truth_about_as_often_as_it_says() -> None:
    rng = np.random.default_rng(2)
    found = [bootstrap_mean(list(rng.uniform(0.0, 1.0, 40))) for _ in range(60)]
    held = sum(interval.low <= 0.5 <= interval.high for interval in found if interval.low and interval.high)
    assert 50 <= held <= 60


@settings(max_examples=25, deadline=None)
@given(st.lists(SCORES, min_size=1, max_size=30))
def test_the_interval_is_around_the_mean_within_the_values_and_always_the_same(values: list[float]) -> None:
    found, wide = bootstrap_mean(values), bootstrap_mean(values, 0.99)
    assert found.low is not None
    assert found.high is not None
    assert min(values) - 1e-9 <= found.low <= found.high <= max(values) + 1e-9
    assert found == bootstrap_mean(values)
    assert wide.low is not None
    assert wide.high is not None
    assert wide.low <= found.low + 1e-12
    assert wide.high >= found.high - 1e-12


@given(st.integers(0, 200), st.integers(1, 200))
def test_a_share_lies_in_its_interval_and_no_share_is_ever_certain(count: int, total: int) -> None:
    count = min(count, total)
    found = share(count, total)
    assert found.low is not None
    assert found.high is not None
    assert 0.0 <= found.low <= count / total <= found.high <= 1.0
    assert found.high - found.low > 0


def test_a_share_has_the_interval_of_the_textbook() -> None:
    found = share(0, 80)
    assert (found.value, found.low) == (0.0, 0.0)
    assert found.high == pytest.approx(0.0458, abs=0.0005)
    some = share(10, 100)
    assert (some.low, some.high) == (pytest.approx(0.0552, abs=0.0005), pytest.approx(0.1744, abs=0.0005))


def test_from_nothing_nothing_is_said() -> None:
    for found in (bootstrap_mean([]), share(0, 0)):
        assert (found.value, found.low, found.high, found.n) == (None, None, None, 0)
        assert not found.excludes_zero


def test_methods_are_compared_in_pairs_on_the_prompts_that_both_have() -> None:
    found = compare(rows(raw=[0.1, 0.9, None], best_of_n=[0.2, 0.9, 0.5], loop=[0.3, None, 0.9]), "text_held_out")
    versus = {(v.method, v.reference): v for v in found.versus}
    assert set(versus) == {("best_of_n", "raw"), ("loop", "raw"), ("loop", "best_of_n")}
    assert versus["loop", "raw"].difference.n == 1
    assert versus["loop", "best_of_n"].difference.value == pytest.approx((0.1 + 0.4) / 2)
    assert found.means["loop"].value == pytest.approx(0.6)


def test_the_loop_stands_against_a_blind_rewrite_and_nothing_else_does() -> None:
    found = compare(rows(raw=[0.1], blind_rewrite=[0.5], rapo=[0.5], loop=[0.8]), "text_held_out")
    assert [v.method for v in found.versus if v.reference == "blind_rewrite"] == ["loop"]


def test_wins_ties_and_losses_are_counted_and_ties_count_half() -> None:
    found = compare(rows(raw=[0.5] * 4, loop=[0.9, 0.505, 0.2, 0.8]), "text_held_out")
    (versus,) = found.versus
    assert (versus.wins, versus.ties, versus.losses) == (2, 1, 1)
    assert versus.win_rate.value == pytest.approx(2.5 / 4)


@settings(max_examples=20, deadline=None)
@given(st.lists(st.tuples(SCORES, SCORES), min_size=1, max_size=20))
def test_turning_a_comparison_round_turns_its_sign_and_its_wins(pairs: list[tuple[float, float]]) -> None:
    ours, theirs = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
    there = compare(rows(raw=theirs, loop=ours), "text_held_out").versus[0]
    back = compare(rows(raw=ours, loop=theirs), "text_held_out").versus[0]
    assert there.difference.value == pytest.approx(-(back.difference.value or 0.0), abs=1e-12)
    assert (there.wins, there.ties, there.losses) == (back.losses, back.ties, back.wins)
    assert there.wins + there.ties + there.losses == len(pairs)


def test_pairing_sees_a_small_steady_gain_that_the_spread_of_prompts_would_hide() -> None:
    raw = list(np.random.default_rng(3).uniform(0.0, 0.9, 30))
    found = compare(rows(raw=raw, loop=[score + 0.02 for score in raw]), "text_held_out")
    assert found.versus[0].difference.excludes_zero
    (low, high) = (found.means["loop"].low, found.means["raw"].high)
    assert low is not None
    assert high is not None
    assert low < high


def test_a_gain_that_holds_alone_may_not_hold_among_many_comparisons() -> None:
    rng = np.random.default_rng(0)
    gains = list(rng.normal(0.022, 0.05, 25))
    many = {f"m{i}": [0.5 + gain for gain in gains] for i in range(20)}
    alone = compare(rows(raw=[0.5] * 25, m0=many["m0"]), "text_held_out").versus[0]
    among = compare(rows(raw=[0.5] * 25, **many), "text_held_out").versus[0]
    assert alone.difference.excludes_zero == among.difference.excludes_zero
    assert alone.holds_among_many == alone.difference.excludes_zero
    assert among.holds_among_many <= alone.holds_among_many
    noise = list(rng.normal(0.0, 0.05, 25))
    assert not compare(rows(raw=[0.5] * 25, m=[0.5 + n for n in noise]), "text_held_out").versus[0].holds_among_many


def test_a_regression_is_worse_by_more_than_the_margin_and_unknown_ones_do_not_count() -> None:
    found = count_regressions(rows(raw=[0.5] * 4, loop=[0.44, 0.46, 0.9, None]), "text_held_out", 0.05)
    assert found.keys() == {"loop"}
    assert found["loop"].value == pytest.approx(1 / 3)
    assert found["loop"].n == 3


def test_costs_are_means_per_prompt_and_an_unknown_count_stays_unknown() -> None:
    measured = [
        row("loop", "p0", 0.5, renders=2, stop="score_threshold", seconds=None, tokens_in=10),
        row("loop", "p1", 0.5, renders=4, stop="max_renders", seconds=3.0, tokens_in=20, tokens_out=None, text="p1"),
    ]
    cost = count_costs(measured, 4)["loop"]
    assert (cost.renders, cost.stopped_early.value, cost.seconds) == (3.0, 0.5, 3.0)
    assert (cost.tokens_in, cost.tokens_out) == (15.0, None)
    assert cost.stops == {"score_threshold": 1, "max_renders": 1}
    assert cost.as_typed.value == 0.5


def test_a_measure_without_any_score_has_no_comparison() -> None:
    assert [found.measure for found in compare_all(rows(raw=[0.1], loop=[0.2]))] == ["text_held_out"]
    assert compare_all(rows(raw=[None], loop=[None])) == []


def test_curves_average_what_is_known_and_the_plot_draws_no_point_for_what_is_not() -> None:
    measured = [row("raw", "p0", 0.5, curve=[None, 0.4]), row("raw", "p1", 0.5, curve=[None, 0.8])]
    curves = mean_curves(measured)
    assert curves == {"raw": [None, pytest.approx(0.6)]}
    drawn = plot_curves(curves, "<judge>")
    assert count_dots(drawn, "curve raw") == 1
    assert "&lt;judge&gt;" in drawn
    assert count_dots(plot_dimensions({"raw": {"motion": None, "spatial": 0.5}}), "dots raw") == 1
    assert "</svg>" in plot_curves({}, "nobody")
    assert "</svg>" in plot_dimensions({})
