"""What a language model is to answer, and how its answer is read, however it is wrapped."""

import json
import re
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple, cast, get_args

from agent.records import Fault
from agent.rewriter import Advice
from feedback.records import Question

REPLY_SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "rewrite": {"type": "string"},
        "rationale": {"type": "string"},
        "fault": {"type": "string", "enum": list(get_args(Fault))},
    },
    "required": ["rewrite", "rationale", "fault"],
    "additionalProperties": False,
}
"""JSON schema of a rewriter's reply."""

CRITIQUE_SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "findings": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {
                    "question": {"type": "string"},
                    "change": {"type": "string"},
                    "fault": {"type": "string", "enum": list(get_args(Fault))},
                },
                "required": ["question", "change", "fault"],
                "additionalProperties": False,
            },
        }
    },
    "required": ["findings"],
    "additionalProperties": False,
}
"""JSON schema of a critique's reply; "question" is an id of the checklist."""


class Rewrite(NamedTuple):
    """A rewriter's reply, taken apart."""

    text: str
    rationale: str = ""
    fault: Fault = "unclear"


def write_reply(rewrite: Rewrite) -> str:
    """The reply a rewriter should give, as one line of JSON: what `read_rewrite` reads, and what tuning teaches."""
    return json.dumps(
        {"rewrite": rewrite.text, "rationale": rewrite.rationale, "fault": rewrite.fault}, ensure_ascii=False
    )


def read_rewrite(reply_text: str) -> Rewrite:
    """The rewrite in a model's reply: JSON anywhere in it, cut-off JSON, a code fence, or the plain text itself."""
    spoken = _without_thoughts(reply_text)
    for value in _objects(spoken):
        if rewrite := _rewrite_of(value):
            return rewrite
    if torn := _TORN.search(spoken):
        return Rewrite(_unescape(torn[1]))
    if fence := _FENCE.search(spoken):
        return Rewrite(fence[1].strip())
    return Rewrite(spoken)


def read_plain(reply_text: str) -> str:
    """The text of a reply that is nothing but a text: without thoughts and outer spaces."""
    return _without_thoughts(reply_text)


def read_critique(reply_text: str, asked: Sequence[Question]) -> tuple[Advice, ...]:
    """The advice in a critique's reply, one for each of these questions at most; empty when there is none in it."""
    texts = {question.id: question.text for question in asked}
    for value in _objects(_without_thoughts(reply_text)):
        findings = value.get("findings")
        if not isinstance(findings, list):
            continue
        read = [_advice_of(finding, texts) for finding in cast("list[Any]", findings)]
        return tuple({advice.question: advice for advice in read if advice}.values())
    return ()


def _advice_of(finding: Any, texts: dict[str, str]) -> Advice | None:
    if not isinstance(finding, dict):
        return None
    value = cast("dict[str, Any]", finding)
    question, change = value.get("question"), value.get("change")
    if not isinstance(question, str) or question not in texts or not isinstance(change, str) or not change.strip():
        return None
    return Advice(question=texts[question], change=" ".join(change.split()), fault=_fault_of(value))


_DECODER = json.JSONDecoder(strict=False)
_MOST_BRACES = 50
_FAULTS: tuple[Fault, ...] = get_args(Fault)
_KEYS = ("rewrite", "rewritten_prompt", "prompt", "text")
_THOUGHTS = re.compile(r"<think(?:ing)?>.*?(?:</think(?:ing)?>|$)", re.DOTALL | re.IGNORECASE)
_TORN = re.compile(r'"rewrite"\s*:\s*"((?:[^"\\]|\\.)*)', re.DOTALL)
_FENCE = re.compile(r"```[a-z]*\n?(.*?)(?:```|$)", re.DOTALL)


def _without_thoughts(reply_text: str) -> str:
    return _THOUGHTS.sub("", reply_text).strip()


def _objects(spoken: str) -> Iterator[dict[str, Any]]:
    """The JSON objects that begin at one of the first braces."""
    for start in [match.start() for match in re.finditer(r"\{", spoken)][:_MOST_BRACES]:
        try:
            value, _ = _DECODER.raw_decode(spoken, start)
        except (ValueError, RecursionError):
            continue
        if isinstance(value, dict):
            yield cast("dict[str, Any]", value)


def _rewrite_of(value: dict[str, Any]) -> Rewrite | None:
    text = next((value[key] for key in _KEYS if isinstance(value.get(key), str)), None)
    if text is None:
        return None
    rationale = value.get("rationale")
    return Rewrite(text.strip(), rationale.strip() if isinstance(rationale, str) else "", _fault_of(value))


def _fault_of(value: dict[str, Any]) -> Fault:
    return value["fault"] if value.get("fault") in _FAULTS else "unclear"


def _unescape(json_text: str) -> str:
    try:
        return str(json.loads(f'"{json_text}"', strict=False)).strip()
    except ValueError:
        return json_text.strip()
