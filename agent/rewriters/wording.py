"""The prompt in parts, and the ways to say each: in the graph's words where they mean the same, and in the user's."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from feedback.checklist import concepts
from feedback.records import Question
from graph_store.records import Modifier, ModifierKind
from graph_store.store import ModifierStore

ALTERNATIVES = 64
"""Modifiers looked at for one part."""


@dataclass(frozen=True)
class Part:
    """One thing the prompt says, with its wordings, the generator's own first and the user's last."""

    questions: tuple[str, ...]
    """Ids of the checklist's questions that ask for it."""
    wordings: tuple[str, ...]
    subject: str = ""
    """The thing of an action or relation, as the prompt names it."""
    object: str = ""
    in_graph: bool = False
    """Whether the graph has words for it, be they the user's own."""


@dataclass(frozen=True)
class PromptParts:
    """The prompt taken apart."""

    things: tuple[Part, ...] = ()
    actions: tuple[Part, ...] = ()
    relations: tuple[Part, ...] = ()
    scenes: tuple[Part, ...] = ()
    extras: tuple[Part, ...] = ()
    """Attributes that no thing's phrase holds, style and camera: always in the user's words."""

    @property
    def all(self) -> tuple[Part, ...]:
        """Every part, in the order in which a caption says them."""
        return self.things + self.actions + self.relations + self.scenes + self.extras

    @property
    def can_be_reworded(self) -> bool:
        """Whether the graph has other words than the user's for anything, and saying it in them is safe.

        A sentence of which it knows the scene alone is better left as the user put it; so is one with two things that
        mean the same, "a crimson box left of a red box", of which other words could not tell which is which.
        """
        meanings = [concepts(part.subject) for part in self.things]
        are_distinct = len(set(meanings)) == len(meanings)
        known = any(part.in_graph for part in self.things + self.actions + self.relations)
        return are_distinct and known and any(len(part.wordings) > 1 for part in self.all)


def take_apart(checklist: Sequence[Question], store: ModifierStore | None) -> PromptParts:
    """The parts of the prompt that these questions ask for."""
    finder = _Finder(store)
    things = [question for question in checklist if question.kind == "object"]
    return PromptParts(
        things=tuple(_thing_part(thing, checklist, finder) for thing in things),
        actions=tuple(_action_part(q, finder) for q in checklist if q.kind == "action" and q.subject),
        relations=tuple(_relation_part(q, finder) for q in checklist if q.kind == "relation"),
        scenes=tuple(_scene_part(q, finder) for q in checklist if q.kind == "scene"),
        extras=tuple(_own_words(q) for q in checklist if _is_extra(q, things)),
    )


class _Finder:
    """Modifiers of the graph that mean the same as some words of the prompt."""

    def __init__(self, store: ModifierStore | None) -> None:
        self._store = store

    def near(self, words: str, kind: ModifierKind) -> Iterable[Modifier]:
        if self._store is None:
            return ()
        return self._store.retrieve(words, {kind: ALTERNATIVES}).of_kind(kind)


def _thing_part(thing: Question, checklist: Sequence[Question], finder: _Finder) -> Part:
    about = [q.id for q in checklist if q.subject == thing.subject and q.kind in ("object", "count", "attribute")]
    count = next((q.value for q in checklist if q.kind == "count" and q.subject == thing.subject), "1")
    named = f"{'a' if count == '1' else count} {thing.subject}"
    same = [m.text for m in finder.near(named, "subject") if concepts(m.text) == concepts(named)]
    return Part(tuple(about), _unique([*same, thing.phrase]), subject=thing.subject, in_graph=bool(same))


def _action_part(action: Question, finder: _Finder) -> Part:
    """The graph's verb phrases that say of this subject what the prompt says, and nothing more."""
    meant, bare = concepts(f"{action.subject} {action.value}"), concepts(action.subject)
    near = finder.near(f"{action.subject} {action.value}", "action")
    same = [m.text for m in near if _adds_only(f"{action.subject} {m.text}", bare, meant)]
    wordings = _unique([*_agreeing(same, action.subject), action.value])
    return Part((action.id,), wordings, action.subject, in_graph=bool(same))


def _relation_part(relation: Question, finder: _Finder) -> Part:
    said = f"{relation.subject} {relation.value} {relation.object}"
    meant, bare = concepts(said), concepts(relation.subject) | concepts(relation.object)
    near = finder.near(said, "action")
    same = [m.text for m in near if _adds_only(f"{relation.subject} {m.text} {relation.object}", bare, meant)]
    wordings = _unique([*_agreeing(same, relation.subject), f"{copula(relation)} {relation.value}"])
    return Part((relation.id,), wordings, relation.subject, relation.object, in_graph=bool(same))


def _scene_part(scene: Question, finder: _Finder) -> Part:
    meant = concepts(scene.value)
    same = [m.text for m in finder.near(scene.value, "scene") if concepts(m.text) == meant]
    return Part((scene.id,), _unique([*same, scene.phrase]))


def _own_words(question: Question) -> Part:
    return Part((question.id,), (question.phrase,))


def _is_extra(question: Question, things: Sequence[Question]) -> bool:
    if question.kind in ("style", "camera") or (question.kind == "action" and not question.subject):
        return True
    phrases = " ".join(thing.phrase.lower() for thing in things)
    return question.kind == "attribute" and question.value.lower() not in phrases


def _adds_only(text: str, bare: frozenset[str], meant: frozenset[str]) -> bool:
    added = concepts(text) - bare
    return bool(added) and added <= meant


def copula(question: Question) -> str:
    """The verb that the question has for its subject: are or is."""
    return "are" if question.text.startswith(("Are ", "Do ")) else "is"


def _agreeing(verb_phrases: Sequence[str], subject: str) -> list[str]:
    """The verbs that agree with the subject, all of them when none seems to.

    One of verb and subject ends in s, but not both: "circle moves", "circles move".
    """
    fitting = [verb for verb in verb_phrases if verb.split(" ", 1)[0].endswith("s") != subject.endswith("s")]
    return fitting or list(verb_phrases)


def _unique(texts: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(text.strip() for text in texts if text.strip()))


def definite(phrase: str) -> str:
    """The phrase as of a thing named before: "the red ball" for "a red ball" and for "three red ball"."""
    return "the " + re.sub(r"^(?:an?|the|one|two|three|four|five|six|\d+)\s+", "", phrase, flags=re.IGNORECASE)
