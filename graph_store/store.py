"""The ModifierStore port: a prompt in, modifiers out."""

from collections.abc import Mapping
from typing import Protocol

from graph_store.records import ModifierKind, Retrieved


class ModifierStore(Protocol):
    """Holds a relation graph and finds the modifiers that suit a prompt.

    Deterministic: same store, same prompt, same answer. `k` says how many modifiers of each kind at most; a kind left
    out is not retrieved. Never raises for a prompt, whatever it holds: no words means no modifiers.
    """

    def retrieve(self, prompt: str, k: Mapping[ModifierKind, int] | int = 5) -> Retrieved:
        """The best modifiers of each kind for this prompt, best first."""
        ...
