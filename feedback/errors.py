"""What can go wrong with what a person handed to feedback."""


class FeedbackError(Exception):
    """A clip, prompt or source name that can't be used: one sentence that says what was found and what to do."""


class ClipError(FeedbackError):
    """A video file or an array of frames that is no clip."""


def first_line(error: BaseException) -> str:
    """What an error says, cut to its first line for use in a sentence of our own."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(". :")
