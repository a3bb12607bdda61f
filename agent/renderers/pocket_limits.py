"""What the pocket model won't show of a prompt, told in the prompt's own words before anything is rendered."""

import re
from collections.abc import Iterator, Sequence

import simplemma

from agent.config import RenderConfig
from agent.errors import UsageError
from agent.renderers.painter_grammar import BACKGROUNDS, COLOURS, SHAPES
from feedback import english
from feedback.lexicon import colour_in, motion_in, shape_in, words_of
from feedback.prompt_parser import read_prompt
from feedback.prompt_reading import Reading, Statement, Thing

REAL_MODEL = "--renderer diffusers --model Wan-AI/Wan2.1-T2V-1.3B-Diffusers"
UNUSED_SETTINGS = ("width", "height", "num_frames", "offload", "vae_tiling", "lora", "revision")
_ANY_SHAPE = ("shape", "thing", "object", "one")
_RELATIONS = ("left of", "right of", "above", "below")
_PLAIN_BACKGROUND = ("background", "backdrop", "plain", "solid")
_NEGATED = re.compile(r"\b(?:without|no)\b[^,.;]{0,60}", re.IGNORECASE)

_ONE_EACH = "it draws one or two things, each of a colour of its own"
_FIRST_MOVES = "only the thing named first moves"
_ONE_MOTION = "one motion a clip"
_DIRECTIONS = "it moves things left, right, up or down"
_SIDES = f"it knows {', '.join(_RELATIONS)}"
_NOTHING_LEFT_OUT = "it can't leave things out"

Remark = tuple[str, str]
"""Words of the prompt that won't be shown, and why; empty where the model just has no such thing."""


def note_limits(prompt: str, settings: RenderConfig) -> list[str]:
    """A line on what will be missing of the prompt and one on settings that are not used, where there is any.

    Raises:
        UsageError: The prompt names a thing that pocket can't draw, or none at all.
    """
    remarks = dict(_remarks_on(prompt, _read_drawable(prompt)))
    told = [f"{said!r} ({why})" if why else repr(said) for said, why in remarks.items()]
    fields = RenderConfig.model_fields
    unused = [name for name in UNUSED_SETTINGS if getattr(settings, name) != fields[name].default]
    notes = [f"pocket won't show {', '.join(told)}"] if told else []
    if unused:
        flags = ", ".join(f"--{name.replace('_', '-')}" for name in unused)
        notes.append(f"pocket makes 5 frames of 32 x 32 px in one way; it does not use {flags}")
    return notes


def _read_drawable(prompt: str) -> Reading:
    """What the prompt says. Raises UsageError when it names no shape, or what is none."""
    reading = read_prompt(prompt)
    things = _things(reading)
    strange = [thing.name for thing in things if not _is_drawable(thing) and (_is_shape(thing) or _is_noun(thing))]
    if strange or not any(map(_is_drawable, things)):
        what = f"not {', '.join(map(repr, strange))}" if strange else "and finds none in this prompt"
        can_draw = f"{_listed([f'{shape}s' for shape in SHAPES])} in {_listed(COLOURS)}"
        raise UsageError(
            f"pocket draws {can_draw}, {what}{_cure(prompt, things)}; for anything else use a real model: {REAL_MODEL}"
        )
    return reading


def _things(reading: Reading) -> list[Thing]:
    return [thing for thing in reading.things if not thing.is_scene and thing.head not in english.FRAME_WORDS]


def _is_shape(thing: Thing) -> bool:
    return shape_in(thing.head) is not None or thing.noun in _ANY_SHAPE


def _is_drawable(thing: Thing) -> bool:
    return _is_shape(thing) and thing.colour in (None, *COLOURS)


def _is_noun(thing: Thing) -> bool:
    """Whether it is a thing indeed: the rules also take words for one whose part in the sentence they can't tell."""
    head = thing.head
    if colour_in(head) or head in english.DIRECTIONS | english.POSITIONS | english.SPEEDS or head.endswith("ly"):
        return False
    return bool(thing.determiner or thing.count) or not (english.is_adjective(head) or english.is_verb(head))


