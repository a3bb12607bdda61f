"""The rule-backed rewriter: rewords the prompt in the graph's words, adds modifiers, restates what failed. No model.

It says what the prompt says: wordings are swapped only for wordings of the same meaning, and additions never replace
anything. Where there are parents it breeds from them first. It learns which wordings held, which failed and which are
still untried, never proposes a text twice, and gives the same drafts for the same history.
"""

from collections.abc import Iterator, Sequence
from itertools import islice

from agent.rewriter import Draft, RewriteTask, same_words
from agent.rewriters.crossover import breed
from agent.rewriters.experience import order_by_experience
from agent.rewriters.wording import Part, PromptParts, copula, definite, take_apart
from feedback.records import Question
from graph_store.records import Modifier, ModifierKind
from graph_store.store import ModifierStore

ENRICHMENTS = 4
"""How many sets of added modifiers are tried, each one rank further down."""
HALF_SAID = (" of", " above", " below", " under", " over")
"""Modifiers that end so are relations, and lack the other thing."""


class RulesRewriter:
    """Rewords with the phrases of `store`; without one, it can only restate and reorder."""

    name = "rules"

    def __init__(self, store: ModifierStore | None = None) -> None:
        self._store = store

    def rewrite(self, task: RewriteTask) -> list[Draft]:
        """At most `task.n` texts that are in no earlier candidate; none when the rules have nothing left to try."""
        tried = [task.prompt, *task.tried, *(attempt.candidate.text for attempt in task.history)]
        fresh: list[Draft] = []
        for draft in self._propose(task):
            if not any(same_words(draft.text, text) for text in tried):
                fresh.append(draft)
                tried.append(draft.text)
            if len(fresh) == task.n:
                break
        return fresh

    def _propose(self, task: RewriteTask) -> Iterator[Draft]:
        """All drafts worth trying, the most promising first."""
        as_found = take_apart(task.checklist, self._store)
        parts = order_by_experience(as_found, task.items)
        champion = task.attempt_of(task.champion)
        failing = set(champion.failing) if champion else set()
        origin, parent = ("refine", task.champion) if champion else ("retrieval", None)

        def draft(text: str, rationale: str, modifiers: Sequence[str] = ()) -> Draft:
            return Draft(text, rationale, origin, parent=parent, modifiers=tuple(modifiers))

        if task.parents and parts.can_be_reworded:
            texts = [attempt.candidate.text for parent in task.parents if (attempt := task.attempt_of(parent))]
            for genes, rationale in breed(texts, parts, failing, task.seed):
                yield draft(compose_caption(parts, genes), rationale, list(genes.values()))
        worded = compose_caption(parts) if parts.can_be_reworded else task.prompt
        pairs = zip(parts.all, as_found.all, strict=True)
        used = [part.wordings[0] for part, found in pairs if part.wordings[0] != found.wordings[-1]]
        if failing:
            for text, swapped in _reworded(parts, failing):
                yield draft(text, f"says what failed in other words: {swapped}", used)
            restated = restate(task.checklist, failing)
            yield draft(f"{restated} {_sentence(worded)}", "what failed is said first, in plain sentences", used)
            yield draft(f"{_sentence(worded)} {restated}", "what failed is said again, in plain sentences", used)
        yield draft(worded, "the prompt in the words of the generator's captions", used)
        for rank in range(ENRICHMENTS):
            added = _additions(task, parts, rank)
            if not added:
                return
            enriched = _join(worded, added)
            rationale = "with what the graph adds to such scenes: " + ", ".join(added)
            yield draft(enriched, rationale, [*used, *added])
            if failing:
                yield draft(f"{enriched} {restate(task.checklist, failing)}", rationale, [*used, *added])


def compose_caption(parts: PromptParts, wording_of: dict[Part, str] | None = None) -> str:
    """One caption that says all parts, each in its first wording unless `wording_of` names another."""
    chosen = {part: part.wordings[0] for part in parts.all} | (wording_of or {})
    by_subject = {part.subject: chosen[part] for part in parts.things}
    acting: list[str] = []
    for part in parts.things:
        verbs = [chosen[action] for action in parts.actions if action.subject == part.subject]
        acting.append(f"{chosen[part]} {' and '.join(verbs)}" if verbs else chosen[part])
    scene = " ".join(chosen[part] for part in parts.scenes)
    sentences = [" and ".join(acting) + (f" {scene}" if scene else "")]
    sentences += [
        f"{definite(by_subject.get(part.subject, part.subject))} {chosen[part]} "
        f"{definite(by_subject.get(part.object, part.object))}"
        for part in parts.relations
    ]
    sentences += [chosen[part] for part in parts.extras]
    return " ".join(_sentence(text) for text in sentences if text.strip())


def restate(checklist: Sequence[Question], ids: set[str]) -> str:
    """The questions of these ids as plain statements, in the user's words: what there is, then what it does."""
    asked = [question for question in checklist if question.id in ids]
    asked.sort(key=lambda question: question.kind not in ("object", "count", "attribute"))
    statements = [_statement(question) for question in asked]
    return " ".join(_sentence(text) for text in dict.fromkeys(statements) if text)


def _statement(question: Question) -> str:
    match question.kind:
        case "count":
            return (
                f"exactly {question.value} {question.subject}"
                if question.value != "1"
                else f"one single {question.subject}"
            )
        case "attribute":
            said = question.value in question.subject
            return "" if said else f"the {question.subject} {copula(question)} {question.value}"
        case "action" if question.subject:
            links = f"{copula(question)} " if question.value.split(" ", 1)[0].endswith("ing") else ""
            return f"the {question.subject} {links}{question.value}"
        case "relation":
            return f"the {question.subject} {copula(question)} {question.value} the {question.object}"
        case _:
            return question.phrase


def _reworded(parts: PromptParts, failing: set[str]) -> Iterator[tuple[str, str]]:
    """Captions in which the failing parts take one wording after another: all together first, then one at a time."""
    if not parts.can_be_reworded:
        return
    broken = [part for part in parts.all if failing & set(part.questions) and len(part.wordings) > 1]
    most = max((len(part.wordings) for part in broken), default=0)
    for rank in range(most):
        together = {part: part.wordings[min(rank, len(part.wordings) - 1)] for part in broken}
        yield compose_caption(parts, together), "; ".join(together.values())
        if len(broken) > 1:
            for part, wording in together.items():
                yield compose_caption(parts, {part: wording}), wording


def _additions(task: RewriteTask, parts: PromptParts, rank: int) -> list[str]:
    """One modifier of each kind of which the prompt says nothing, `rank` places down its list."""
    asked: dict[ModifierKind, bool] = {
        "scene": bool(parts.scenes),
        "action": bool(parts.actions) or bool(parts.relations) or not parts.things,
        "atmosphere": False,
    }
    whole = [modifier for modifier in task.modifiers if not modifier.text.endswith(HALF_SAID)]
    return [m.text for kind, said in asked.items() if not said and (m := _nth(whole, kind, rank))]


def _nth(modifiers: Sequence[Modifier], kind: ModifierKind, rank: int) -> Modifier | None:
    return next(islice((modifier for modifier in modifiers if modifier.kind == kind), rank, None), None)


def _join(caption: str, added: Sequence[str]) -> str:
    return f"{_sentence(caption)} {_sentence(', '.join(added))}"


def _sentence(text: str) -> str:
    text = text.strip().rstrip(",;")
    text = text[:1].upper() + text[1:]
    return text if text.endswith((".", "!", "?")) else f"{text}."
