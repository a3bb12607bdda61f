"""Text-level feedback: what is wrong with a candidate before any GPU time is spent on it, and what can be mended.

A language model's text may be a refusal, wear a preamble, leak its chat format, forget what the person asked for, or be
longer than the generator's text encoder reads. What can be mended is mended once; the rest is dropped with its reason.
Pure: same arguments, same outcome. A text that passes comes through unchanged when it is screened again.
"""

from collections.abc import Callable, Sequence

from agent.records import Finding, Record
from agent.screen_rules import find_leak, find_nonsense, find_refusal, shorten, unwrap
from feedback.checklist import missing_concepts
from feedback.records import Question

_MEND_ROUNDS = 2
"""One for what is missing, one for what is asked of a subject that was missing itself."""

TokenCount = Callable[[str], int | None]


class Screened(Record):
    """What became of one candidate's text."""

    text: str
    """What the generator may get; of a dropped text, what was left when it was dropped."""
    findings: tuple[Finding, ...] = ()
    dropped: str | None = None
    """Why it must not be rendered; None when it may."""
    raw_text: str | None = None
    """The text before it was mended; None when it is unchanged."""


def screen_text(
    text: str,
    *,
    prompt: str,
    checklist: Sequence[Question] = (),
    token_count: TokenCount | None = None,
    token_limit: int | None = None,
) -> Screened:
    """What the generator may get of this text, and what was found. Never raises of its own.

    The prompt itself (`text == prompt`) is neither altered nor dropped: every other candidate is measured by it.
    `token_count` and `token_limit` are the renderer's; without them there is no budget. A text that misses more than
    half of the checklist is dropped, one that misses less gets the missing phrases in the person's own words.
    """
    tokens = _Budget(token_count, token_limit)
    if text == prompt:
        return Screened(text=text, findings=tokens.findings(text))

    findings: list[Finding] = []
    mended, found = unwrap(text)
    findings += found

    def finish(dropped: str | None = None) -> Screened:
        return Screened(
            text=mended, findings=tuple(findings), dropped=dropped, raw_text=text if mended != text else None
        )

    def reject(finding: Finding) -> Screened:
        findings.append(finding)
        return finish(f"{finding.rule}: {finding.detail}")

    if fatal := _find_fatal(mended, prompt):
        return reject(fatal)

    missing = missing_concepts(checklist, mended)
    if len(missing) > len(checklist) / 2:
        lost = "; ".join(question.phrase for question in missing)
        return reject(
            Finding(rule="intent", detail=f"misses {len(missing)} of {len(checklist)} things asked for: {lost}")
        )
    for _ in range(_MEND_ROUNDS):
        findings += [
            Finding(
                rule="count" if question.kind == "count" else "intent", detail=f"missed, and added: {question.phrase}"
            )
            for question in missing
        ]
        mended = _add_phrases(mended, missing)
        if not (missing := missing_concepts(checklist, mended)):
            break
    if missing:
        lost = "; ".join(question.phrase for question in missing)
        return reject(Finding(rule="intent", detail=f"adding it did not mend it, still missed: {lost}"))

    if over := tokens.findings(mended):
        findings += over
        mended = shorten(mended, tokens.fit, lambda shorter: not missing_concepts(checklist, shorter))
        if not tokens.fit(mended):
            return finish(f"tokens: {over[0].detail}, and it can't be shortened without losing what was asked for")

    if unwrap(mended)[0] != mended or missing_concepts(checklist, mended) or _find_fatal(mended, prompt):
        return reject(Finding(rule="intent", detail="mending one thing broke another"))
    return finish()


def _find_fatal(text: str, prompt: str) -> Finding | None:
    if not any(char.isalnum() for char in text):
        return Finding(rule="empty", detail="no words in it")
    return find_leak(text, prompt) or find_refusal(text, prompt) or find_nonsense(text, prompt)


def _add_phrases(text: str, missing: Sequence[Question]) -> str:
    phrases = list(dict.fromkeys(" ".join(question.phrase.split()).strip(" .,;") for question in missing))
    for phrase in phrases:
        if phrase and not any(phrase != other and phrase in other for other in phrases):
            text = f"{text.rstrip(' ,;')}{'' if text[-1] in '.!?…' else '.'} {phrase[0].upper()}{phrase[1:]}."
    return text


class _Budget:
    """The renderer's token budget; no limit when it has none or can't count."""

    def __init__(self, count: TokenCount | None, limit: int | None) -> None:
        self._count, self._limit = count, limit

    def fit(self, text: str) -> bool:
        return not self.findings(text)

    def findings(self, text: str) -> tuple[Finding, ...]:
        if self._count is None or self._limit is None:
            return ()
        tokens = self._count(text)
        if tokens is None or tokens <= self._limit:
            return ()
        return (Finding(rule="tokens", detail=f"{tokens} tokens, the generator reads {self._limit}"),)
