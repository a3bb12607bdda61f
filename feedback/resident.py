"""The Resident port: what holds a model in memory that others need too, and can make room for them."""

from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar, runtime_checkable


@dataclass(frozen=True)
class Holding:
    """One model, where its memory is, and how much of it the weights take."""

    model: str
    """As the user calls it."""
    place: str
    """Whose memory: "cuda:0", "cpu", or the address of a server."""
    weight_bytes: int | None
    """In the number format they run in; None when nobody says, as servers don't."""
    why_unknown: str = ""


@runtime_checkable
class Resident(Protocol):
    """Holds a model and can give its memory back without losing it.

    Both methods may be called at any time between two uses, from one thread, and again without effect. Neither loads
    anything: a model that was never needed stays on disk. What was released works all the same when it is used; it only
    has to come back first.
    """

    @property
    def holdings(self) -> list[Holding]:
        """What it holds once it is loaded; reads no weights, and may be asked before."""
        ...

    def acquire(self) -> None:
        """Brings back what was released."""
        ...

    def release(self) -> None:
        """Gives the memory of `place` back, as far as that can be done."""
        ...


Held = TypeVar("Held", bound=Resident)


class HoldsModel(Generic[Held]):
    """A part that keeps its model in another resident, `_held`, and hands the port on to it."""

    _held: Held

    @property
    def holdings(self) -> list[Holding]:
        """The model."""
        return self._held.holdings

    def acquire(self) -> None:
        """Brings the model back to its device."""
        self._held.acquire()

    def release(self) -> None:
        """Leaves the device to others."""
        self._held.release()
