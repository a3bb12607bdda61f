"""Who leads, and on which evidence."""

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from agent.config import LoopConfig
from agent.config_file import make_config
from agent.records import Assessed, Candidate, Render
from agent.standings import Selection, SelectionRule, pair_standings, rank_candidates
from feedback.records import Assessment, Feedback, Score


def candidates(*ids: str) -> list[Candidate]:
    return [Candidate(id=i, iteration=0, text=f"text {i}", origin="retrieval") for i in ids]


def shot(candidate: str, seed: int, intent: float | None = 1.0, purpose: str = "loop", **dimensions: float | None):
    """A render of this candidate with these scores by dimension."""
    known = [value for value in dimensions.values() if value is not None]
    assessment = Assessment(
        feedbacks=[
            Feedback(source=name, scores=[Score(name=name, value=value, why="" if value is not None else "unknown")])
            for name, value in dimensions.items()
        ],
        dimensions=dimensions,
        overall=sum(known) / len(known) if known else None,
        intent=intent,
    )
    render = Render(candidate=candidate, seed=seed, iteration=0, purpose=purpose, path="x.mp4")  # type: ignore[arg-type]
    return render, Assessed(render=render.id, assessment=assessment)


def rank(ids: str, *shots: tuple[Render, Assessed], selection: Selection | None = None):
    return rank_candidates(candidates(*ids), [s[0] for s in shots], [s[1] for s in shots], selection)


def test_better_in_most_dimensions_leads() -> None:
    standings = rank(
        "01",
        shot("0", 1, alignment=0.5, motion=0.5, temporal=0.9),
        shot("1", 1, alignment=0.9, motion=0.9, temporal=0.8),
    )
    assert [s.candidate for s in standings] == ["1", "0"]
    assert standings[0].average_rank == 4 / 3


def test_a_source_that_likes_everything_decides_nothing() -> None:
    standings = rank("01", shot("0", 1, alignment=0.6, temporal=0.991), shot("1", 1, alignment=0.7, temporal=0.990))
    assert standings[0].candidate == "1"


def test_prettier_but_less_faithful_than_the_original_can_not_lead() -> None:
    standings = rank(
        "01",
        shot("0", 1, intent=0.8, alignment=0.8, quality=0.2, temporal=0.2),
        shot("1", 1, intent=0.6, alignment=0.7, quality=1.0, temporal=1.0),
    )
    assert standings[0].candidate == "0"
    assert not standings[1].passes_gate


def test_candidates_are_compared_on_the_seeds_they_share() -> None:
    lucky = [shot("1", 2, alignment=1.0)]
    standings = rank("01", shot("0", 1, alignment=0.5), shot("1", 1, alignment=0.4), *lucky)
    assert standings[0].candidate == "0"
    assert all(s.seeds == (1,) for s in standings)


def test_unscored_renders_are_left_out_and_never_count_as_zero() -> None:
    standings = rank("01", shot("0", 1, alignment=0.3), shot("1", 1, alignment=None, motion=None))
    assert [s.candidate for s in standings] == ["0"]
    assert rank("01", shot("0", 1, alignment=None)) == []


def test_a_dimension_unknown_for_one_candidate_does_not_rank_it_last() -> None:
    standings = rank("01", shot("0", 1, alignment=0.5, motion=0.9), shot("1", 1, alignment=0.9, motion=None))
    assert standings[0].candidate == "1"


def test_ties_go_to_the_words_as_typed() -> None:
    standings = rank("012", *(shot(i, 1, alignment=0.5) for i in "120"))
    assert [s.candidate for s in standings] == ["0", "1", "2"]


def test_verification_renders_do_not_enter_the_loops_standings() -> None:
    standings = rank("0", shot("0", 1, alignment=0.5), shot("0", 99, purpose="verify", alignment=1.0))
    assert standings[0].overall == 0.5


def test_who_was_seen_on_fewer_seeds_stands_behind_whoever_was_seen_on_more() -> None:
    standings = rank(
        "012",
        *(shot(c, s, alignment=v) for c, s, v in [("0", 1, 0.2), ("0", 2, 0.2), ("1", 1, 0.5), ("1", 2, 0.5)]),
        shot("2", 1, alignment=0.9),
    )
    assert [s.candidate for s in standings] == ["1", "0", "2"]
    assert standings[2].average_rank == 1.0, "on the seed that it has, it is the best of all that have it"
    assert standings[2].seeds == (1,)


@st.composite
def measurements(draw: st.DrawFn) -> dict[tuple[str, int], tuple[float, float]]:
    """Score and intent by candidate and seed; the original has all seeds."""
    seeds = range(draw(st.integers(1, 3)))
    values = st.tuples(st.sampled_from([0.1, 0.5, 0.9]), st.sampled_from([0.2, 0.8]))
    cells = [(candidate, seed) for candidate in "1234" for seed in seeds if draw(st.booleans())]
    return {cell: draw(values) for cell in [*(("0", seed) for seed in seeds), *cells]}


def order_of(measured: dict[tuple[str, int], tuple[float, float]]) -> list[str]:
    shots = [shot(name, seed, intent, alignment=score) for (name, seed), (score, intent) in measured.items()]
    return [standing.candidate for standing in rank("01234", *shots)]


