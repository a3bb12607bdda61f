"""The Method port: a prompt and so many renders in, a wording and a clip out."""

from typing import Protocol

from agent.bench.records import Answer, BenchSettings
from agent.bench.studio import Studio
from agent.parts import Parts


class Method(Protocol):
    """A way to spend a user's renders. Made without arguments, used for all prompts of a bench.

    It renders on the studio's seeds only, at most one render a seed and wording and `settings.renders` in all, never on
    the verification's. Same studio, same answer, as far as the models behind it honour a seed.
    """

    @property
    def name(self) -> str:
        """As in tables, e.g. "best_of_n"."""
        ...

    def prepare(self, parts: Parts, settings: BenchSettings) -> str | None:
        """Gets ready, once; why the method can't be run here, None when it can. Raises UsageError."""
        ...

    def answer(self, studio: Studio) -> Answer:
        """What it hands over for this prompt. May raise anything: that prompt then has no answer."""
        ...
