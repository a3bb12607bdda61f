"""Is a text accurate? Rules for what a rewrite says against its prompt.

What a rewrite has lost is `feedback.checklist.missing_concepts`, which the screen asks; here is only what contradicts:
another count or colour of the same thing, the opposite direction of a thing or the camera, two things that changed
places, things denied, and things that were to be left out. Rules see plain sentences about things named by the same
word; they say nothing of the rest.
"""

import re
from collections.abc import Iterator

from agent.records import Finding
from feedback.lexicon import Motion, motion_in, words_of
from feedback.prompt_parser import read_prompt
from feedback.prompt_reading import Reading, Thing

_OPPOSITE_MOTION: dict[Motion, Motion] = {"left": "right", "right": "left", "up": "down", "down": "up"}
_TURNED = {"right of": "left of", "below": "above", "under": "above", "behind": "in front of"}
_OPPOSITE_WAY = {"left": "right", "right": "left", "up": "down", "down": "up", "in": "out", "out": "in"}
_CAMERA = re.compile(
    r"\b(pan|tilt|zoom|dolly|truck|push|pull|crane)(?:s|ed|ing|ning|es|ies)?\s+(?:\w+ly\s+)?(?:to(?:wards)?\s+(?:the\s+)?)?"
    r"(left|right|up|down|in|out)(?:wards?)?\b",
    re.IGNORECASE,
)
_LEFT_OUT = re.compile(
    r"\b(?:no|without(?: any| an?)?|free of|not a single)\s+((?:[a-z-]+\s+){0,2}?[a-z-]+)(?=\s*(?:[,.;!?]|$)"
    r"|\s+(?:and|or|nor|on|in|at|is|are|near|around|anywhere|visible|left)\b)",
    re.IGNORECASE,
)


def find_contradictions(prompt: str, text: str, *, negative: str | None = None) -> list[Finding]:
    """What the text says against the prompt, in the order of the rules. Pure, never raises.

    `negative` is what the person asked to leave out by a flag, separated by commas; what the prompt itself names is
    excused, for negative prompts are often one list for all prompts.
    """
    asked, said = read_prompt(prompt), read_prompt(text)
    details = [
        *_swapped_counts_and_colours(asked, said),
        *_turned_directions(prompt, asked, said),
        *_turned_camera(prompt, text),
        *_swapped_places(asked, said),
        *_denied(asked, said),
        *_what_was_to_be_left_out(prompt, negative, asked, said),
    ]
    return [Finding(rule="accurate", detail=detail) for detail in dict.fromkeys(details)]


def _pairs(asked: Reading, said: Reading) -> Iterator[tuple[Thing, list[Thing]]]:
    """Each thing that the prompt names once, with all of that name in the text."""
    for thing in asked.things:
        if sum(other.noun == thing.noun for other in asked.things) == 1:
            yield thing, [other for other in said.things if other.noun == thing.noun]


def _swapped_counts_and_colours(asked: Reading, said: Reading) -> Iterator[str]:
    for thing, others in _pairs(asked, said):
        counts = [other.count for other in others if other.count is not None]
        if thing.count is not None and len(counts) == len(others) > 0 and thing.count not in (*counts, sum(counts)):
            yield f"the prompt asks for {thing.count} {thing.noun}, the text for {sum(counts)}"
        colours = [other.colour for other in others if other.colour]
        if thing.colour and len(colours) == len(others) > 0 and thing.colour not in colours:
            yield f"the prompt asks for a {thing.colour} {thing.noun}, the text for a {' and '.join(colours)} one"


def _turned_directions(prompt: str, asked: Reading, said: Reading) -> Iterator[str]:
    wanted, found = _directions(asked), _directions(said)
    for noun, motions in wanted.items():
        for motion in sorted(motions):
            opposite = _OPPOSITE_MOTION[motion]
            turned = opposite in found.get(noun, ()) and motion not in found[noun]
            if turned and opposite not in words_of(prompt):
                yield f"the prompt sends the {noun} {motion}, the text {opposite}"


def _directions(reading: Reading) -> dict[str, set[Motion]]:
    directions: dict[str, set[Motion]] = {}
    for statement in reading.statements:
        if statement.kind == "action" and statement.subject:
            motion = motion_in(statement.value)
            if motion in _OPPOSITE_MOTION:
                directions.setdefault(statement.subject.noun, set()).add(motion)
    return directions


def _turned_camera(prompt: str, text: str) -> Iterator[str]:
    wanted, found = _camera_moves(prompt), _camera_moves(text)
    for move, way in sorted(wanted - found):
        if (move, _OPPOSITE_WAY[way]) in found - wanted:
            yield f"the prompt's camera goes {way} ({move}), the text's {_OPPOSITE_WAY[way]}"


def _camera_moves(text: str) -> set[tuple[str, str]]:
    return {(match[1].lower(), match[2].lower()) for match in _CAMERA.finditer(text)}


def _swapped_places(asked: Reading, said: Reading) -> Iterator[str]:
    places = _places(said)
    for first, relation, second in _places(asked):
        if (second, relation, first) in places and (first, relation, second) not in places:
            yield f"the prompt puts the {first} {relation} the {second}, the text the other way round"


def _places(reading: Reading) -> list[tuple[str, str, str]]:
    """Who is left of, above or in front of whom, the other three relations turned round."""
    places: list[tuple[str, str, str]] = []
    for statement in reading.statements:
        if statement.kind != "relation" or not statement.subject or not statement.object:
            continue
        first, second = statement.subject.noun, statement.object.noun
        if statement.value in ("left of", "above", "in front of"):
            places.append((first, statement.value, second))
        elif turned := _TURNED.get(statement.value):
            places.append((second, turned, first))
    return places


def _denied(asked: Reading, said: Reading) -> Iterator[str]:
    gone = {thing.noun for thing in said.denied} - _nouns(said)
    for thing in asked.things:
        if thing.noun in gone:
            yield f"the prompt asks for {thing.name}, the text says there is none"


def _what_was_to_be_left_out(prompt: str, negative: str | None, asked: Reading, said: Reading) -> Iterator[str]:
    phrases = [match[1] for match in _LEFT_OUT.finditer(prompt)]
    phrases += (negative or "").split(",")
    named = _nouns(said) - _nouns(asked)
    for phrase in phrases:
        unwanted = read_prompt(phrase).things
        if unwanted and unwanted[-1].noun in named:
            yield f"the prompt wants no {' '.join(phrase.split())}, the text names it"


def _nouns(reading: Reading) -> set[str]:
    """What the text names, also what something is only said to have: the hat of "a man with a hat"."""
    had = [statement.value[5:] for statement in reading.statements if statement.value.startswith("with ")]
    return {thing.noun for part in [reading, *map(read_prompt, had)] for thing in part.things}
