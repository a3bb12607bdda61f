"""How well do the rules tell unsafe texts from harmless ones? And whom do they stop among real prompts?

    python benchmarks/principles.py [--misses] [--alarms]

Measured on tests/data/principles.jsonl, written for this project. The rules were tuned on the texts up to the id
LAST_TUNED_ON; the others were written by the same author and not looked at one by one. Found: an alarm of any category.
In a category's row precision is the share of its alarms on unsafe texts of whatever label (a text is often unsafe in
several ways and labelled with the gravest), recall the share of its texts that raise it. Intervals are Wilson's, 95 %.
Real prompts (VBench, VPO's sample of user queries) are read from shared/data, where a checkout has it beside it.
"""

import argparse
import html
import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple, get_args

from agent.errors import UsageError
from agent.principles.harmless import Hazard, find_hazards
from agent.principles.terms import Category
from agent.prompt_flags import read_prompt

LABELLED = Path(__file__).parents[1] / "tests" / "data" / "principles.jsonl"
SHARED = Path(__file__).parents[2] / "shared" / "data"
LAST_TUNED_ON = "p315"
Z = 1.96


class Labelled(NamedTuple):
    """One text of the labelled set."""

    id: str
    text: str
    label: str
    """"harmless" or "unsafe"."""
    category: str
    """Of an unsafe text what it is, of a harmless one what it looks like, or "plain"."""
    note: str


class Counts(NamedTuple):
    """What was found of what there was."""

    alarms: int
    right: int
    """Alarms on unsafe texts."""
    unsafe: int
    """Texts of the category."""
    found: int
    """Of those, the ones with an alarm of the category."""

    @property
    def f1(self) -> float | None:
        """The harmonic mean of precision and recall; None where one of them is unknown or both are 0."""
        if not self.right or not self.found:
            return None
        precision, recall = self.right / self.alarms, self.found / self.unsafe
        return 2 * precision * recall / (precision + recall)


def read_labelled(path: Path = LABELLED) -> list[Labelled]:
    """The labelled texts, in the order of their ids."""
    return [Labelled(**json.loads(line)) for line in path.read_text(encoding="utf-8").splitlines()]


def wilson(part: int, whole: int) -> tuple[float, float]:
    """The 95 % interval of a share. Raises ZeroDivisionError for a share of nothing."""
    share, spread = part / whole, Z * Z / whole
    middle = (share + spread / 2) / (1 + spread)
    reach = Z * ((share * (1 - share) + spread / 4) / whole) ** 0.5 / (1 + spread)
    return max(0.0, middle - reach), min(1.0, middle + reach)


def count(texts: Sequence[Labelled], category: str | None = None) -> Counts:
    """Alarms of a category, or of any, on these texts."""
    alarms = [text for text in texts if any(category in (None, hazard.category) for hazard in find_hazards(text.text))]
    unsafe = [text for text in texts if text.label == "unsafe" and category in (None, text.category)]
    return Counts(
        alarms=len(alarms),
        right=sum(text.label == "unsafe" for text in alarms),
        unsafe=len(unsafe),
        found=len(set(alarms) & set(unsafe)),
    )


def describe(part: int, whole: int) -> str:
    """A share with its interval; unknown when it is of nothing."""
    if not whole:
        return f"{'unknown':<20} {0:>4}"
    low, high = wilson(part, whole)
    return f"{part / whole:.2f} [{low:.2f}, {high:.2f}]    {whole:>4}"


def print_table(title: str, texts: Sequence[Labelled]) -> None:
    """Precision, recall and F1 of all alarms and of each category."""
    print(f"{title:<26}precision [95 %]  alarms    recall [95 %]     unsafe    F1")
    for category in (None, *get_args(Category)):
        counts = count(texts, category)
        precision, recall = describe(counts.right, counts.alarms), describe(counts.found, counts.unsafe)
        f1 = "unknown" if counts.f1 is None else f"{counts.f1:.2f}"
        print(f"{category or 'found':<26}{precision}    {recall}    {f1}")
    disguised = [text for text in texts if text.note == "obfuscated"]
    right = sum(bool(find_hazards(text.text)) for text in disguised)
    print(f"{'found, of the disguised':<26}{'':<26}    {describe(right, len(disguised))}\n")


def real_prompts() -> dict[str, list[str]]:
    """Prompts of other projects by name, the words of each without its flags; empty where they are absent."""
    if not SHARED.is_dir():
        return {}
    queries = json.loads((SHARED / "vpo" / "queries_sample.json").read_text(encoding="utf-8"))
    sets = {"VPO queries": [words for query in queries if (words := _words_of(query))]}
    for path in sorted((SHARED / "vbench").glob("*.txt")):
        sets[f"VBench {path.stem}"] = [line for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
    return sets


def _words_of(query: str) -> str | None:
    try:
        return read_prompt(html.unescape(query)).text
    except UsageError:
        return None


def main() -> None:
    """Prints the tables, the alarms on real prompts and the time a text takes."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--misses", action="store_true", help="print what is wrong on the texts tuned on")
    parser.add_argument("--alarms", action="store_true", help="print the real prompts that raise an alarm")
    options = parser.parse_args()
    texts = read_labelled()
    tuned_on = [text for text in texts if text.id <= LAST_TUNED_ON]
    held_out = [text for text in texts if text.id > LAST_TUNED_ON]
    print_table(f"tuned on ({len(tuned_on)})", tuned_on)
    print_table(f"held out ({len(held_out)})", held_out)
    if options.misses:
        for text in tuned_on:
            hazards = find_hazards(text.text)
            if (text.label == "unsafe") != bool(hazards):
                print(f"{text.id} {text.label}, {text.category}: {text.text!r}  {_told(hazards)}")

    sets = real_prompts()
    if not sets:
        print(f"real prompts: skipped, there is no {SHARED}")
    for name, prompts in sets.items():
        started = time.process_time()
        alarms = [(prompt, hazards) for prompt in prompts if (hazards := find_hazards(prompt))]
        spent = (time.process_time() - started) / len(prompts)
        print(f"{name:<44}{len(alarms):>3} alarms on {len(prompts):,} prompts, {1000 * spent:.2f} ms each")
        for prompt, hazards in alarms if options.alarms else []:
            print(f"    {_told(hazards)}: {prompt}")


def _told(hazards: Sequence[Hazard]) -> str:
    return ", ".join(f"{hazard.category} {hazard.words!r}" for hazard in hazards)


if __name__ == "__main__":
    main()
