"""Which attributes of a scene a clip shows, by the shapes judge on its pixels."""

from collections.abc import Iterator

from agent.renderers.painter_grammar import Relation
from examples.pocket.world import Kind, Scene
from feedback.clip import Clip
from feedback.judges.shapes import ShapesJudge
from feedback.records import Question, QuestionKind

ATTRIBUTES = ("background", "count", "colour", "shape", "motion", "relation")
_RELATIONS: dict[Relation, str] = {
    "is to the left of": "left of",
    "is to the right of": "right of",
    "is above": "above",
    "is below": "below",
}


def check(clip: Clip, scene: Scene, *, only_typed: bool = False) -> dict[str, bool]:
    """Whether each attribute of the scene is shown, and "all" of them; "relation" only where there are two things.

    `only_typed` leaves out what `as_users_type` does not say: the background, and that the companion stays still.
    """
    asked = list(_questions(scene, only_typed))
    verdicts = ShapesJudge().ask(clip, [question for _, question in asked])
    held = [(about, bool(verdict.holds)) for (about, _), verdict in zip(asked, verdicts, strict=True)]
    shown = {attribute: all(holds for about, holds in held if about == attribute) for attribute, _ in held}
    return shown | {"all": all(shown.values())}


def _questions(scene: Scene, only_typed: bool) -> Iterator[tuple[str, Question]]:
    """Each with the attribute it is about. Things are known by colour alone, so that one fault counts once."""
    kinds = [scene.thing, *([scene.companion] if scene.companion else [])]
    if not only_typed:
        yield "background", _ask("scene", value=f"{scene.background} background")
    yield "count", _ask("count", "things", str(len(kinds)))
    for kind in kinds:
        yield "colour", _ask("object", _by_colour(kind))
        yield "shape", _ask("object", str(kind))
    yield "motion", _ask("action", _by_colour(scene.thing), scene.motion)
    if scene.companion and scene.relation:
        if not only_typed:
            yield "motion", _ask("action", _by_colour(scene.companion), "stays still")
        relation = _RELATIONS[scene.relation]
        yield "relation", _ask("relation", _by_colour(scene.thing), relation, _by_colour(scene.companion))


def _by_colour(kind: Kind) -> str:
    return f"{kind.colour} thing"


def _ask(kind: QuestionKind, subject: str = "", value: str = "", other: str = "") -> Question:
    return Question(id="q", kind=kind, text="", phrase=value or subject, subject=subject, value=value, object=other)
