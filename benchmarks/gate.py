"""What does the gate let through? Prompts of other projects, rewritten by several peers, before and after the screen.

    python benchmarks/gate.py [../shared/data] [--prompts 200] [--published 200] [--seed 0] [--show 30]

A row a peer. An atom is a question of the prompt's checklist; it is lost when `missing_concepts` says so, so "lost
after" is 0 unless the screen is broken. "damage left" is told by the peer that did the damage, which looks at letters
and knows nothing of checklists: those are what the screen did not see. Published rewrites were made by GPT-4o, Wan's
and Hunyuan's rewriters for VBench's prompts: what is mended or dropped of them is a false alarm, or a true one; --show
prints some of both to be read.
"""

import argparse
import csv
import json
import random
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from agent.config import PrinciplesConfig, RetrieveConfig
from agent.errors import UsageError
from agent.hold_prompt import hold_prompt
from agent.prompt_flags import read_prompt
from agent.rewriter import Rewriter, RewriteTask
from agent.rewriters.llm import LLMRewriter
from agent.rewriters.rules import RulesRewriter
from agent.screen import Screened, screen_text
from agent.store import open_store
from benchmarks.gate_peers import WORD_LIMIT, spoil
from feedback.checklist import make_checklist, missing_concepts
from feedback.english import CLOSED
from feedback.lexicon import words_of
from feedback.records import Question
from graph_store.store import ModifierStore

DATA = Path(__file__).parents[2] / "shared" / "data"
PUBLISHED = {
    "GPT-4o": "all_dimension_longer.txt", "Wan": "all_dimension_aug_wanx_seed42.txt",
    "Hunyuan": "hunyuan_all_dimension.txt",
}  # fmt: skip
PEERS = ("spoilt", "published", "rules", "random")


@dataclass
class Tally:
    """What the screen made of one peer's rewrites."""

    name: str
    rewrites: int = 0
    unchanged: int = 0
    mended: int = 0
    dropped: Counter[str] = field(default_factory=Counter[str])
    """By rule."""
    atoms: int = 0
    lost_before: int = 0
    counts_before: int = 0
    lost_after: int = 0
    counts_after: int = 0
    damage: int = 0
    """Rewrites that came with damage."""
    damage_left: int = 0
    """Of those, the ones that passed with it."""

    def add(self, raw: str, prompt: str, checklist: Sequence[Question], language: str) -> Screened:
        """Screens one rewrite."""
        screened = screen_text(raw, prompt=prompt, checklist=checklist, word_limit=WORD_LIMIT, language=language)
        self.rewrites += 1
        self.atoms += len(checklist)
        self.lost_before, self.counts_before = _add(self.lost_before, self.counts_before, checklist, raw)
        if screened.dropped:
            self.dropped[screened.dropped.split(":")[0]] += 1
            return screened
        self.unchanged += screened.raw_text is None
        self.mended += screened.raw_text is not None
        self.lost_after, self.counts_after = _add(self.lost_after, self.counts_after, checklist, screened.text)
        return screened


def _add(lost: int, counts: int, checklist: Sequence[Question], text: str) -> tuple[int, int]:
    missing = missing_concepts(checklist, text)
    return lost + len(missing), counts + sum(question.kind == "count" for question in missing)


