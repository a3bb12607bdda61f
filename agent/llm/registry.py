"""Language models by name."""

from typing import Any

from agent.config import RewriteConfig
from agent.language_model import LanguageModel
from agent.plugins import make_part

LANGUAGE_MODELS = {
    "openai": "agent.llm.openai_compatible:OpenAICompatible",
    "scripted": "agent.llm.scripted:ScriptedLanguageModel",
}
"""Name to `package.module:Class`."""


def open_language_model(name: str, **settings: Any) -> Any:
    """The language model of this name, made with these settings; `package.module:Class` names one's own.

    Raises UsageError for a name or a setting that is not known; unknown names list the known ones.
    """
    return make_part("language model", name, LANGUAGE_MODELS, **settings)


def open_rewriter_model(settings: RewriteConfig) -> LanguageModel | None:
    """The rewriter's model behind its OpenAI-compatible server, None when the rewriter is no language model.

    It is asked one short question, so that a wrong address, key or model name shows now. Raises UsageError.
    """
    if settings.rewriter != "llm":
        return None
    model = open_language_model(
        "openai",
        base_url=settings.base_url,
        model=settings.model,
        temperature=settings.temperature,
        max_tokens=settings.max_tokens,
        timeout_seconds=settings.timeout_seconds,
    )
    model.check()
    return model
