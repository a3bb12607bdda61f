"""A language model's verdicts on a text, read with care."""

import json
from typing import Any

import pytest

from agent.errors import ModelError
from agent.language_model import Reply
from agent.llm.scripted import ScriptedLanguageModel
from agent.principles.judge import PRINCIPLES, VERDICT_SCHEMA, TextJudgement, judge_text

PROMPT = "three dogs run on a beach"
TEXT = "The video shows two dogs on a beach."
GOOD: dict[str, Any] = {
    "harmless": {"reason": "dogs on a beach", "verdict": "yes"},
    "accurate": {"reason": "'two dogs', three were asked for", "verdict": "no"},
    "helpful": {"reason": "it may or may not be drawn", "verdict": "unsure"},
}


def judge(reply: str | Reply | Exception) -> TextJudgement:
    return judge_text(ScriptedLanguageModel([reply]), PROMPT, TEXT)


def holds(judgement: TextJudgement) -> list[bool | None]:
    assert [verdict.principle for verdict in judgement.verdicts] == list(PRINCIPLES)
    assert all(verdict.reason for verdict in judgement.verdicts)
    return [verdict.holds for verdict in judgement.verdicts]


def test_one_call_gives_a_verdict_and_a_reason_for_each_principle() -> None:
    model = ScriptedLanguageModel([json.dumps(GOOD)])
    judgement = judge_text(model, PROMPT, TEXT, negative="blur", seed=3)
    assert holds(judgement) == [True, False, None]
    assert judgement.llm_calls == 1
    assert judgement.tokens_in
    ((messages, seed, schema),) = model.calls
    assert (seed, schema) == (3, VERDICT_SCHEMA)
    assert all(part in messages[1]["content"] for part in (PROMPT, TEXT, "blur"))


def test_only_what_is_broken_becomes_a_finding() -> None:
    (finding,) = judge(json.dumps(GOOD)).findings
    assert finding.rule == "accurate"
    assert "three were asked for" in finding.detail


@pytest.mark.parametrize(
    "reply",
    [
        f"Here are my verdicts:\n```json\n{json.dumps(GOOD)}\n```",
        f"<think>It says {{two}}.</think>{json.dumps(GOOD)} Hope this helps!",
        json.dumps(GOOD | {"notes": "none"}),
    ],
)
def test_verdicts_are_found_in_what_a_model_wraps_around_them(reply: str) -> None:
    assert holds(judge(reply)) == [True, False, None]


@pytest.mark.parametrize("broken", [None, "yes", {"verdict": "yes"}, {"reason": "r", "verdict": "Yes, mostly"}, {}])
def test_an_unusable_verdict_is_unknown_and_the_others_stand(broken: object) -> None:
    judgement = judge(json.dumps(GOOD | {"harmless": broken}))
    assert holds(judgement) == [None, False, None]
    assert "not usable" in judgement.verdicts[0].reason


@pytest.mark.parametrize(
    ("reply", "why"),
    [
        ("I'm sorry, I can't judge this.", "refused"),
        (Reply(text="", refusal="No."), "refused to judge: No."),
        (Reply(text=json.dumps(GOOD), finish_reason="content_filter"), "content filter"),
        ("Looks great!", "holds no verdicts"),
        ('{"harmless": {"reason": "cut', "holds no verdicts"),
        ("[" * 5000, "holds no verdicts"),
        ("{" * 5000, "holds no verdicts"),
        (ModelError("the server is gone"), "the server is gone"),
    ],
)
def test_without_verdicts_nothing_is_known_and_the_reason_is_told(reply: str | Reply | Exception, why: str) -> None:
    judgement = judge(reply)
    assert holds(judgement) == [None, None, None]
    assert all(why in verdict.reason for verdict in judgement.verdicts)
    assert judgement.findings == ()
