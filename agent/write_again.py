"""What the screen drops is written again: another sample costs a call, a render costs minutes."""

from collections.abc import Callable
from dataclasses import replace

from agent.errors import ModelError
from agent.rewriter import Draft, RewriteTask

TRIES = 4
"""Calls for a text that passes, unless said otherwise."""


def write_until_passed(
    ask: Callable[[RewriteTask], list[Draft]], task: RewriteTask, passes: Callable[[Draft], bool], tries: int
) -> list[Draft]:
    """All drafts in order: it is asked again, with another seed, until one passes, `tries` times at most.

    Raises ModelError when the first call fails; a later failure ends the tries.
    """
    drafts: list[Draft] = []
    for attempt in range(tries):
        tried = (*task.tried, *(draft.text for draft in drafts))
        try:
            new = ask(replace(task, tried=tried, seed=task.seed + attempt * task.n))
        except ModelError:
            if not drafts:
                raise
            break
        drafts += new
        if not new or any(map(passes, new)):
            break
    return drafts
