"""What holds for every rewrite of a run, read from its trajectory's header.

The loop and fine-tuning both read it here, so that a model is trained on the very text that it gets in the loop.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from agent.caption_styles import GENERAL
from agent.languages import language_of
from agent.rewriter import RewriteTask
from feedback.records import Question
from graph_store.records import Modifier

WORDS_PER_TOKEN = 0.75
"""Of English prose, as a rule of thumb; the screen counts the generator's own tokens."""


def read_brief(header: Mapping[str, Any], checklist: Sequence[Question], modifiers: Sequence[Modifier]) -> RewriteTask:
    """The task of the run's first drafts; what older headers lack has its default."""
    rewrite = header["config"]["rewrite"]
    renderer = header.get("models", {}).get("renderer", {})
    prompt, token_limit = str(header["prompt"]), renderer.get("token_limit")
    style = rewrite.get("caption_style", "auto")
    return RewriteTask(
        prompt=prompt,
        checklist=tuple(checklist),
        modifiers=tuple(modifiers),
        target_lang=language_of(rewrite["target_lang"], prompt),
        word_limit=rewrite["word_limit"],
        generator_words=int(token_limit * WORDS_PER_TOKEN) if token_limit else None,
        style=renderer.get("family", GENERAL) if style == "auto" else style,
        trigger_words=tuple(rewrite.get("trigger_words", ())),
    )
