"""Language models by name."""

from pathlib import Path
from typing import Any

from agent.config import RewriteConfig
from agent.language_model import LanguageModel
from agent.plugins import make_part
from agent.rewriter_card import read_card

LANGUAGE_MODELS = {
    "openai": "agent.llm.openai_compatible:OpenAICompatible",
    "scripted": "agent.llm.scripted:ScriptedLanguageModel",
    "transformers": "agent.llm.transformers_local:TransformersLanguageModel",
    "vllm": "agent.llm.vllm_local:VLLMLanguageModel",
}
"""Name to `package.module:Class`."""


def open_language_model(name: str, **settings: Any) -> Any:
    """The language model of this name, made with these settings; `package.module:Class` names one's own.

    Raises UsageError for a name or a setting that is not known; unknown names list the known ones.
    """
    return make_part("language model", name, LANGUAGE_MODELS, **settings)


def open_rewriter_model(settings: RewriteConfig) -> LanguageModel | None:
    """The rewriter's model, None when the rewriter is no language model.

    A server is asked one short question, so that a wrong address, key or model name shows now. Of a model in this
    process everything but the weights is read, which come with the first reply. Raises UsageError.
    """
    if not settings.asks_model:
        return None
    settings = _find_weights(settings)
    said: dict[str, Any] = {
        "model": settings.model,
        "temperature": settings.temperature,
        "max_tokens": settings.max_tokens,
    }
    files = {"revision": settings.revision, "dtype": settings.dtype, "adapter": settings.adapter}
    match settings.resolved_engine:
        case "endpoint":
            server = {"base_url": settings.base_url, "timeout_seconds": settings.timeout_seconds}
            model = open_language_model("openai", **said, **server)
        case "transformers":
            model = open_language_model("transformers", **said, **files, device=settings.device)
        case "vllm":
            model = open_language_model("vllm", **said, **files)
    model.check()
    return model


def _find_weights(settings: RewriteConfig) -> RewriteConfig:
    """Of a distilled rewriter's folder with an adapter, model and adapter apart. Raises UsageError without a card."""
    if settings.rewriter != "distilled" or settings.base_url:
        return settings
    folder = Path(settings.model or "").expanduser()
    card = read_card(folder)
    if card.kind == "model":
        return settings.model_copy(update={"model": str(folder)})
    found = {"model": card.base, "revision": card.base_revision, "adapter": str(folder)}
    return settings.model_copy(update=found)
