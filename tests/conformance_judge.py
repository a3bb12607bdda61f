"""What every Judge must do; test files call these with a judge and a question it can answer and one it can't."""

from feedback.clip import Clip
from feedback.judge import Judge
from feedback.records import Question


def check_one_verdict_per_question(judge: Judge, clip: Clip, known: Question, unknown: Question) -> None:
    asked = [unknown, known, unknown]
    assert [verdict.question_id for verdict in judge.ask(clip, asked)] == [question.id for question in asked]
    assert judge.ask(clip, []) == []


def check_what_it_cannot_see_has_a_reason(judge: Judge, clip: Clip, unknown: Question) -> None:
    (verdict,) = judge.ask(clip, [unknown])
    assert verdict.p_yes is None
    assert verdict.seen


def check_it_repeats_itself(judge: Judge, clip: Clip, known: Question) -> None:
    assert judge.ask(clip, [known]) == judge.ask(clip, [known])
