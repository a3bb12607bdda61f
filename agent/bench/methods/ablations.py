"""The loop without one of its parts, or under another rule of selection: by how much the loop leads, the part earns."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, ClassVar

from agent.bench.methods.loop import RetakeLoop
from agent.bench.records import Answer, BenchSettings
from agent.bench.studio import Studio
from agent.config import LoopConfig
from agent.config_file import make_config
from agent.parts import Parts
from agent.rewriters.registry import open_rewriter
from agent.rewriters.rules import RulesRewriter


class Ablation(RetakeLoop):
    """The bench's loop with some settings changed; it shares all models with it."""

    changes: ClassVar[Mapping[str, Any]]
    """By dotted path in the config."""

    def prepare(self, parts: Parts, settings: BenchSettings) -> str | None:  # noqa: ARG002
        """Must differ from the loop that the bench's own flags describe."""
        is_same = self._change(settings.config) == settings.config
        return "the bench's own flags leave the loop so already" if is_same else None

    def answer(self, studio: Studio) -> Answer:
        """As the loop's, of a run under the changed settings."""
        config, parts = self._change(studio.config), studio.parts
        store = None if config.retrieve.graph == "none" else parts.store
        rewriter = open_rewriter(config.rewrite, store, parts.writer, parts.templates)
        changed = replace(parts, config=config, store=store, rewriter=rewriter, fallback=RulesRewriter(store))
        return self.run(studio, changed)

    def _change(self, config: LoopConfig) -> LoopConfig:
        return make_config(config.model_dump(mode="json"), self.changes)


class NoRetrieval(Ablation):
    """No modifiers; the rules have no words but the prompt's own."""

    name = "no_retrieval"
    changes: ClassVar = {"retrieve.graph": "none"}


class NoMemory(Ablation):
    """The rewriter sees the leader alone, and nothing is given up."""

    name = "no_memory"
    changes: ClassVar = {"rewrite.remember": False}


class NoCritique(Ablation):
    """The rewriter sees texts and scores, and no word of what fails."""

    name = "no_critique"
    changes: ClassVar = {"rewrite.critique": False}


class NoGate(Ablation):
    """A candidate that shows less of what was asked may lead."""

    name = "no_gate"
    changes: ClassVar = {"select.gate": False}


class Weighted(Ablation):
    """The leader is who has the highest overall score."""

    name = "weighted"
    changes: ClassVar = {"select.rule": "weighted"}


class Pareto(Ablation):
    """The leader is the first of those that no other dominates."""

    name = "pareto"
    changes: ClassVar = {"select.rule": "pareto"}
