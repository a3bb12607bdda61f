"""What the pocket model can't draw, told before anything is rendered."""

import re

from agent.errors import UsageError
from agent.renderers.painter_grammar import BACKGROUNDS, COLOURS, SHAPES
from feedback.checklist import make_checklist
from feedback.intent import concepts
from feedback.lexicon import colour_in, shape_in, words_of

MOST_THINGS = 2
_REAL_MODEL = "--renderer diffusers --model Wan-AI/Wan2.1-T2V-1.3B-Diffusers"
_ANY_SHAPE = ("shape", "thing", "object")
_THING = rf"(?:(?:{'|'.join(COLOURS)}) )?(?:{'|'.join([*SHAPES, *_ANY_SHAPE])})"
_CAN_DRAW = re.compile(
    rf"{_THING}(?: still| moves(?: left| right| up| down)?| (?:left of|above) {_THING})?"
    rf"|(?:{'|'.join(BACKGROUNDS)}) background"
)


def check_pocket_prompt(prompt: str) -> list[str]:
    """One line on what will be missing of the prompt, if anything.

    Raises:
        UsageError: The prompt names a thing that pocket can't draw, or none at all.
    """
    things = [question.subject for question in make_checklist(prompt) if question.kind == "object"]
    strange = [thing for thing in things if not _is_plain_shape(thing)]
    atoms = concepts(prompt)
    if strange or not any(re.fullmatch(_THING, atom) for atom in atoms):
        what = f"not {_quoted(strange)}" if strange else "and finds none in this prompt"
        raise UsageError(
            f"pocket draws {_listed([f'{shape}s' for shape in SHAPES])} in {_listed(COLOURS)}, {what}; "
            f"for anything else use a real model: {_REAL_MODEL}"
        )
    beyond = sorted(atom for atom in atoms if not _CAN_DRAW.fullmatch(atom))
    movers = {atom.rsplit(" moves", 1)[0] for atom in atoms if " moves" in atom}
    if len(things) > MOST_THINGS:
        beyond.append("more than two things")
    colours = [colour for thing in things if (colour := colour_in(thing))]
    if len(set(colours)) < len(colours):
        beyond.append("two things of one colour")
    if len(movers) > 1:
        beyond.append("two things that move")
    if not beyond:
        return []
    return [f"pocket can't draw {_quoted(beyond)}: expect that to be missing; a real model: {_REAL_MODEL}"]


def _is_plain_shape(thing: str) -> bool:
    noun, colour = words_of(thing)[-1:], colour_in(thing)
    return bool(noun) and (shape_in(noun[0]) is not None or noun[0] in _ANY_SHAPE) and colour in (None, *COLOURS)


def _quoted(words: list[str]) -> str:
    return ", ".join(repr(word) for word in words)


def _listed(words: tuple[str, ...] | list[str]) -> str:
    return f"{', '.join(words[:-1])} or {words[-1]}"
