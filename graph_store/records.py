"""Captions with their modifiers, and what retrieval gives back. Standard library only."""

from dataclasses import dataclass, field
from typing import Literal

ModifierKind = Literal["scene", "subject", "action", "atmosphere"]
KINDS: tuple[ModifierKind, ...] = ("scene", "subject", "action", "atmosphere")


@dataclass(frozen=True)
class TaggedCaption:
    """One caption and the phrases found in it. A caption without a scene can't enter the graph."""

    text: str
    scenes: tuple[str, ...] = ()
    subjects: tuple[str, ...] = ()
    actions: tuple[str, ...] = ()
    atmospheres: tuple[str, ...] = ()


@dataclass(frozen=True)
class Modifier:
    """A phrase of the relation graph, as retrieved for one prompt."""

    text: str
    kind: ModifierKind
    cosine: float
    """Cosine of the phrase to the query, -1..1."""
    via: str
    """The scene it was reached by: the nearest to the query of those it hangs on."""
    count: int
    """In how many captions it stood together with that scene."""


@dataclass(frozen=True)
class Retrieved:
    """The modifiers retrieved for one prompt, each kind best first."""

    prompt: str
    modifiers: tuple[Modifier, ...] = ()
    scenes_searched: int = 0
    notes: tuple[str, ...] = field(default=())

    def of_kind(self, kind: ModifierKind) -> tuple[Modifier, ...]:
        """The modifiers of this kind, best first."""
        return tuple(modifier for modifier in self.modifiers if modifier.kind == kind)
