"""What can go wrong in a run, by whose it is.

UsageError      the user's slip: one line, no traceback, exit 2, nothing written
Interrupted     the user pressed Ctrl-C: exit 130, the run folder can be resumed
StageError      a part failed (renderer, rewriter, source): becomes data in the trajectory, the run goes on where it can
"""


class UsageError(Exception):
    """A setting, prompt or folder that can't be used: one sentence that says what was found and what to do."""


class Interrupted(Exception):  # noqa: N818 - no error: somebody asked for it
    """The person asked to stop at once; what is finished is on disk."""


class StageError(Exception):
    """A renderer, rewriter or language model could not do its work this time."""


class RenderError(StageError):
    """The renderer gave no clip for this request."""


class ModelError(StageError):
    """The language model gave no usable reply."""