@given(measured=measurements(), data=st.data())
def test_a_candidate_never_gains_by_being_measured_less(
    measured: dict[tuple[str, int], tuple[float, float]], data: st.DataObject
) -> None:
    others = [cell for cell in measured if cell[0] != "0"]
    assume(others)
    candidate, seed = data.draw(st.sampled_from(others))
    less = {cell: value for cell, value in measured.items() if cell != (candidate, seed)}
    before, after = order_of(measured), order_of(less)
    assert candidate not in after or after.index(candidate) >= before.index(candidate)


@given(measured=measurements())
def test_the_leader_passes_the_gate_and_was_seen_wherever_the_original_was(
    measured: dict[tuple[str, int], tuple[float, float]],
) -> None:
    leader, seeds = order_of(measured)[0], {seed for name, seed in measured if name == "0"}
    assert {seed for name, seed in measured if name == leader} >= seeds
    intent = {name: sum(measured[name, seed][1] for seed in seeds) for name in (leader, "0")}
    assert intent[leader] >= intent["0"] - 1e-9


def test_pairs_are_compared_on_the_seeds_that_both_share_with_the_original() -> None:
    shots = [shot("0", 1, alignment=0.2), shot("0", 2, alignment=0.4), shot("1", 1, alignment=0.5)]
    shots += [shot("2", 2, alignment=0.7), shot("2", 3, alignment=0.9)]
    pairs = pair_standings([s[0] for s in shots], [s[1] for s in shots])
    found = {(a.candidate, b.candidate): (a.seeds, b.seeds, a.overall, b.overall) for a, b in pairs}
    assert found == {("0", "1"): ((1,), (1,), 0.2, 0.5), ("0", "2"): ((2,), (2,), 0.4, 0.7)}


def test_pairs_take_the_seeds_of_all_purposes_named_and_no_others() -> None:
    shots = [shot("0", 1, alignment=0.2), shot("1", 1, alignment=0.4)]
    shots += [shot("0", 9, purpose="verify", alignment=0.4), shot("1", 9, purpose="verify", alignment=0.8)]
    renders, assessed = [s[0] for s in shots], [s[1] for s in shots]
    ((one, other),) = pair_standings(renders, assessed, ("loop", "verify"))
    assert (one.seeds, other.seeds) == ((1, 9), (1, 9))
    assert (one.overall, other.overall) == (pytest.approx(0.3), pytest.approx(0.6))
    assert [pair[0].seeds for pair in pair_standings(renders, assessed)] == [(1,)]


TRADE = (
    shot("0", 1, alignment=0.50, motion=0.50, temporal=0.95),
    shot("1", 1, alignment=0.55, motion=0.55, temporal=0.80),
    shot("2", 1, alignment=0.40, motion=1.00, temporal=0.85),
    shot("3", 1, alignment=0.30, motion=0.90, temporal=0.80),
)


def test_each_rule_has_its_own_leader() -> None:
    def order(rule: SelectionRule) -> str:
        return "".join(s.candidate for s in rank("0123", *TRADE, selection=Selection(rule=rule)))

    assert order("average_rank") == "2013"
    assert order("weighted") == "2301"
    assert order("pareto") == "2013"


def test_who_is_dominated_stands_behind_who_is_not_whatever_the_ranks() -> None:
    shots = (
        shot("0", 1, a=0.90, b=0.90, c=0.10),
        shot("1", 1, a=0.89, b=0.89, c=0.10),
        shot("2", 1, a=0.10, b=0.10, c=0.20),
    )
    assert [s.candidate for s in rank("012", *shots)] == ["0", "1", "2"]
    assert [s.candidate for s in rank("012", *shots, selection=Selection(rule="pareto"))] == ["0", "2", "1"]


@given(st.lists(st.lists(st.one_of(st.none(), st.floats(0, 1)), min_size=3, max_size=3), min_size=1, max_size=6))
def test_somebody_is_always_undominated_and_leads(scores: list[list[float | None]]) -> None:
    shots = [shot(str(n), 1, a=a, b=b, c=c) for n, (a, b, c) in enumerate(scores)]
    ids = "".join(str(n) for n in range(len(scores)))
    standings = rank(ids, *shots, selection=Selection(rule="pareto", gate=False))
    assert not standings or not standings[0].is_dominated


def test_without_the_gate_the_prettier_one_leads() -> None:
    shots = (
        shot("0", 1, intent=0.8, alignment=0.8, quality=0.2, temporal=0.2),
        shot("1", 1, intent=0.6, alignment=0.7, quality=1.0, temporal=1.0),
    )
    assert rank("01", *shots)[0].candidate == "0"
    assert rank("01", *shots, selection=Selection(gate=False))[0].candidate == "1"


def test_a_saved_config_says_how_its_run_chose_and_an_old_one_chose_as_it_always_did() -> None:
    config = make_config({"select": {"rule": "weighted", "gate": False}, "assess": {"weights": {"motion": 2.0}}})
    assert Selection.from_config(config.model_dump(mode="json")) == config.selection
    assert config.selection == Selection({"motion": 2.0}, "weighted", gate=False)
    assert Selection.from_config({"assess": {"weights": {}}}) == Selection() == LoopConfig().selection
