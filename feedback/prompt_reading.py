"""What the rules read out of a prompt."""

from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from feedback.lexicon import colour_in


@dataclass(eq=False)
class Thing:
    """One thing the prompt names, gathered from all its mentions."""

    head: str
    """The last word of its name, as written, lower case: "balls"."""
    noun: str
    """The canonical head: "circle" for "balls"."""
    name: str
    """The noun phrase without determiner and number: "big red balls"."""
    phrase: str
    position: int
    determiner: str = ""
    count: int | None = None
    """None when the text gives none ("balls", "some balls")."""
    plural: bool = False
    adjectives: list[str] = field(default_factory=list)
    is_scene: bool = False
    """Whether it only says where: the beach of "on a beach"."""

    @property
    def colour(self) -> str | None:
        """The canonical colour, if one is named."""
        return next((colour for word in self.adjectives if (colour := colour_in(word))), None)

    @property
    def concept(self) -> str:
        """Colour and canonical noun: "red circle"."""
        return f"{self.colour} {self.noun}" if self.colour else self.noun


class Statement(NamedTuple):
    """Something said of a thing, or of the whole video when there is no subject."""

    kind: Literal["attribute", "action", "relation", "scene", "style", "camera"]
    subject: Thing | None
    value: str
    object: Thing | None
    phrase: str
    position: int


@dataclass
class Reading:
    """What a prompt says."""

    things: list[Thing]
    statements: list[Statement]
    denied: list[Thing] = field(default_factory=list[Thing])
    """What it says is not there: the dog of "no dog"."""
