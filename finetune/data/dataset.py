"""The rows of many runs and published files in one: one brief, no prompt in both splits, everything dropped counted."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from agent.rewriter_card import RewriterBrief
from finetune.data.harvest import Harvest, best_measured, harvest_run
from finetune.data.names import NAMES, TEST
from finetune.data.published import read_published
from finetune.data.rows import DpoRow, KtoRow, Row, SftRow
from finetune.data.rules import Rules
from finetune.data.runs import UNFINISHED, FinishedRun, LeftOut, agree_on_brief, find_run_folders, read_runs
from finetune.data.split import held_out_items
from finetune.errors import DistillError

_SET_OF = {SftRow: "sft", DpoRow: "dpo", KtoRow: "kto"}


@dataclass(frozen=True)
class Dataset:
    """Everything that is written."""

    brief: RewriterBrief
    rules: Rules
    rows: Mapping[str, Sequence[Row]]
    """By file: "sft", "sft_test", …; those without rows have an empty list."""
    harvests: Sequence[Harvest]
    """Of the runs that were used."""
    imported: Mapping[str, int]
    """Published file to its number of rows."""
    left_out: Sequence[LeftOut]
    """Runs that were not used."""
    dropped: Mapping[str, int]
    """How much made no row, by reason."""

    @property
    def unfinished(self) -> list[Path]:
        """Folders of runs that can be resumed."""
        return [run.folder for run in self.left_out if run.reason == UNFINISHED]

    @property
    def notes(self) -> list[str]:
        """What a person should know before training, a sentence each."""
        said: list[str] = []
        labels = {row.label for row in self.rows["kto"] if isinstance(row, KtoRow)}
        if len(labels) == 1:
            said.append(f"all kto rows have the label {str(labels.pop()).lower()}: KTO needs both")
        said += [f"there are no {name} rows to train on" for name in NAMES if not self.rows[name]]
        if self.rules.test_share:
            said += [f"no {name} rows are held out" for name in NAMES if self.rows[name] and not self.rows[name + TEST]]
        return said


def make_dataset(paths: Sequence[Path], also: Sequence[Path], like: Path | None, rules: Rules) -> Dataset:
    """The rows of all runs at or below these paths, and of the published files.

    Raises DistillError when a file can't be read, the runs disagree on what a rewriter is told, or there is no row.
    """
    dropped: Counter[str] = Counter()
    published = [(path.name, read_published(path, rules, dropped)) for path in also]
    harvests, left_out = _harvest(find_run_folders(paths), like, rules)
    if not harvests:
        raise DistillError(
            f"none of the {len(left_out)} runs can be used: {_most(Counter(run.reason for run in left_out))}"
        )
    brief = agree_on_brief({harvest.folder: harvest.brief for harvest in harvests})
    used = best_measured(harvests, rules.near)
    taken = {harvest.folder for harvest in used}
    reason = "run: of a prompt that another run measured as often or more"
    left_out += [LeftOut(harvest.folder, reason) for harvest in harvests if harvest.folder not in taken]
    for harvest in used:
        dropped.update(harvest.dropped)
    rows = [row for harvest in used for name in NAMES for row in harvest.rows[name]]
    rows += [row for _, found in published for row in found]
    dropped.update(run.reason for run in left_out)
    if not rows:
        raise DistillError(f"not a single row can be made: {_most(dropped)}")
    return Dataset(
        brief=brief,
        rules=rules,
        rows=_split(_each_once(rows, dropped), rules),
        harvests=used,
        imported=Counter(name for name, found in published for _ in found),
        left_out=left_out,
        dropped=dropped,
    )


def _harvest(folders: Sequence[Path], like: Path | None, rules: Rules) -> tuple[list[Harvest], list[LeftOut]]:
    harvests: list[Harvest] = []
    left_out: list[LeftOut] = []
    for run in read_runs(folders):
        if isinstance(run, FinishedRun):
            harvests.append(harvest_run(run, rules))
        else:
            left_out.append(run)
    if like is None:
        return harvests, left_out
    model = next((h.brief for h in harvests if h.folder.resolve() == like.resolve()), None)
    if model is None:
        raise DistillError(f"--like {like} is none of the finished runs; name the folder of one of them")
    others = [LeftOut(h.folder, "run: told other things than --like") for h in harvests if h.brief != model]
    return [h for h in harvests if h.brief == model], left_out + others


def _each_once(rows: Iterable[Row], dropped: Counter[str]) -> list[Row]:
    """The rows without those that say the same of the same prompt."""
    seen: dict[tuple[str, ...], Row] = {}
    for row in rows:
        key = (_SET_OF[type(row)], row.item_id, *row.texts)
        if key in seen:
            dropped["row: there already"] += 1
        else:
            seen[key] = row
    return list(seen.values())


def _split(rows: Sequence[Row], rules: Rules) -> dict[str, list[Row]]:
    held_out = held_out_items((row.prompt for row in rows), rules.test_share, rules.split_seed, rules.near)
    split: dict[str, list[Row]] = {name + end: [] for name in NAMES for end in ("", TEST)}
    for row in rows:
        split[_SET_OF[type(row)] + (TEST if row.item_id in held_out else "")].append(row)
    return split


def _most(reasons: Counter[str]) -> str:
    """The reasons with their counts, the most frequent first."""
    return "; ".join(f"{reason} ({count})" for reason, count in reasons.most_common()) or "nothing was found"
