"""Rewriters by name."""

from agent.config import RewriteConfig
from agent.language_model import LanguageModel
from agent.plugins import make_part
from agent.prompts import PromptTemplates, read_templates
from agent.rewriter import Rewriter
from agent.rewriters.distilled import find_brief
from agent.rewriters.rules import RulesRewriter
from graph_store.store import ModifierStore

REWRITERS = {
    "rules": "agent.rewriters.rules:RulesRewriter",
    "llm": "agent.rewriters.llm:LLMRewriter",
    "distilled": "agent.rewriters.distilled:DistilledRewriter",
}


def open_rewriter(
    settings: RewriteConfig,
    store: ModifierStore | None,
    language_model: LanguageModel | None,
    templates: PromptTemplates | None = None,
) -> Rewriter:
    """The rewriter that these settings name; the user's own, 'package.module:Class', is made without arguments.

    Raises UsageError for an unknown name; the known ones are listed.
    """
    match settings.rewriter:
        case "rules":
            return make_part("rewriter", "rules", REWRITERS, store)
        case "llm":
            ways = {"compose": settings.compose, "critique": bool(settings.critique)}
            return make_part("rewriter", "llm", REWRITERS, language_model, templates, **ways)
        case "distilled":
            templates = templates or read_templates(None)
            brief = find_brief(settings, templates)
            return make_part("rewriter", "distilled", REWRITERS, language_model, RulesRewriter(store), brief, templates)
        case name:
            return make_part("rewriter", name, REWRITERS)
