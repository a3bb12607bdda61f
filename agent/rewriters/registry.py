"""Rewriters by name."""

from agent.config import RewriteConfig
from agent.plugins import load_part
from agent.rewriters.rewriter import Rewriter
from graph_store.store import ModifierStore

REWRITERS = {
    "rules": "agent.rewriters.rules:RulesRewriter",
    "llm": "agent.rewriters.llm:LLMRewriter",
}


def open_rewriter(settings: RewriteConfig, store: ModifierStore | None) -> Rewriter:
    """The rewriter that these settings name; the user's own is made without arguments.

    An LLM's server is asked one short question, so that a wrong address, key or model shows now. Raises UsageError.
    """
    make = load_part("rewriter", settings.rewriter, REWRITERS)
    if settings.rewriter == "rules":
        return make(store)
    if settings.rewriter != "llm":
        return make()
    from agent.llm.openai_compatible import OpenAICompatible

    model = OpenAICompatible(
        settings.base_url or "",
        settings.model or "",
        temperature=settings.temperature,
        max_tokens=settings.max_tokens,
        timeout_seconds=settings.timeout_seconds,
    )
    model.check()
    return make(model)
