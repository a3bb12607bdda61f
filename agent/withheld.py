"""What a run keeps from its rewriter, so that the worth of memory and of critiques can be measured. Pure."""

from dataclasses import replace

from agent.config import RewriteConfig
from agent.rewriter import RewriteTask


def withhold(task: RewriteTask, settings: RewriteConfig) -> RewriteTask:
    """The task without what these settings keep back.

    Without memory the rewriter sees of the past the leader alone, without critiques no word of what fails. The texts
    that were tried stay in the task in either case: none is rendered twice.
    """
    if not settings.remember:
        champion = task.attempt_of(task.champion)
        task = replace(task, history=(champion,) if champion else (), items=(), unreachable=())
    if settings.critique is False:
        history = tuple(replace(attempt, critique="", failing=()) for attempt in task.history)
        task = replace(task, history=history, items=(), unreachable=())
    return task
