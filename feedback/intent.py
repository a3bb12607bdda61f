"""What a text asks for, in canonical words; and what a rewrite of it has lost."""

import unicodedata
from collections.abc import Iterable, Sequence

from feedback import english
from feedback.lexicon import OPPOSITE, Relation, colour_in, motion_in, shape_in, words_of
from feedback.prompt_parser import read_prompt
from feedback.prompt_reading import Reading, Statement, Thing
from feedback.records import Question

_SYNONYMS = (
    "person man woman people someone somebody human guy lady boy girl child kid gentleman figure individual",
    "big large huge giant gigantic enormous massive oversized",
    "small little tiny miniature mini petite",
    "happy cheerful joyful joyous smiling", "sad unhappy sorrowful", "cute adorable charming",
    "fast quick rapid speedy swift swiftly", "car automobile vehicle sedan", "bike bicycle", "tv television",
    "dog puppy hound canine", "cat kitten feline", "beach shore seaside coast shoreline", "ocean sea",
    "photo photograph picture",
    "run sprint jog dash race", "walk stroll wander amble", "sit seat perch", "look gaze stare watch",
    "beautiful pretty lovely gorgeous stunning picturesque", "forest wood woodland", "street road avenue",
    "closeup close-up close", "movie film cinematic", "realistic photorealistic photoreal", "watercolor watercolour",
    "background backdrop",
    "calm tranquil peaceful serene quiet", "scene tableau scenery",
)  # fmt: skip
_SAME: dict[str, str] = {word: group.split()[0] for group in _SYNONYMS for word in group.split()}


def concepts(text: str) -> frozenset[str]:
    """The intent atoms of a text, in canonical words: the same for texts that ask for the same.

    Things as "red circle", counts above one as "2 red circle", motions as "red circle moves right" ("still" and "moves"
    for stillness and motion without direction), relations as "red circle left of blue square" (only "left of" and
    "above": the other two are turned round), anything else as lemmas ("cat", "cat drink coffee", "beach").
    """
    reading = read_prompt(text)
    atoms = {thing.concept for thing in reading.things if not thing.is_scene}
    atoms |= {f"{thing.count} {thing.concept}" for thing in reading.things if (thing.count or 1) > 1}
    for statement in reading.statements:
        atoms.add(_atom(statement))
    return frozenset(atom for atom in atoms if atom)


def _atom(statement: Statement) -> str:
    subject = statement.subject.concept if statement.subject else ""
    match statement.kind:
        case "relation" if statement.object:
            return " ".join(_ordered(subject, statement.value, statement.object.concept))
        case "action" if motion := _plain_motion(statement):
            return f"{subject} {_MOTION_ATOMS.get(motion, f'moves {motion}')}".strip()
        case "attribute" if (colour := colour_in(statement.value)) and " " not in statement.value:
            return subject if statement.subject and statement.subject.colour == colour else f"{colour} {subject}"
        case _:
            return " ".join([subject, *(colour_in(word) or _key(word) for word in _content(statement.value))]).strip()


_MOTION_ATOMS = {"still": "still", "moving": "moves"}


def _plain_motion(statement: Statement) -> str | None:
    """The motion of a shape; of other subjects only when the text gives a direction."""
    motion = motion_in(statement.value)
    shapes = statement.subject is not None and shape_in(statement.subject.head) is not None
    return motion if shapes or motion != "moving" else None


def _ordered(subject: str, relation: str, other: str) -> tuple[str, str, str]:
    if relation in ("right of", "below"):
        return other, OPPOSITE[relation], subject
    return subject, relation, other


def missing_concepts(prompt_questions: Sequence[Question], candidate_text: str) -> list[Question]:
    """The questions whose content the candidate text no longer asks for, in their order.

    Precise where the words are of the shapes lexicon: synonyms, inflection and word order do not matter, but another
    count, motion, colour or an inverted relation does, also when it is right for another subject. Elsewhere forgiving:
    it is enough that half of the question's content words return, in any form; a thing that the text only denies ("no
    dog") does not return.
    """
    reading = read_prompt(candidate_text)
    named = {_key(thing.head) for thing in reading.things}
    denied = {_key(thing.head) for thing in reading.denied} - named
    words = {_key(word) for word in _content(candidate_text)} - denied
    return [question for question in prompt_questions if not _keeps(reading, words, question)]


def _keeps(reading: Reading, words: set[str], question: Question) -> bool:
    subject = _named(question.subject)
    others = _matching(reading.things, subject)
    if subject is None or question.kind in ("scene", "style", "camera"):
        return _keeps_scene(reading, words, question)
    precise = shape_in(subject.head) is not None
    if not others:
        return not precise and _overlaps(f"{question.subject} {question.value}", words)
    match question.kind:
        case "count":
            return _keeps_count(others, question, words, precise)
        case "attribute" if (colour := colour_in(question.value)) and " " not in question.value:
            return any(colour in map(colour_in, thing.adjectives) for thing in others)
        case "attribute":
            return any(
                _overlaps(question.value, {_key(word) for word in thing.adjectives}) for thing in others
            ) or _overlaps(question.value, words)
        case "action":
            return _keeps_action(reading, others, question, words)
        case "relation":
            return _keeps_relation(reading, subject, question, words)
        case _:
            return True


