"""Text-level feedback: what is wrong with a candidate before any GPU time is spent on it, and what can be mended.

A language model's text may be a refusal, wear a preamble, leak its chat format, forget or contradict what the person
asked for, show what must not be shown, or be longer than the generator's text encoder reads. What can be mended is
mended once; the rest is dropped with its reason. Pure: same arguments, same outcome. A text that passes comes through
unchanged when it is screened again.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from agent.languages import count_words, has_spaced_words, is_foreign, language_name, native_sentences, script_of
from agent.principles.accurate import find_contradictions
from agent.principles.helpful import find_unhelpful
from agent.principles.outcome import Principled
from agent.principles.soften import soften
from agent.records import Finding, Record
from agent.screen_rules import (
    change_around_triggers,
    find_leak,
    find_nonsense,
    find_refusal,
    missing_triggers,
    shorten,
    unwrap,
    without_triggers,
)
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
    word_limit: int | None = None,
    language: str = "",
    trigger_words: Sequence[str] = (),
    negative: str | None = None,
    principles: bool = True,
) -> Screened:
    """What the generator may get of this text, and what was found. Never raises of its own.

    The prompt itself (`text == prompt`) is neither altered nor dropped: every other candidate is measured by it.
    `token_count` and `token_limit` are the renderer's; without them there is no budget. `word_limit` gives way to a
    prompt that is longer. Trigger words are put in front where they are missing, and nothing alters them. A text that
    misses more than half of the checklist is dropped, one that misses less gets the missing phrases in the person's own
    words. Sentences in another script than that of `language` (a code; "" is any) are cut. Where that is not the
    prompt's script, or has no spaces between words, words can't be compared and the checklist is left to the judges.

    With `principles`, rules for English: a text that contradicts the prompt, or names what `negative` leaves out, is
    dropped; what is harmful in it is softened, or it is dropped; what is unhelpful is told and changes nothing.
    """
    asked = _Asked(prompt, checklist, language, trigger_words, negative, principles)
    most_words = max(word_limit, count_words(" ".join([*trigger_words, prompt]))) if word_limit else None
    budget = _Budget(token_count, token_limit, most_words)
    if text == prompt:
        return Screened(text=text, findings=budget.findings(text))

    findings: list[Finding] = []
    mended, found = unwrap(text, trigger_words)
    findings += found

    def finish(dropped: str | None = None) -> Screened:
        return Screened(
            text=mended, findings=tuple(findings), dropped=dropped, raw_text=text if mended != text else None
        )

    def reject(finding: Finding) -> Screened:
        findings.append(finding)
        return finish(f"{finding.rule}: {finding.detail}")

    if fatal := asked.find_fatal(mended):
        return reject(fatal)

    native = asked.cut_foreign(mended)
    if native != mended:
        foreign = Finding(rule="language", detail=f"in another script than {language_name(language)} is written in")
        if asked.find_fatal(native):
            return reject(foreign)
        findings.append(foreign)
        mended = native

    if contradiction := asked.find_contradiction(mended):
        return reject(contradiction)
    softer, held = asked.soften(mended)
    findings += held.findings
    if held.refused:
        return reject(Finding(rule="harmless", detail=held.refused))
    mended = softer

    missing = asked.missing_in(mended)
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
        if not (missing := asked.missing_in(mended)):
            break
    if missing:
        lost = "; ".join(question.phrase for question in missing)
        return reject(Finding(rule="intent", detail=f"adding it did not mend it, still missed: {lost}"))

    if lacking := missing_triggers(mended, trigger_words):
        findings += [Finding(rule="trigger", detail=f"missed, and put in front: {word}") for word in lacking]
        mended = ", ".join([*lacking, mended])

    if over := budget.findings(mended):
        findings += over
        mended = shorten(mended, budget.fit, asked.is_kept_in)
        if not budget.fit(mended):
            too_long = f"{over[0].rule}: {over[0].detail}"
            return finish(f"{too_long}, and it can't be shortened without losing what was asked for")

    if not asked.is_clean(mended):
        return reject(Finding(rule="intent", detail="mending one thing broke another"))
    findings += asked.find_unhelpful(mended)
    return finish()


@dataclass(frozen=True)
class _Asked:
    """What a candidate is held to."""

    prompt: str
    checklist: Sequence[Question]
    language: str
    trigger_words: Sequence[str]
    negative: str | None
    principles: bool

    def find_fatal(self, text: str) -> Finding | None:
        """What makes a text unfit whatever else it says; trigger words are no language and are not looked at."""
        words = without_triggers(text, self.trigger_words)
        if not any(char.isalnum() for char in words):
            return Finding(rule="empty", detail="no words in it")
        return find_leak(words, self.prompt) or find_refusal(words, self.prompt) or find_nonsense(words, self.prompt)

    def cut_foreign(self, text: str) -> str:
        """The sentences in the language's script. Names that the prompt has in another script are at home in both."""
        mixed = not is_foreign(self.prompt, self.language)
        known = [*self.trigger_words, self.prompt] if mixed else self.trigger_words
        return native_sentences(text, self.language, " ".join(known))

    def find_contradiction(self, text: str) -> Finding | None:
        """The first thing that the text says against the prompt."""
        found = find_contradictions(self.prompt, text, negative=self.negative) if self.principles else []
        return found[0] if found else None

    def find_unhelpful(self, text: str) -> list[Finding]:
        """What makes the text less useful than the prompt."""
        return find_unhelpful(text, self.prompt) if self.principles else []

    def soften(self, text: str) -> tuple[str, Principled]:
        """The text made harmless around its trigger words, and what became of the words between them."""
        held = Principled(text=text)

        def change(masked: str) -> str:
            nonlocal held
            held = soften(masked)
            return held.text

        return (change_around_triggers(text, self.trigger_words, change) if self.principles else text), held

    def missing_in(self, text: str) -> list[Question]:
        """The questions that the text does not ask for, as far as its words can be compared with theirs."""
        translated = self.language and script_of(text) != script_of(self.prompt)
        if translated or (self.language and not has_spaced_words(text)):
            return []
        return missing_concepts(self.checklist, text)

    def is_kept_in(self, text: str) -> bool:
        """Whether nothing that was asked for is lost, no trigger word either."""
        return not self.missing_in(text) and not missing_triggers(text, self.trigger_words)

    def is_clean(self, text: str) -> bool:
        """Whether the text would pass unchanged."""
        unchanged = unwrap(text, self.trigger_words)[0] == text == self.cut_foreign(text)
        harmless = self.soften(text)[0] == text and not self.find_contradiction(text)
        return unchanged and harmless and self.is_kept_in(text) and not self.find_fatal(text)


