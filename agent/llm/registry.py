"""Language models by name."""

from typing import Any

from agent.errors import UsageError
from agent.llm.language_model import LanguageModel
from agent.plugins import load_part

LANGUAGE_MODELS = {
    "openai": "agent.llm.openai_compatible:OpenAICompatible",
    "scripted": "agent.llm.scripted:ScriptedLanguageModel",
}
"""Name to `package.module:Class`."""


def open_language_model(name: str, **settings: Any) -> LanguageModel:
    """The language model of this name, made with these settings; `package.module:Class` names one's own.

    Raises UsageError for a name or a setting that is not known; unknown names list the known ones.
    """
    kind = load_part("language model", name, LANGUAGE_MODELS)
    try:
        return kind(**settings)
    except TypeError as problem:
        raise UsageError(f"language model {name!r}: {problem}") from None
