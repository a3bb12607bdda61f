"""What the sources that look through an encoder have in common."""

from feedback.clip import Clip
from feedback.encoder import Encoder
from feedback.records import Feedback, Score
from feedback.resident import Holding, Resident


class EncoderSource:
    """Holds an encoder that other sources may hold, too; a `Resident` in its stead.

    Sources that share an encoder name the same holding: it is in memory once.
    """

    name: str

    def __init__(self, encoder: Encoder):
        self._encoder = encoder

    @property
    def holdings(self) -> list[Holding]:
        """The encoder's; none for one that needs no model."""
        return self._encoder.holdings if isinstance(self._encoder, Resident) else []

    def acquire(self) -> None:
        """Brings the encoder back to its device."""
        if isinstance(self._encoder, Resident):
            self._encoder.acquire()

    def release(self) -> None:
        """Leaves the encoder's device to others."""
        if isinstance(self._encoder, Resident):
            self._encoder.release()

    def unscored(self, why: str) -> Feedback:
        """Feedback without a score, for this reason."""
        return Feedback(source=self.name, scores=[Score(name=self.name, value=None, why=why)])


def when(frame: int, clip: Clip) -> str:
    """A place in time, in words."""
    return f"frame {frame} ({frame / clip.fps:.1f} s)"
