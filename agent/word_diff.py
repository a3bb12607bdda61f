"""What a rewrite changed, word by word."""

import re
from difflib import SequenceMatcher
from typing import Literal, NamedTuple

_WORD = re.compile(r"(?:[\u3040-\u30ff\u3400-\u9fff]|[^\W\u3040-\u30ff\u3400-\u9fff]+(?:['’-]\w+)*|[^\w\s])\s*")
"""A word, a sign, or one character of a script that puts no space between words; with the space after it."""


class Change(NamedTuple):
    """A stretch of text that was kept, put in, or taken out."""

    kind: Literal["same", "ins", "del"]
    text: str


def diff_words(before: str, after: str) -> list[Change]:
    """The way from one text to the other: without "del" it reads as `after`, without "ins" as `before`.

    Spacing is no change: it is that of `after` where words are kept, and at the ends it is left out.
    """
    old, new = _WORD.findall(before.strip()), _WORD.findall(after.strip())
    matcher = SequenceMatcher(a=[word.rstrip() for word in old], b=[word.rstrip() for word in new])
    changes: list[Change] = []
    for what, old_from, old_to, new_from, new_to in matcher.get_opcodes():
        if what == "equal":
            changes.append(Change("same", "".join(new[new_from:new_to])))
            continue
        if taken := "".join(old[old_from:old_to]):
            changes.append(Change("del", taken))
        if put := "".join(new[new_from:new_to]):
            changes.append(Change("ins", put))
    return changes
