"""Best of N: the prompt as typed on N seeds, and the best of the clips (the control of Video-T1, arXiv 2503.18942)."""

from agent.bench.methods.choose import choose_best
from agent.bench.records import Answer, BenchSettings
from agent.bench.studio import Studio
from agent.parts import Parts


class BestOfN:
    """What a user gets who asks N times and keeps the best."""

    name = "best_of_n"

    def prepare(self, parts: Parts, settings: BenchSettings) -> str | None:  # noqa: ARG002
        """Needs nothing."""
        return None

    def answer(self, studio: Studio) -> Answer:
        """The prompt's best clip."""
        return choose_best(self.name, studio)
