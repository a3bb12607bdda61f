"""Alignment: does the clip show what the prompt says, question by question."""

from collections.abc import Sequence

from feedback.clip import Clip
from feedback.judge import Judge
from feedback.records import Feedback, Question, Score, Verdict


class AlignmentSource:
    """Mean P(yes) over the checklist, as a judge answers it; its critique says what is seen instead."""

    name = "alignment"

    def __init__(self, judge: Judge):
        self._judge = judge

    def assess(self, clip: Clip, prompt: str, checklist: Sequence[Question]) -> Feedback:  # noqa: ARG002
        """Unscored when the judge can answer none of the questions."""
        verdicts = self._judge.ask(clip, checklist)
        answered = [verdict.p_yes for verdict in verdicts if verdict.p_yes is not None]
        evidence = {"questions": len(checklist), "answered": len(answered)}
        if not answered:
            score = Score(name=self.name, value=None, why=_why_none(checklist, verdicts))
            return Feedback(source=self.name, scores=[score], verdicts=verdicts, evidence=evidence)
        score = Score(name=self.name, value=sum(answered) / len(answered))
        critique = criticise(checklist, verdicts)
        return Feedback(source=self.name, scores=[score], verdicts=verdicts, critique=critique, evidence=evidence)


def _why_none(checklist: Sequence[Question], verdicts: Sequence[Verdict]) -> str:
    if not checklist:
        return "the prompt asks for nothing that can be checked"
    reasons = dict.fromkeys(verdict.seen for verdict in verdicts if verdict.seen)
    return "the judge could answer none of the questions: " + "; ".join(list(reasons)[:3])


def criticise(checklist: Sequence[Question], verdicts: Sequence[Verdict]) -> str:
    """One line for each question that does not hold: what was asked, and what is seen instead."""
    by_id = {verdict.question_id: verdict for verdict in verdicts}
    lines = []
    for question in checklist:
        verdict = by_id.get(question.id)
        if verdict is None or verdict.holds is not False:
            continue
        instead = f", {verdict.seen} instead" if verdict.seen else ""
        lines.append(f'"{asked_for(question)}": not shown{instead}')
    return "\n".join(lines)


def asked_for(question: Question) -> str:
    """What a question asks for, in the prompt's words: "red ball moves right", "2 red boxes"."""
    match question.kind:
        case "count" if question.subject:
            return f"{question.value} {question.subject}"
        case "attribute" if question.subject and question.value not in question.subject:
            return f"{question.value} {question.subject}"
        case "attribute" | "object":
            return question.subject or question.phrase
        case "relation" if question.subject and question.object:
            return f"{question.subject} {question.value} {question.object}"
        case "action" if question.subject:
            return f"{question.subject} {question.value}"
        case _:
            return question.value or question.phrase
