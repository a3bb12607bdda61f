"""The prompt's checklist: atomic yes/no questions, made once per prompt, by rules or by a language model."""

import json
import logging
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from feedback import english
from feedback.intent import concepts, missing_concepts
from feedback.lexicon import shape_in
from feedback.prompt_parser import read_prompt
from feedback.prompt_reading import Statement, Thing
from feedback.records import Question, QuestionKind

__all__ = ["CHECKLIST_SCHEMA", "checklist_with", "concepts", "make_checklist", "missing_concepts"]

_MAX_QUESTIONS = 20
_NUMBER_NAMES = {number: word for word, number in english.NUMBERS.items() if word != "single"}
_log = logging.getLogger(__name__)


def make_checklist(prompt: str) -> list[Question]:
    """At most 20 questions of any prompt, in the order of its text, ids "q1", "q2", …; empty when it has no words.

    By rules, without a model: deterministic, never raises. A longer list is thinned evenly over the kinds of question.
    """
    reading = read_prompt(prompt)
    asked: list[tuple[int, Question]] = []
    for thing in reading.things:
        if not thing.is_scene and thing.head not in english.FRAME_WORDS:
            asked += [(thing.position, question) for question in _about_thing(thing)]
    asked += [(statement.position, _about_statement(statement)) for statement in reading.statements]
    return _numbered(_thinned(_distinct(asked)))


def _distinct(asked: list[tuple[int, Question]]) -> list[Question]:
    kept: dict[tuple[str, str], Question] = {}
    for _, question in sorted(asked, key=lambda pair: pair[0]):
        kept.setdefault((question.kind, question.text.lower()), question)
    return list(kept.values())


def _thinned(questions: list[Question]) -> list[Question]:
    nth_of_kind: Counter[str] = Counter()
    ranked = []
    for place, question in enumerate(questions):
        nth_of_kind[question.kind] += 1
        ranked.append((nth_of_kind[question.kind], place))
    return [questions[place] for place in sorted(place for _, place in sorted(ranked)[:_MAX_QUESTIONS])]


def _numbered(questions: Sequence[Question]) -> list[Question]:
    return [question.model_copy(update={"id": f"q{n}"}) for n, question in enumerate(questions, start=1)]


def _question(
    kind: QuestionKind, text: str, phrase: str, subject: str = "", value: str = "", other: str = ""
) -> Question:
    return Question(id="", kind=kind, text=text, phrase=phrase, subject=subject, value=value, object=other)


def _about_thing(thing: Thing) -> list[Question]:
    there = "Are there" if thing.plural else "Is there"
    name = _spoken(thing)
    named = name if thing.plural else _with_article(thing)
    questions = [_question("object", f"{there} {named}?", thing.phrase, thing.name)]
    counted = thing.count is not None and (thing.count > 1 or thing.determiner not in ("a", "an", "another"))
    one_shape = shape_in(thing.head) is not None and not thing.plural
    if counted or one_shape:
        number = thing.count or 1
        words = _NUMBER_NAMES.get(number, str(number))
        text = f"Are there {words} {name}?" if number > 1 else f"Is there exactly one {name}?"
        questions.append(_question("count", text, thing.phrase, thing.name, str(number)))
    return questions


def _spoken(thing: Thing) -> str:
    """The name as it stands inside a sentence: the capital that only began the prompt is dropped."""
    words = thing.name.split()
    proper = (
        thing.position > 0
        or thing.determiner
        or any(word[:1].isupper() for word in words[1:])
        or words[0][1:2].isupper()
    )
    return thing.name if proper else thing.name[:1].lower() + thing.name[1:]


def _with_article(thing: Thing) -> str:
    name = _spoken(thing)
    if thing.head in english.MASS_NOUNS:
        return name
    if any(word[:1].isupper() for word in name.split()):
        return (
            f"the {name}" if thing.determiner == "the" else name if not thing.determiner else f"{_article(name)} {name}"
        )
    return f"{_article(name)} {name}"


def _article(name: str) -> str:
    return "an" if name[:1].lower() in "aeiou" else "a"


