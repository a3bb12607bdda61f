"""A rewriter beside the loop's, such as a distilled one: one wording, then best of N."""

from dataclasses import replace

from agent.bench.methods.choose import choose_best
from agent.bench.records import Answer, BenchSettings, Entrant
from agent.bench.studio import Studio
from agent.language_model import LanguageModel
from agent.parts import Parts
from agent.rewriter import Rewriter
from agent.rewriters.distilled import DistilledRewriter
from agent.rewriters.registry import open_rewriter


class Distilled:
    """What a user gets from a rewriter of their own. `model` is the entrant's, opened."""

    def __init__(self, name: str, entrant: Entrant, model: LanguageModel | None) -> None:
        self.name = name
        self._entrant, self._model = entrant, model
        self._rewriter: Rewriter | None = None

    def prepare(self, parts: Parts, settings: BenchSettings) -> str | None:  # noqa: ARG002
        """Needs nothing but what it brings. Raises UsageError when that can't be used."""
        entrant, model = self._entrant, self._model
        if entrant.brief and model:
            self._rewriter = DistilledRewriter(model, parts.fallback, entrant.brief)
        else:
            self._rewriter = open_rewriter(entrant.rewrite, parts.store, model, parts.templates)
        return None

    def answer(self, studio: Studio) -> Answer:
        """The rewrite's best clip. Raises ModelError when there is no rewrite."""
        assert self._rewriter  # noqa: S101 - prepare opened it
        task = replace(studio.task, modifiers=())
        written = studio.write(self.name, self._rewriter.rewrite, task, self._entrant.tries)
        return choose_best(self.name, studio, written, self._entrant.renders)
