"""A distilled rewriter: one call of a model that was trained on what the loop found, then best of N."""

from dataclasses import replace
from pathlib import Path

from agent.bench.methods.choose import choose_best
from agent.bench.records import Answer, BenchSettings
from agent.bench.studio import Studio
from agent.config import RewriteConfig
from agent.config_file import make_config, read_config
from agent.llm.registry import open_rewriter_model
from agent.parts import Parts
from agent.rewriter import Rewriter
from agent.rewriters.registry import open_rewriter

CONFIG_SUFFIXES = (".yaml", ".yml", ".json")


class Distilled:
    """A rewriter of its own beside the loop's."""

    name = "distilled"

    def __init__(self) -> None:
        self._rewriter: Rewriter | None = None

    def prepare(self, parts: Parts, settings: BenchSettings) -> str | None:
        """Needs --distilled; opens the rewriter that it names. Raises UsageError when that can't be done."""
        if not settings.distilled:
            return "needs --distilled: a model, a config file, or 'package.module:Class'"
        rewrite = read_distilled(settings.distilled)
        self._rewriter = open_rewriter(rewrite, parts.store, open_rewriter_model(rewrite), parts.templates)
        return None

    def answer(self, studio: Studio) -> Answer:
        """The rewrite's best clip. Raises ModelError when there is no rewrite."""
        assert self._rewriter  # noqa: S101 - prepare opened it
        task = replace(studio.task, modifiers=())
        return choose_best(self.name, studio, studio.write(self.name, self._rewriter.rewrite, task))


def read_distilled(named: str) -> RewriteConfig:
    """What --distilled means: the `rewrite` section of a config file, one's own class, or a model in this process."""
    if named.endswith(CONFIG_SUFFIXES):
        return make_config(read_config(Path(named))).rewrite
    if ":" in named and not Path(named).exists():
        return RewriteConfig(rewriter=named)
    return make_config({"rewrite": {"rewriter": "llm", "model": named}}).rewrite
