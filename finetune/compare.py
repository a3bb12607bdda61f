"""Distilled rewriters beside their controls and the loop, all measured by the bench.

Each control has one render a prompt: the prompt as typed, the base model shown examples, and the base model told what
the distilled ones are told. The loop has all of its renders.
"""

import json
from collections.abc import Sequence
from pathlib import Path

from agent.bench.entrants import hash_weights, read_rewriter
from agent.bench.measure import OnStep
from agent.bench.records import BenchSettings, Entrant
from agent.bench.result import BenchResult
from agent.bench.run import run_bench
from agent.config import RewriteConfig
from agent.errors import UsageError
from agent.prompt_flags import read_prompt
from agent.rewriter_card import RewriterBrief, RewriterCard, read_card
from agent.write_again import TRIES
from finetune.data.names import NAMES
from finetune.data.near import near_pairs
from finetune.data.rules import Rules
from finetune.errors import DistillError

METHODS = ("raw", "few_shot", "base", "sft", "dpo", "loop")
"""In the order of tables."""


def make_entrants(
    base: str | None, sft: Path | None, dpo: Path | None, config: RewriteConfig, tries: int = TRIES
) -> tuple[dict[str, Entrant], RewriterBrief]:
    """The rewriters that are compared, each with one render, and what they are told.

    Without a `base` it is the model that `sft` was trained from. Device, dtype, temperature and length of replies are
    the config's. Each is asked first at temperature 0, and up to `tries` times while the screen drops what it writes.
    Raises DistillError or UsageError for folders that can't be compared.
    """
    cards: dict[str, tuple[Path, RewriterCard]] = {
        name: (folder, read_card(folder)) for name, folder in (("sft", sft), ("dpo", dpo)) if folder
    }
    if not cards:
        raise DistillError("nothing to compare: name a rewriter with --sft, --dpo or both")
    briefs = {name: card.brief for name, (_, card) in cards.items()}
    if len(set(briefs.values())) > 1:
        differing = [
            key for key in RewriterBrief.model_fields if getattr(briefs["sft"], key) != getattr(briefs["dpo"], key)
        ]
        raise DistillError(
            f"--sft and --dpo were trained to be told other things ({', '.join(differing)}): compare each alone"
        )
    revision = None
    if base is None:
        if "sft" not in cards:
            raise DistillError("--base is needed without --sft: the model that training began with")
        base, revision = cards["sft"][1].base, cards["sft"][1].base_revision
    here = {name: getattr(config, name) for name in ("device", "dtype", "temperature", "max_tokens")}
    brief = next(iter(briefs.values()))
    plain = RewriteConfig(rewriter="llm", model=base, revision=revision, **here)
    entrants = {
        "few_shot": Entrant(rewrite=plain, few_shot=True, brief=brief, renders=1, tries=tries),
        "base": Entrant(rewrite=plain, brief=brief, renders=1, tries=tries),
    }
    for name, (folder, _) in cards.items():
        rewrite = read_rewriter(str(folder)).model_copy(update=here)
        entrants[name] = Entrant(rewrite=rewrite, renders=1, tries=tries, sha256=hash_weights(folder))
    return entrants, brief


def find_seen(prompts: Sequence[str], data: Path, brief: RewriterBrief) -> list[str]:
    """Those of the prompts that stand, in nearly the same words, in the training rows that `distill pairs` wrote.

    Raises DistillError when it holds no such rows.
    """
    files = [file for name in NAMES if (file := data / f"{name}.jsonl").is_file()]
    if not files:
        wanted = ", ".join(f"{name}.jsonl" for name in NAMES)
        raise DistillError(f"{data} holds none of {wanted}: name the folder that `retake distill pairs` wrote")
    told = sorted({said for file in files for said in _told_in(file)})
    met = near_pairs([*told, *(_told(prompt, brief) for prompt in prompts)], Rules().near)
    seen = {later - len(told) for earlier, later in met if earlier < len(told) <= later}
    return [prompts[position] for position in sorted(seen)]


def _told_in(file: Path) -> list[str]:
    """What the person said in each row."""
    try:
        with file.open(encoding="utf-8") as lines:
            return [json.loads(line)["prompt"][-1]["content"] for line in lines if line.strip()]
    except (OSError, ValueError, KeyError, TypeError, IndexError):
        raise DistillError(f"{file} holds no rows of training data: make it anew with `retake distill pairs`") from None


def _told(prompt: str, brief: RewriterBrief) -> str:
    try:
        return brief.messages(read_prompt(prompt).text)[-1]["content"]
    except UsageError:
        return ""


def run_comparison(prompts: Sequence[str], settings: BenchSettings, folder: Path, on_step: OnStep) -> BenchResult:
    """The bench of raw, the loop and the settings' entrants; the same call goes on where an earlier one ended."""
    return run_bench(prompts, ["raw", "loop"], settings, folder, on_step)
