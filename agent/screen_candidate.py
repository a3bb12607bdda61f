"""The screen as a brief, a config and a renderer set it: the same for the loop, the bench and `retake rewrite`."""

from dataclasses import replace

from agent.config import LoopConfig
from agent.renderer import Renderer
from agent.rewriter import Draft, RewriteTask
from agent.screen import Screened, screen_text


def screen_candidate(text: str, brief: RewriteTask, config: LoopConfig, renderer: Renderer | None) -> Screened:
    """What the screen makes of a text; without a renderer no limit of tokens is known."""
    return screen_text(
        text,
        prompt=brief.prompt,
        checklist=brief.checklist,
        token_count=renderer.count_tokens if renderer else None,
        token_limit=renderer.info.token_limit if renderer else None,
        word_limit=brief.word_limit,
        language=brief.target_lang,
        trigger_words=brief.trigger_words,
        negative=config.render.negative_prompt,
        principles=config.principles.by != "off",
    )


def screen_draft(
    draft: Draft, brief: RewriteTask, config: LoopConfig, renderer: Renderer | None
) -> tuple[str, str | None]:
    """The draft's text as it may be rendered, and why it may not; None when it may."""
    # The rules write in the person's own words, whatever language is asked for.
    told = brief if draft.llm_calls else replace(brief, target_lang="")
    screened = screen_candidate(draft.text, told, config, renderer)
    return screened.text, draft.unusable or screened.dropped