def _cure(prompt: str, things: Sequence[Thing]) -> str:
    """What to say instead, for slips that have a cure."""
    has_words = any(letter.isalpha() for letter in prompt)
    if has_words and simplemma.in_target_language(prompt, lang="en") <= 0.5:
        return "; if this is another language, say it in English"
    if _NEGATED.search(prompt):
        return f"; {_NOTHING_LEFT_OUT}: say what is there"
    if any(_is_shape(thing) and thing.colour in BACKGROUNDS for thing in things):
        return f"; {_listed(BACKGROUNDS)} are its backgrounds"
    if any(colour_in(thing.head) for thing in things):
        return f"; name a shape, as in 'a {COLOURS[0]} {SHAPES[0]}'"
    return ""


def _remarks_on(prompt: str, reading: Reading) -> Iterator[Remark]:
    things = _things(reading)
    shapes = [thing for thing in things if _is_shape(thing)]
    bare_colours = {colour_in(thing.head) for thing in things if not _is_shape(thing)} & set(COLOURS)
    for place, thing in enumerate(shapes):
        is_split = thing.count == len(bare_colours) == 2  # "two balls, one red and one blue"
        doubles = thing.colour and thing.colour in [other.colour for other in shapes[:place]]
        if (thing.plural and not is_split) or place >= 2 or doubles:
            yield thing.phrase, _ONE_EACH
        yield from _remarks_on_looks(thing)
        actions = [said for said in reading.statements if said.kind == "action" and said.subject is thing]
        yield from _remarks_on_motion(actions, may_move=place == 0)
    for thing in things:
        if not _is_shape(thing) and colour_in(thing.head) not in COLOURS:
            yield thing.phrase, ""
    for statement in reading.statements:
        yield from _remarks_on_statement(statement, shapes)
    for match in _NEGATED.finditer(prompt):
        yield match[0].strip(), _NOTHING_LEFT_OUT


def _remarks_on_looks(thing: Thing) -> Iterator[Remark]:
    """On every word of its name that is neither its shape nor its one colour."""
    colours = {colour for word in thing.adjectives if (colour := colour_in(word))}
    if len(colours) > 1:
        yield thing.name, "one colour a thing"
    for word in dict.fromkeys([*thing.adjectives, *words_of(thing.name)]):
        if not (colour_in(word) or word == thing.head or shape_in(word) == thing.noun or word == "and"):
            yield word, ""


def _remarks_on_motion(actions: Sequence[Statement], *, may_move: bool) -> Iterator[Remark]:
    """On all that one thing does but the one motion that it may have."""
    motions = [motion_in(action.value) for action in actions]
    plain = [motion for motion in motions if motion not in (None, "moving")]
    for action, motion in zip(actions, motions, strict=True):
        words = words_of(action.value)
        if motion is None and english.lemma(words[0]) in english.STATES:
            continue
        if not may_move and motion != "still":
            yield action.phrase, _FIRST_MOVES
        elif motion is None or not plain:
            yield action.value, _DIRECTIONS
        elif motion not in (plain[0], "moving") or {"and", "then"} & set(words):
            yield action.value, _ONE_MOTION
        elif motion != "still":
            yield from ((word, "") for word in words if word in english.SPEEDS or word.endswith("ly"))


def _remarks_on_statement(statement: Statement, shapes: Sequence[Thing]) -> Iterator[Remark]:
    """On what is said beside looks and motions of the shapes."""
    match statement.kind:
        case "relation" if statement.value not in _RELATIONS:
            yield statement.phrase, _SIDES
        case "scene":
            others = [word for word in words_of(statement.value) if colour_in(word) not in BACKGROUNDS]
            if not set(others) <= set(_PLAIN_BACKGROUND):
                yield statement.phrase, ""
        case "attribute" if statement.subject and statement.value not in statement.subject.adjectives:
            yield statement.phrase, ""
        case "action" if statement.subject not in shapes:
            yield statement.phrase, ""
        case "style" | "camera":
            yield statement.phrase, ""


def _listed(words: Sequence[str]) -> str:
    return f"{', '.join(words[:-1])} or {words[-1]}"
