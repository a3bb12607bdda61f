"""The key of a server: where it comes from, and how it stays out of what we say."""

import os
import re
from collections.abc import Sequence

from feedback.errors import FeedbackError


def find_key(variables: Sequence[str], given: str | None = None) -> str | None:
    """The key: `given`, else that of the first of these environment variables that holds one; None without any.

    Raises:
        FeedbackError: It has characters that no key has, such as a line break, which no HTTP header can carry.
    """
    found = given or next((key for name in variables if (key := os.environ.get(name, "").strip())), None)
    if found is not None and not re.fullmatch(r"[!-~]+", found):
        raise FeedbackError(
            f"the key in {' or '.join(variables)} has spaces or characters that no key has; set it anew"
        )
    return found


def quote(words: object, key: str | None, length: int = 300) -> str:
    """What a server said, on one line, without the key, cut to `length` characters."""
    line = " ".join(str(words).split())
    if key:
        line = line.replace(key, "***")
    return line if len(line) <= length else line[: length - 1] + "…"
