"""A blind rewrite: one wording by the run's own rewriter, without retrieval and without feedback."""

from dataclasses import replace

from agent.bench.methods.choose import choose_best
from agent.bench.records import Answer, BenchSettings
from agent.bench.studio import Studio
from agent.parts import Parts


class BlindRewrite:
    """What a user gets from a prompt enhancer: one call, then best of N.

    The rules write in the words of the graph's captions here too: without them they have no other words.
    """

    name = "blind_rewrite"

    def prepare(self, parts: Parts, settings: BenchSettings) -> str | None:  # noqa: ARG002
        """Needs nothing."""
        return None

    def answer(self, studio: Studio) -> Answer:
        """The rewrite's best clip. Raises ModelError when there is no rewrite."""
        task = replace(studio.task, modifiers=())
        return choose_best(self.name, studio, studio.write(self.name, studio.parts.rewriter.rewrite, task))
