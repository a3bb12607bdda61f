"""What the leader comes to when questions are left out, and how that ends a run."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.config import StopConfig
from agent.decide import Spent, decide_next
from agent.reach import Reach, measure_reach, score_without
from agent.records import Assessed, Render, Unreachable
from agent.standings import Standing
from feedback.combine import combine_feedback
from feedback.records import Assessment, Feedback, Question, Score, Verdict

CHECKLIST = [Question(id=f"q{n}", kind="object", text=f"Is there thing {n}?", phrase=f"thing {n}") for n in range(4)]
LOST = Unreachable(question="q3", text="Is there thing 3?", wordings=3, renders=6, seeds=2, best_p_yes=0.1)
ROOM = Spent(
    renders=4,
    reserved_renders=4,
    renders_per_candidate=2,
    tokens=0,
    seconds=1.0,
    stop_requested=False,
    new_candidates=2,
)


def assess(*p_yes: float | None, temporal: float = 1.0) -> Assessment:
    """An alignment that is the mean of these answers, and a source that asks no questions."""
    verdicts = [Verdict(question_id=f"q{n}", p_yes=p) for n, p in enumerate(p_yes)]
    known = [p for p in p_yes if p is not None]
    leading = Score(name="alignment", value=sum(known) / len(known) if known else None, why="" if known else "unknown")
    return combine_feedback(
        [
            Feedback(source="alignment", scores=[leading], verdicts=verdicts),
            Feedback(source="temporal", scores=[Score(name="temporal", value=temporal)], concerns="clip"),
        ],
        CHECKLIST,
    )


def reach_of(*assessments: Assessment, unreachable: tuple[Unreachable, ...] = (LOST,)) -> Reach:
    renders = [Render(candidate="1", seed=n, iteration=0, path="x.mp4") for n in range(len(assessments))]
    rows = [Assessed(render=r.id, assessment=a) for r, a in zip(renders, assessments, strict=True)]
    return measure_reach(unreachable, leader(0.5)[0], CHECKLIST, renders, rows)


def leader(score: float) -> list[Standing]:
    return [Standing("1", (0, 1), score, score, {"alignment": score}, average_rank=1.0)]


def test_without_a_question_that_fails_the_score_is_what_the_others_come_to() -> None:
    assessment = assess(1.0, 1.0, 1.0, 0.0, temporal=0.9)
    assert assessment.overall == pytest.approx((0.75 + 0.9) / 2)
    assert score_without({"q3"}, assessment, CHECKLIST) == pytest.approx((1.0 + 0.9) / 2)


def test_a_score_that_is_no_mean_of_answers_is_left_as_it_is() -> None:
    verdicts = [Verdict(question_id="q0", p_yes=1.0), Verdict(question_id="q3", p_yes=0.0)]
    own = Feedback(source="own", scores=[Score(name="own", value=0.9)], verdicts=verdicts)
    assert score_without({"q3"}, combine_feedback([own], CHECKLIST[:2]), CHECKLIST[:1]) == 0.9


def test_when_all_is_out_of_reach_there_is_no_score_and_never_zero() -> None:
    assert score_without({"q0", "q1", "q2", "q3"}, assess(0.0, 0.0, 0.0, 0.0), CHECKLIST) is None


@given(st.lists(st.floats(0, 1), min_size=4, max_size=4), st.floats(0, 1))
def test_leaving_nothing_out_changes_nothing(p_yes: list[float], temporal: float) -> None:
    assessment = assess(*p_yes, temporal=temporal)
    assert score_without(set(), assessment, CHECKLIST) == assessment.overall


def test_what_the_leader_fails_is_parted_into_lost_and_left() -> None:
    reach = reach_of(assess(1.0, 0.0, 1.0, 0.0), assess(1.0, 1.0, 1.0, 0.0))
    assert (reach.failing, reach.lost) == (("q1",), ("q3",))
    assert reach_of(assess(1.0, 1.0, 1.0, 0.0), unreachable=()).lost == ()


def test_a_run_goes_on_while_something_within_reach_fails() -> None:
    decision = decide_next(1, leader(0.8), [], ROOM, StopConfig(), reach_of(assess(1.0, 0.0, 1.0, 0.0)))
    assert decision.stop is None
    assert decision.unreachable == [LOST]


def test_a_run_in_which_only_the_unreachable_fails_stops_and_names_it_with_the_evidence() -> None:
    decision = decide_next(
        1, leader(0.8), [], ROOM, StopConfig(), reach_of(assess(0.9, 0.9, 0.9, 0.0), assess(1.0, 0.8, 1.0, 0.1))
    )
    assert decision.stop == "unreachable"
    assert "'Is there thing 3?' (3 wordings, 6 renders)" in decision.why
    assert decision.score == 0.8


def test_good_enough_is_judged_on_what_is_reachable_and_says_so() -> None:
    reach = reach_of(assess(1.0, 1.0, 1.0, 0.0))
    decision = decide_next(1, leader(0.875), [], ROOM, StopConfig(score_threshold=0.98), reach)
    assert decision.stop == "score_threshold"
    assert "reaches 1.000 of 0.980 without what held in no render" in decision.why
    assert "0.875 with it" in decision.why
    assert decide_next(1, leader(0.875), [], ROOM, StopConfig(score_threshold=0.98)).stop is None


def test_what_the_leader_shows_is_no_reason_to_stop_though_it_was_given_up_elsewhere() -> None:
    reach = reach_of(assess(1.0, 1.0, 1.0, 1.0, temporal=0.5))
    assert reach.lost == ()
    assert decide_next(1, leader(0.75), [], ROOM, StopConfig(), reach).stop is None