def draw_prompts(data: Path, count: int, seed: int) -> list[str]:
    """So many prompts, the same number of each project, as a run would take them; what a run refuses is left out."""
    sources = [
        _lines(data / "vbench" / "all_dimension.txt"),
        json.loads((data / "vpo" / "queries_sample.json").read_text(encoding="utf-8")),
        [line for path in sorted((data / "prompt_a_video").glob("*.txt")) for line in _lines(path)],
        [*_lines(data / "rapo" / "test_prompts.txt"), *_columns(data / "rapo")],
    ]
    draw = random.Random(seed)  # noqa: S311
    drawn: list[str] = []
    for number, source in enumerate(sources, start=1):
        texts = list(dict.fromkeys(text for raw in source if (text := _words_of(raw))))
        drawn += draw.sample(texts, min(len(texts), (count - len(drawn)) // (len(sources) - number + 1)))
    return drawn


def _lines(path: Path) -> list[str]:
    return [line.strip() for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]


def _columns(folder: Path) -> Iterator[str]:
    tables = {"graph_test1.csv": "Input", "graph_test2.csv": "Input", "sspo_examples.csv": "captions"}
    for name, column in tables.items():
        with (folder / name).open(encoding="utf-8", newline="") as file:
            yield from (row[column] for row in csv.DictReader(file))


def _words_of(raw: str) -> str | None:
    try:
        return hold_prompt(read_prompt(raw).text, PrinciplesConfig()).text
    except UsageError:
        return None


def measure_rewriter(
    name: str, rewriter: Rewriter, prompts: Sequence[str], n: int, store: ModifierStore | None
) -> Tally:
    """Up to n drafts of a rewriter for each prompt, as in the first round of a run."""
    tally = Tally(name)
    for number, prompt in enumerate(prompts):
        checklist = tuple(make_checklist(prompt))
        modifiers = tuple(store.retrieve(prompt, 5).modifiers) if store else ()
        for draft in rewriter.rewrite(RewriteTask(prompt, checklist, modifiers, n=n, seed=number)):
            tally.add(draft.text, prompt, checklist, "" if rewriter.name == "rules" else "en")
    return tally


def measure_random(prompts: Sequence[str], store: ModifierStore | None) -> Tally:
    """One draft of a model of random weights for each prompt."""
    from agent.llm.transformers_local import TransformersLanguageModel
    from benchmarks.babbler import build_babbler

    with tempfile.TemporaryDirectory() as folder:
        model = TransformersLanguageModel(str(build_babbler(Path(folder), list(prompts))), device="cpu", max_tokens=40)
        return measure_rewriter("random language model", LLMRewriter(model), prompts, 1, store)


def measure_spoilt(prompts: Sequence[str], seed: int) -> tuple[list[Tally], list[str]]:
    """A tally for each way of damage, and the texts that passed with theirs."""
    draw = random.Random(seed)  # noqa: S311
    tallies, left = dict[str, Tally](), list[str]()
    for prompt in prompts:
        checklist = make_checklist(prompt)
        for spoiled in spoil(prompt, draw):
            tally = tallies.setdefault(spoiled.how, Tally(f"spoilt: {spoiled.how}"))
            screened = tally.add(spoiled.text, prompt, checklist, "en")
            tally.damage += spoiled.how != "nothing lost"
            if screened.dropped is None and spoiled.is_left(screened.text):
                tally.damage_left += 1
                left.append(f"{spoiled.how}\n    prompt {prompt}\n    passed {screened.text}")
    return list(tallies.values()), left


def measure_published(data: Path, count: int, seed: int) -> tuple[list[Tally], list[str]]:
    """A tally for each rewriter on so many prompts of VBench, and what was mended or dropped."""
    prompts, tallies, alarms = _lines(data / "vbench" / "all_dimension.txt"), list[Tally](), list[str]()
    drawn = sorted(random.Random(seed).sample(range(len(prompts)), min(count, len(prompts))))  # noqa: S311
    for name, file in PUBLISHED.items():
        tally, lines = Tally(f"published: {name}"), _lines(data / "vbench" / file)
        gap = _missing_line(prompts, lines)
        for number in drawn:
            if number == gap:
                continue
            prompt, text = prompts[number], lines[number - (number > gap)]
            screened = tally.add(text, prompt, make_checklist(prompt), "en")
            if screened.raw_text or screened.dropped:
                why = screened.dropped or "; ".join(
                    f"{found.rule}: {found.detail}" for found in screened.findings if found.rule != "helpful"
                )
                alarms.append(f"{name}: {why}\n    prompt {prompt}\n    text   {text}")
        tallies.append(tally)
    return tallies, alarms


def _missing_line(prompts: Sequence[str], lines: Sequence[str]) -> int:
    """Which prompt has no line, by the words they share: two of the published lists miss one. All have theirs: none."""
    if len(lines) == len(prompts):
        return len(prompts)
    before = [_shared(prompt, line) for prompt, line in zip(prompts, lines, strict=False)]
    after = [_shared(prompt, line) for prompt, line in zip(prompts[1:], lines, strict=False)]
    return max(range(len(prompts)), key=lambda gap: sum(before[:gap]) + sum(after[gap:]))


def _shared(prompt: str, line: str) -> int:
    """How many words two texts share that carry meaning."""
    return len((set(words_of(prompt)) & set(words_of(line))) - CLOSED)


def print_heads() -> None:
    """The head of the table."""
    heads = ("rewrites", "as is", "mended", "dropped", "atoms", "lost", "after", "counts", "after")
    print(f"{'peer':<26}" + "".join(f"{head:>9}" for head in heads) + f"{'damage left':>13}  dropped by", flush=True)


def print_rows(tallies: Sequence[Tally]) -> None:
    """A row a peer."""
    for row in tallies:
        rules = ", ".join(f"{rule} {times}" for rule, times in row.dropped.most_common())
        damage = f"{row.damage_left}/{row.damage}" if row.damage else "—"
        figures = (
            row.rewrites, row.unchanged, row.mended, row.dropped.total(), row.atoms, row.lost_before, row.lost_after,
            row.counts_before, row.counts_after,
        )  # fmt: skip
        columns = "".join(f"{figure:>9}" for figure in figures)
        print(f"{row.name:<26}{columns}{damage:>13}  {rules}", flush=True)


def main() -> None:
    """Prints the table, and samples to be read."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "data", type=Path, nargs="?", default=DATA, help="folder with vbench, vpo, prompt_a_video, rapo"
    )
    parser.add_argument("--prompts", type=int, default=200)
    parser.add_argument(
        "--published", type=int, default=200, help="how many of VBench's prompts, with three rewrites each"
    )
    parser.add_argument("--peers", nargs="+", choices=PEERS, default=PEERS)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--show", type=int, default=0, help="how many alarms and how many misses to print")
    options = parser.parse_args()
    try:
        prompts = draw_prompts(options.data, options.prompts, options.seed)
    except (FileNotFoundError, NotADirectoryError) as missing:
        sys.exit(f"no prompts at {missing.filename}: give the folder that holds vbench, vpo, prompt_a_video and rapo")
    empty = sum(not make_checklist(prompt) for prompt in prompts)
    print(f"{len(prompts)} prompts, {empty} of them without a checklist")
    print_heads()
    left, alarms = list[str](), list[str]()
    if "spoilt" in options.peers:
        tallies, left = measure_spoilt(prompts, options.seed)
        print_rows(tallies)
    if "published" in options.peers:
        tallies, alarms = measure_published(options.data, options.published, options.seed)
        print_rows(tallies)
    store = open_store(RetrieveConfig(graph="starter"), "") if {"rules", "random"} & set(options.peers) else None
    if "rules" in options.peers:
        print_rows([measure_rewriter("rules, starter graph", RulesRewriter(store), prompts, 4, store)])
    if "random" in options.peers:
        print_rows([measure_random(prompts, store)])
    draw = random.Random(options.seed)  # noqa: S311
    for title, texts in (("passed with damage", left), ("alarm", alarms)):
        for text in draw.sample(texts, min(options.show, len(texts))):
            print(f"\n{title}, {text}")


if __name__ == "__main__":
    main()