def _about_statement(statement: Statement) -> Question:
    kind, subject, value = statement.kind, statement.subject, statement.value
    name = subject.name if subject else ""
    said = _spoken(subject) if subject else ""
    be = "Are" if subject and subject.plural else "Is"
    match kind:
        case "attribute" if value.startswith("with "):
            text = f"{'Do' if be == 'Are' else 'Does'} the {said} have {value[5:]}?"
        case "attribute" if subject:
            text = f"{be} the {_bare(subject)} {value}?"
        case "action":
            text = _action_text(subject, value)
        case "relation":
            other = statement.object.name if statement.object else ""
            text = f"{be} the {said} {_RELATION_TEXTS.get(value, value)} the {other}?"
            return _question(kind, text, statement.phrase, name, value, other)
        case "scene" if value.endswith(("background", "backdrop")):
            text = f"Is the background {value.rsplit(maxsplit=1)[0]}?"
        case "scene" if subject:
            text = f"{be} the {said} {value}?"
        case "scene":
            text = f"Is the scene {value}?" if " " in value else f"Does the video show {value}?"
        case "style":
            text = f"Is the style of the video: {value}?"
        case _:
            text = f"Does the camera work match: {value}?"
    return _question(kind, text, statement.phrase, name, value)


_RELATION_TEXTS = {"left of": "to the left of", "right of": "to the right of"}


def _bare(thing: Thing) -> str:
    """The name without its attributes: "ball" for "big red ball"."""
    return " ".join(
        word for word in _spoken(thing).split() if word.lower().strip(",") not in {*thing.adjectives, "and"}
    )


def _action_text(subject: Thing | None, value: str) -> str:
    if subject is None:
        return f"Does the video show {value}?"
    words = value.split()
    first = words[0].lower()
    verb_at = next((i for i, word in enumerate(words) if not word.lower().endswith("ly")), 0)
    verb = words[verb_at].lower()
    rest = " ".join(words[verb_at + 1 :])
    if rest in ("left", "right"):
        rest = f"to the {rest}"
    is_base = english.is_verb(verb) and not english.is_participle(verb) and not verb.endswith("ed")
    if is_base and not english.is_still_word(first):
        adverbs = " ".join(words[:verb_at])
        words = ["Do" if subject.plural else "Does", "the", _spoken(subject), adverbs, english.lemma(verb), rest]
    else:
        words = ["Are" if subject.plural else "Is", "the", _spoken(subject), *words[: verb_at + 1], rest]
    return " ".join(word for word in words if word) + "?"


class _AskedQuestion(BaseModel):
    model_config = ConfigDict(extra="ignore")

    kind: QuestionKind
    text: str = Field(min_length=3, max_length=300)
    phrase: str = Field(min_length=1, max_length=300)
    subject: str = ""
    value: str = ""
    object: str = ""


class _AskedChecklist(BaseModel):
    model_config = ConfigDict(extra="ignore")

    questions: list[_AskedQuestion] = Field(min_length=1, max_length=40)


CHECKLIST_SCHEMA: Mapping[str, Any] = _AskedChecklist.model_json_schema()
"""The JSON schema of the reply that `checklist_with` asks for."""

_INSTRUCTION = """\
Break the video prompt into atomic yes/no questions that a viewer can answer from the video alone. Ask about
everything the prompt says and nothing it does not say. One fact per question. Kinds: object (is it there), attribute
(colour, size, material), count, relation (left of, right of, above, below, in front of, behind, next to, on), action,
scene, style, camera. For each give: kind; text (the question); phrase (the words of the prompt it comes from);
subject (the noun phrase asked about, as the prompt puts it, empty for scene, style and camera); value (what is asked
of it: "red", "2", "left of", "moves right", "black background"); object (the other noun phrase of a relation, else
empty). Answer with JSON: {"questions": [...]}."""


def checklist_with(
    ask: Callable[[list[dict[str, str]], Mapping[str, Any]], str], prompt: str
) -> tuple[list[Question], Literal["model", "rules"]]:
    """The prompt's questions by a language model, and who made them.

    `ask(messages, schema)` gives the reply's text. When it raises, or the reply holds no usable questions, the rules
    make them instead and a warning is logged: a checklist is always had.
    """
    messages = [{"role": "system", "content": _INSTRUCTION}, {"role": "user", "content": prompt}]
    try:
        reply = ask(messages, CHECKLIST_SCHEMA)
        asked = _AskedChecklist.model_validate(json.loads(_json_part(reply)))
    except (ValidationError, ValueError) as error:
        _log.warning("the model's checklist can't be used (%s); made by rules", str(error).splitlines()[0])
        return make_checklist(prompt), "rules"
    except Exception as error:
        _log.warning("no checklist from the model (%s: %s); made by rules", type(error).__name__, error)
        return make_checklist(prompt), "rules"
    questions = [Question(id="", **question.model_dump()) for question in asked.questions]
    return _numbered(_thinned(_distinct([(place, question) for place, question in enumerate(questions)]))), "model"


def _json_part(reply: str) -> str:
    """From the first brace to the last: models like to talk around their JSON."""
    start, end = reply.find("{"), reply.rfind("}")
    if start < 0 or end < start:
        raise ValueError(f"no JSON in the reply {reply[:60]!r}")
    return reply[start : end + 1]