def _add_phrases(text: str, missing: Sequence[Question]) -> str:
    phrases = list(dict.fromkeys(" ".join(_say(question).split()).strip(" .,;") for question in missing))
    for phrase in phrases:
        if phrase and not any(phrase != other and phrase in other for other in phrases):
            text = f"{text.rstrip(' ,;')}{'' if text[-1] in '.!?…' else '.'} {phrase[0].upper()}{phrase[1:]}."
    return text


def _say(question: Question) -> str:
    """What to add of it: the prompt's phrase, and of a bare attribute whose it is, for "Red." asks for nothing."""
    if question.kind != "attribute" or question.phrase.lower() != question.value.lower() or not question.subject:
        return question.phrase
    named = question.value.lower() in question.subject.lower().split()
    return question.subject if named else f"{question.value} {question.subject}"


class _Budget:
    """The renderer's tokens and the run's words; no limit of tokens when it has none or can't count."""

    def __init__(self, count: TokenCount | None, token_limit: int | None, word_limit: int | None) -> None:
        self._count, self._token_limit, self._word_limit = count, token_limit, word_limit

    def fit(self, text: str) -> bool:
        return not self.findings(text)

    def findings(self, text: str) -> tuple[Finding, ...]:
        found: list[Finding] = []
        tokens = self._count(text) if self._count and self._token_limit is not None else None
        if tokens is not None and self._token_limit is not None and tokens > self._token_limit:
            found.append(Finding(rule="tokens", detail=f"{tokens} tokens, the generator reads {self._token_limit}"))
        if self._word_limit is not None and (words := count_words(text)) > self._word_limit:
            found.append(Finding(rule="words", detail=f"{words} words, {self._word_limit} are allowed"))
        return tuple(found)
