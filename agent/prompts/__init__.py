"""The texts that a language model gets, from templates, and how its answers are read."""

from agent.prompts.messages import (
    critique_messages,
    distilled_messages,
    merge_messages,
    refactor_messages,
    rewrite_messages,
)
from agent.prompts.replies import (
    CRITIQUE_SCHEMA,
    REPLY_SCHEMA,
    Rewrite,
    read_critique,
    read_plain,
    read_rewrite,
    write_reply,
)
from agent.prompts.templates import PromptTemplates, read_templates

__all__ = [
    "CRITIQUE_SCHEMA",
    "REPLY_SCHEMA",
    "PromptTemplates",
    "Rewrite",
    "critique_messages",
    "distilled_messages",
    "merge_messages",
    "read_critique",
    "read_plain",
    "read_rewrite",
    "read_templates",
    "refactor_messages",
    "rewrite_messages",
    "write_reply",
]