def _keeps_scene(reading: Reading, words: set[str], question: Question) -> bool:
    value = question.value or question.phrase
    colour = colour_in(value)
    if colour and ("background" in value or "backdrop" in value):
        scenes = [s.value for s in reading.statements if s.kind == "scene" and colour_in(s.value)]
        return any(colour_in(scene) == colour for scene in scenes)
    return _overlaps(value, words)


def _keeps_count(things: list[Thing], question: Question, words: set[str], precise: bool) -> bool:
    asked = int(question.value) if question.value.isdecimal() else 1
    counted = [thing.count or (1 if not thing.plural else 0) for thing in things]
    if asked in (sum(counted), *counted):
        return True
    return not precise and any(str(asked) == word or english.NUMBERS.get(word) == asked for word in words)


def _keeps_action(reading: Reading, things: list[Thing], question: Question, words: set[str]) -> bool:
    said = [s for s in reading.statements if s.kind == "action" and (s.subject is None or s.subject in things)]
    motion = motion_in(question.value or question.phrase)
    shapes = any(shape_in(thing.head) for thing in things)
    if motion and (shapes or motion != "moving"):
        motions = {found for s in said if (found := motion_in(s.value))}
        if motion == "moving":
            return bool(motions - {"still"})
        return (
            motion in motions and not (_OPPOSITE_MOTIONS[motion] & motions)
            if shapes or motions
            else _overlaps(question.value, words)
        )
    return _overlaps(question.value, words)


_OPPOSITE_MOTIONS: dict[str, set[str]] = {
    "left": {"right", "still"}, "right": {"left", "still"}, "up": {"down", "still"}, "down": {"up", "still"},
    "still": {"left", "right", "up", "down", "moving"},
}  # fmt: skip


def _keeps_relation(reading: Reading, subject: Thing, question: Question, words: set[str]) -> bool:
    other = _named(question.object)
    if other is None:
        return _overlaps(question.phrase, words)
    first, relation, second = _swap(subject, question.value, other)
    inverted = False
    for statement in reading.statements:
        if statement.kind != "relation" or statement.subject is None or statement.object is None:
            continue
        left, said, right = _swap(statement.subject, statement.value, statement.object)
        if said == relation and _matches(left, first) and _matches(right, second):
            return True
        inverted |= said == relation and _matches(left, second) and _matches(right, first)
    if inverted or relation in ("left of", "above") or shape_in(subject.head):
        return False
    return _overlaps(question.object, words)


def _swap(subject: Thing, relation: str, other: Thing) -> tuple[Thing, str, Thing]:
    turned: dict[str, Relation] = {"right of": "left of", "below": "above"}
    return (other, turned[relation], subject) if relation in turned else (subject, relation, other)


def _named(phrase: str) -> Thing | None:
    """The thing a noun phrase names; None when it names none."""
    things = read_prompt(phrase).things if phrase else []
    return things[0] if things else None


def _matching(things: Iterable[Thing], wanted: Thing | None) -> list[Thing]:
    return [thing for thing in things if wanted is not None and _matches(thing, wanted)]


def _matches(thing: Thing, wanted: Thing) -> bool:
    same = thing.noun == wanted.noun or _key(thing.head) == _key(wanted.head)
    return same and (wanted.colour is None or thing.colour == wanted.colour)


def _content(text: str) -> list[str]:
    return [word for word in words_of(text) if word not in english.CLOSED]


def _key(word: str) -> str:
    shape = shape_in(word)
    if shape and word != "round":
        return shape
    # "café" is a "cafe".
    word = "".join(char for char in unicodedata.normalize("NFKD", word) if not unicodedata.combining(char))
    base = english.lemma(word)
    return colour_in(base) or _SAME.get(base) or _SAME.get(word) or base


def _overlaps(phrase: str, words: set[str]) -> bool:
    """Whether at least half of the phrase's content words return, in some form."""
    wanted = {_key(word) for word in _content(phrase)}
    kept = sum(any(_alike(word, other) for other in words) for word in wanted)
    return kept * 2 >= len(wanted)


def _alike(word: str, other: str) -> bool:
    """Whether two words are forms of one: alike in all but a short ending, or a long one and a compound of it."""
    if word == other:
        return True
    shared = next((i for i, (a, b) in enumerate(zip(word, other, strict=False)) if a != b), min(len(word), len(other)))
    shorter, longer = sorted((len(word), len(other)))
    return shared >= 4 and (longer - shared <= 3 or (shared == shorter and shared >= 6))


_FRAME_WORDS = frozenset(["a", "an", "the", "is", "are"])


def wording_of(question: Question, text: str) -> tuple[str, ...]:
    """The words in which a text says what the question asks for, each once; empty when the rules find none.

    The same for texts that differ only in what they say of other things, or say it twice.
    """
    reading, subject = read_prompt(text), _named(question.subject)
    if subject is None or question.kind in ("scene", "style", "camera"):
        wanted = question.value or question.phrase
        values = [statement.value for statement in reading.statements if statement.kind == question.kind]
        pieces = [value for value in values if _overlaps(wanted, {_key(word) for word in _content(value)})]
    else:
        named = _matching(reading.things, subject) + _matching(reading.things, _named(question.object))
        said = [s for s in reading.statements if s.kind == question.kind and (s.subject in named or not s.subject)]
        pieces = [thing.phrase for thing in named]
        pieces += [s.phrase for s in said if question.kind != "relation" or s.object in named]
    return tuple(dict.fromkeys(word for piece in pieces for word in words_of(piece) if word not in _FRAME_WORDS))
