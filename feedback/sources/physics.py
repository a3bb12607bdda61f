"""Physics: does the clip obey the law of nature that its prompt calls for, by its measured motion and by a judge's eye.

A rule for the prompt is given, looked up or proposed by a language model once. The model then holds the motion that
optical flow measured, in words, to that rule; it sees no pixels. A judge that sees them may be asked the same.
"""

from collections.abc import Sequence
from threading import Lock
from typing import Any

from feedback.clip import Clip
from feedback.judge import Judge
from feedback.language import AskLanguageModel, Interview, NoAnswerError
from feedback.motion_course import measure_course
from feedback.physics_interview import (
    RULE_SCHEMA,
    VERDICT_SCHEMA,
    RuleVerdict,
    read_rule,
    read_verdict,
    rule_messages,
    verdict_messages,
)
from feedback.physics_rules import Rule, Rules
from feedback.records import Feedback, Question, Score

_SCORES = ("physics", "physics_by_motion", "physics_by_judge")


class PhysicsSource:
    """Scores 0..1 how far a clip obeys the rule of its prompt.

    `physics_by_motion` is the language model's verdict on the measured motion, `physics_by_judge` the judge's P(yes);
    the leading score is the mean of those that are known. All clips of a prompt are held to the same rule. A reply that
    can't be used is asked for once more. Without a language model, for a single frame and for a prompt that no law of
    nature decides, nothing is scored. The evidence holds the rule and where it came from, the measurements, and what
    was asked of the model for this clip. Safe to use from threads.

    Args:
        ask: The language model.
        rules: Rules that are known without it.
        judge: Asked whether the rule holds, if there is one.
    """

    name = "physics"

    def __init__(self, ask: AskLanguageModel | None, rules: Rules | None = None, judge: Judge | None = None):
        self._ask = ask
        self._rules = rules or Rules()
        self._judge = judge
        self._proposed: dict[str, Rule] = {}
        self._lock = Lock()

    def assess(self, clip: Clip, prompt: str, checklist: Sequence[Question]) -> Feedback:  # noqa: ARG002
        """Feedback on the clip's physics."""
        if self._ask is None:
            return self._unscored("physics needs a language model")
        if clip.num_frames < 2:
            return self._unscored("one frame has no motion")
        interview = Interview(self._ask)
        try:
            rule = self._rule(prompt, interview)
        except NoAnswerError as problem:
            return self._unscored(f"no rule could be had: {problem}", interview.cost)
        if not rule.text:
            return self._unscored("no law of nature decides how this prompt must look", interview.cost)
        course = measure_course(clip)
        measured = course.in_words()
        by_motion, verdict = self._by_motion(prompt, rule, measured, interview)
        by_judge = self._by_judge(clip, rule)
        return Feedback(
            source=self.name,
            scores=[_mean(by_motion, by_judge), by_motion, by_judge],
            critique=_critique(rule, verdict, by_judge),
            evidence={
                "rule": rule.text,
                "rule_from": rule.origin,
                "why": verdict.why if verdict else "",
                "measured": measured,
                "course": course.model_dump(mode="json"),
                **interview.cost,
            },
        )

    def remember(self, prompt: str, proposed: str) -> None:
        """Takes a rule that the model proposed for this prompt earlier, in another process."""
        with self._lock:
            self._proposed.setdefault(prompt, Rule(proposed, "model"))

    def _rule(self, prompt: str, interview: Interview) -> Rule:
        """The rule of this prompt; its text is empty when the model says that there is none. Raises NoAnswerError."""
        known = self._rules.find(prompt)
        if known:
            return known
        with self._lock:
            if prompt not in self._proposed:
                proposed = interview.ask(rule_messages(prompt), RULE_SCHEMA, read_rule)
                self._proposed[prompt] = Rule(proposed, "model")
            return self._proposed[prompt]

    def _by_motion(
        self, prompt: str, rule: Rule, measured: str, interview: Interview
    ) -> tuple[Score, RuleVerdict | None]:
        try:
            verdict = interview.ask(verdict_messages(prompt, rule.text, measured), VERDICT_SCHEMA, read_verdict)
        except NoAnswerError as problem:
            return Score(name="physics_by_motion", value=None, why=str(problem)), None
        why = "" if verdict.score is not None else f"the measured motion does not decide it: {verdict.why}"
        return Score(name="physics_by_motion", value=verdict.score, why=why), verdict

    def _by_judge(self, clip: Clip, rule: Rule) -> Score:
        if self._judge is None:
            return Score(name="physics_by_judge", value=None, why="no judge is asked")
        text = f"Does what happens in the video obey this rule: {rule.text}"
        question = Question(id="physics", kind="action", text=text, phrase=rule.text, value=rule.text)
        (answer,) = self._judge.ask(clip, [question])
        why = "" if answer.p_yes is not None else answer.seen or "the judge can't tell"
        return Score(name="physics_by_judge", value=answer.p_yes, why=why)

    def _unscored(self, why: str, evidence: dict[str, Any] | None = None) -> Feedback:
        scores = [Score(name=name, value=None, why=why) for name in _SCORES]
        return Feedback(source=self.name, scores=scores, evidence=evidence or {})


def _mean(by_motion: Score, by_judge: Score) -> Score:
    known = [score.value for score in (by_motion, by_judge) if score.value is not None]
    if known:
        return Score(name="physics", value=sum(known) / len(known))
    return Score(name="physics", value=None, why=by_motion.why)


def _critique(rule: Rule, verdict: RuleVerdict | None, by_judge: Score) -> str:
    lines = []
    if verdict and verdict.score is not None and verdict.score <= 0.5:
        lines.append(f"physics: {verdict.violated_step}")
    if by_judge.value is not None and by_judge.value < 0.5:
        lines.append("physics: the judge does not see the rule obeyed")
    return "\n".join([*lines, f"the rule: {rule.text}"]) if lines else ""
