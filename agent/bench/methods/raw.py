"""The control: the prompt as typed, one render."""

from agent.bench.records import Answer, BenchSettings
from agent.bench.studio import Studio
from agent.parts import Parts


class Raw:
    """What a user gets who asks once."""

    name = "raw"

    def prepare(self, parts: Parts, settings: BenchSettings) -> str | None:  # noqa: ARG002
        """Needs nothing."""
        return None

    def answer(self, studio: Studio) -> Answer:
        """The prompt on the first seed. Nothing is chosen, so nothing is paid for looking."""
        renders = studio.render(studio.prompt, studio.seeds[:1])
        return Answer(
            method=self.name,
            prompt=studio.prompt,
            text=studio.prompt,
            renders=renders,
            delivered=0 if renders[0].video else None,
            seconds=renders[0].seconds,
        )
