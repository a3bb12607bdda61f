"""The physical rule that the videos of a prompt are held to: given, looked up in a table, or proposed by a model."""

import csv
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from feedback.errors import FeedbackError

HEADER = ("captions", "phys_law")
"""Of a table of rules: the columns of the examples that come with RAPO++."""
_APOSTROPHES = str.maketrans({"’": "'", "‘": "'", "“": '"', "”": '"'})


@dataclass(frozen=True)
class Rule:
    """A law of nature as it applies to what one prompt asks for, in a sentence."""

    text: str
    origin: Literal["given", "table", "model"]


@dataclass(frozen=True)
class Rules:
    """Where rules come from without a model: `given` holds for every prompt, else the prompt's own in `table`.

    Prompts are compared by their words: case, the kind of quotes, spaces and a full stop at the end do not matter.
    """

    given: str = ""
    table: Mapping[str, str] = field(default_factory=dict[str, str])

    def find(self, prompt: str) -> Rule | None:
        """The rule of this prompt; None when there is none yet."""
        if self.given.strip():
            return Rule(self.given.strip(), "given")
        wanted = _key(prompt)
        text = next((rule for caption, rule in self.table.items() if _key(caption) == wanted), None)
        return Rule(text, "table") if text else None


def read_rule_table(path: Path) -> dict[str, str]:
    """Prompt to rule, from a CSV file in UTF-8 whose header is `captions,phys_law`.

    Raises:
        FeedbackError: It can't be read, its header is another, or a line has no prompt or no rule.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = list(csv.reader(file, strict=True))
    except (OSError, UnicodeDecodeError, csv.Error) as problem:
        raise FeedbackError(f"the rules in {path} can't be read as CSV in UTF-8: {problem}") from None
    header, *lines = rows or [[]]
    if tuple(name.strip().lower() for name in header) != HEADER:
        found = ",".join(header) or "nothing"
        raise FeedbackError(f"the first line of {path} is {found[:80]!r}, but must be {','.join(HEADER)}")
    table: dict[str, str] = {}
    for number, line in enumerate(lines, start=2):
        cells = [cell.strip() for cell in line]
        if not any(cells):
            continue
        if len(cells) != len(HEADER) or not all(cells):
            raise FeedbackError(f"row {number} of {path} needs a prompt and a rule, found {','.join(line)[:80]!r}")
        table[cells[0]] = cells[1]
    return table


def _key(prompt: str) -> str:
    return re.sub(r"\s+", " ", prompt.translate(_APOSTROPHES)).strip().rstrip(".").rstrip().casefold()
