"""What every FeedbackSource must do; test files call these with a source."""

from feedback.checklist import make_checklist
from feedback.clip import Clip
from feedback.records import Feedback
from feedback.source import FeedbackSource

PROMPTS = ["a red ball moves right, left of a blue box", "a cat on a beach, watercolor painting", "", "🙂"]


def check_it_signs_its_feedback(source: FeedbackSource, clip: Clip) -> None:
    for prompt in PROMPTS:
        feedback = source.assess(clip, prompt, make_checklist(prompt))
        assert feedback.source == source.name == feedback.score.name
        assert len({score.name for score in feedback.scores}) == len(feedback.scores)


def check_scores_are_shares_or_have_a_reason(source: FeedbackSource, clip: Clip) -> None:
    for prompt in PROMPTS:
        for score in source.assess(clip, prompt, make_checklist(prompt)).scores:
            assert score.why if score.value is None else 0 <= score.value <= 1


def check_verdicts_answer_questions_of_the_checklist(source: FeedbackSource, clip: Clip) -> None:
    for prompt in PROMPTS:
        checklist = make_checklist(prompt)
        verdicts = source.assess(clip, prompt, checklist).verdicts
        asked = [question.id for question in checklist]
        assert {verdict.question_id for verdict in verdicts} <= set(asked)
        assert len({verdict.question_id for verdict in verdicts}) == len(verdicts)


def check_it_repeats_itself(source: FeedbackSource, clip: Clip) -> None:
    checklist = make_checklist(PROMPTS[0])
    assert source.assess(clip, PROMPTS[0], checklist) == source.assess(clip, PROMPTS[0], checklist)


def check_feedback_is_json_plain(source: FeedbackSource, clip: Clip) -> None:
    feedback = source.assess(clip, PROMPTS[0], make_checklist(PROMPTS[0]))
    assert Feedback.model_validate_json(feedback.model_dump_json()) == feedback
