"""VBench's own prompts, and which of a folder's videos count for them."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, TypeAdapter, ValidationError

from agent.errors import UsageError
from agent.export.file_names import fits_file_name
from agent.export.seed_match import LeftOut, SeedMatch

VIDEOS_PER_PROMPT = 5
"""VBench looks for indices 0 to 4 and no others."""

Suite = Mapping[str, Sequence[str]]
"""Prompt to the dimensions it is scored by."""


class _SuitePrompt(BaseModel):
    prompt_en: str
    dimension: list[str]


_SUITE = TypeAdapter(list[_SuitePrompt])


@dataclass(frozen=True)
class SuiteShare:
    """What a set of videos covers of the suite."""

    size: int
    """Prompts in the suite."""
    matches: tuple[SeedMatch, ...]
    """Five a prompt at most, in the order of their indices."""
    dimensions: tuple[str, ...]
    """Those that its prompts are scored by."""
    too_few: Mapping[str, int]
    """Prompts with fewer than five videos, and how many they have."""
    left_out: tuple[LeftOut, ...]


def read_suite(path: Path) -> Suite:
    """The prompts of a VBench_full_info.json; the dimensions of one that stands there twice are joined.

    Raises UsageError when the file is none.
    """
    try:
        rows = _SUITE.validate_python(json.loads(path.read_text(encoding="utf-8")))
    except OSError as problem:
        raise UsageError(f"can't read {path}: {problem.strerror}") from None
    except (ValueError, RecursionError) as problem:
        raise UsageError(f"{path} is no VBench_full_info.json: {_first_fault(problem)}") from None
    suite: dict[str, list[str]] = {}
    for row in rows:
        suite.setdefault(row.prompt_en, []).extend(row.dimension)
    return suite


def share_of_suite(matches: Sequence[SeedMatch], suite: Suite) -> SuiteShare:
    """Those of the matches whose prompt is one of the suite's, letter for letter."""
    kept: list[SeedMatch] = []
    left_out: list[LeftOut] = []
    counts = Counter[str]()
    for match in matches:
        prompt = match.prompt
        if prompt not in suite:
            continue
        if not fits_file_name(prompt):
            left_out.append(LeftOut(f"{match.run.name}, standard suite", "its prompt can't be a file name"))
        elif counts[prompt] == VIDEOS_PER_PROMPT:
            why = f"VBench takes {VIDEOS_PER_PROMPT} videos a prompt"
            left_out.append(LeftOut(f"{match.run.name}, seed {match.seed}, standard suite", why))
        else:
            kept.append(match)
            counts[prompt] += 1
    dimensions = dict.fromkeys(dimension for prompt in counts for dimension in suite[prompt])
    too_few = {prompt: count for prompt, count in counts.items() if count < VIDEOS_PER_PROMPT}
    return SuiteShare(len(suite), tuple(kept), tuple(dimensions), too_few, tuple(left_out))


def _first_fault(problem: Exception) -> str:
    if not isinstance(problem, ValidationError):
        return "it is not JSON in UTF-8"
    fault = problem.errors()[0]
    return f"{'.'.join(map(str, fault['loc'])) or 'the whole'}: {fault['msg']}"
