"""Who leads, and on which evidence."""

from hypothesis import given
from hypothesis import strategies as st

from agent.config import LoopConfig, make_config
from agent.records import Assessed, Candidate, Render
from agent.standings import Selection, SelectionRule, rank_candidates
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
