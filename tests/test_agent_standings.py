"""Who leads, and on which evidence."""

from agent.records import Assessed, Candidate, Render
from agent.standings import rank_candidates
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


def rank(ids: str, *shots: tuple[Render, Assessed]):
    return rank_candidates(candidates(*ids), [s[0] for s in shots], [s[1] for s in shots])


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
