"""Rewriters by name."""

from agent.language_model import LanguageModel
from agent.plugins import make_part
from agent.rewriter import Rewriter
from graph_store.store import ModifierStore

REWRITERS = {
    "rules": "agent.rewriters.rules:RulesRewriter",
    "llm": "agent.rewriters.llm:LLMRewriter",
}


def open_rewriter(name: str, store: ModifierStore | None, language_model: LanguageModel | None) -> Rewriter:
    """The rewriter of this name; the user's own, 'package.module:Class', is made without arguments.

    Raises UsageError for an unknown name; the known ones are listed.
    """
    arguments = {"rules": (store,), "llm": (language_model,)}.get(name, ())
    return make_part("rewriter", name, REWRITERS, *arguments)
