"""Where boxes stand to each other on the screen."""

from feedback.lexicon import Relation

Box = tuple[float, float, float, float]
"""Left, top, right, bottom in pixels; y grows downwards."""

RELATIONS = ("left of", "right of", "above", "below", "next to", "on")
"""What boxes can tell; depth ("behind") is not among them."""

_WIDEST_SLOPE = 1.75
"""A thing is left of another within 60 degrees of the horizontal: tan 60°."""


def middle(box: Box) -> tuple[float, float]:
    """The box's centre (x, y)."""
    return (box[0] + box[2]) / 2, (box[1] + box[3]) / 2


def stands(first: Box, relation: str, second: Box) -> bool:
    """Whether the first box stands in this relation to the second; one of `RELATIONS`, ValueError otherwise."""
    (x1, y1), (x2, y2) = middle(first), middle(second)
    wide = (first[2] - first[0] + second[2] - second[0]) / 2
    tall = (first[3] - first[1] + second[3] - second[1]) / 2
    right, down = x2 - x1, y2 - y1
    match relation:
        case "left of":
            return right > 0.25 * wide and abs(down) <= _WIDEST_SLOPE * right
        case "right of":
            return -right > 0.25 * wide and abs(down) <= _WIDEST_SLOPE * -right
        case "above":
            return down > 0.25 * tall and abs(right) <= _WIDEST_SLOPE * down
        case "below":
            return -down > 0.25 * tall and abs(right) <= _WIDEST_SLOPE * -down
        case "next to":
            return (
                abs(right) < 2.2 * wide and abs(down) < 1.2 * tall and max(abs(right) / wide, abs(down) / tall) > 0.25
            )
        case "on":
            return down > 0.25 * tall and abs(right) < wide and abs(second[1] - first[3]) < 0.35 * tall
        case _:
            raise ValueError(f"boxes can't tell {relation!r}; known: {', '.join(RELATIONS)}")


def relation_between(first: Box, second: Box) -> Relation:
    """How the first box stands to the second, along the axis on which they are further apart."""
    (x1, y1), (x2, y2) = middle(first), middle(second)
    if abs(x2 - x1) >= abs(y2 - y1):
        return "left of" if x1 < x2 else "right of"
    return "above" if y1 < y2 else "below"


def margin(first: Box, relation: str, second: Box) -> float:
    """How far apart the centres are along the relation's axis, in mean box sizes; negative when the wrong way round."""
    (x1, y1), (x2, y2) = middle(first), middle(second)
    wide = (first[2] - first[0] + second[2] - second[0]) / 2
    tall = (first[3] - first[1] + second[3] - second[1]) / 2
    return {
        "left of": (x2 - x1) / wide,
        "right of": (x1 - x2) / wide,
        "above": (y2 - y1) / tall,
        "below": (y1 - y2) / tall,
    }.get(relation, max(abs(x2 - x1) / wide, abs(y2 - y1) / tall))
