"""The data card: README.md with the front matter that `datasets` and the hub read."""

import json
from collections import Counter
from collections.abc import Iterator
from typing import Any

import yaml

from agent.bench.markdown import write_rows
from finetune.data.dataset import Dataset
from finetune.data.harvest import PARTS
from finetune.data.histogram import draw_histogram
from finetune.data.names import NAMES, TEST

_MESSAGES = [{"name": "role", "dtype": "string"}, {"name": "content", "dtype": "string"}]
_TYPES: dict[str, dict[str, Any]] = {
    **{name: {"list": _MESSAGES} for name in ("prompt", "completion", "chosen", "rejected")},
    **{name: {"dtype": "float64"} for name in ("score", "score_chosen", "score_rejected", "margin", "verified_gain")},
    "label": {"dtype": "bool"},
    "seeds": {"list": "int64"},
}
"""Of columns that are no strings. Said in the card, because a file whose values are all unknown does not show them."""


class _PlainDumper(yaml.SafeDumper):
    """Says everything in full, without anchors."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002 - as in yaml.Dumper
        return True


def write_card_text(dataset: Dataset) -> str:
    """The whole card."""
    front = yaml.dump(_front_matter(dataset), Dumper=_PlainDumper, sort_keys=False, allow_unicode=True)
    lines = [f"---\n{front}---", "", "# Rewrites of video prompts", "", *_introduction(dataset)]
    lines += ["", "## Rows", "", *write_rows(("set", "train", "test", "what told better from worse"), _counts(dataset))]
    lines += ["", *[f"- {note}" for note in dataset.notes]] if dataset.notes else []
    lines += ["", "## Made with", "", *write_rows(("part", "model", "runs"), _models(dataset))]
    lines += ["", "## Rules", "", *write_rows(("for", "rule"), _rules(dataset))]
    lines += [
        "",
        "## Left out",
        "",
        *write_rows(("why", "count"), ((why, str(n)) for why, n in sorted(dataset.dropped.items()))),
    ]
    if dataset.unfinished:
        lines += ["", f"Not finished: {', '.join(folder.name for folder in dataset.unfinished)}."]
    lines += ["", "## How far apart the candidates are", "", *_histograms(dataset)]
    lines += ["", "## Licence", "", *_licence(dataset)]
    return "\n".join(lines) + "\n"


def _front_matter(dataset: Dataset) -> dict[str, Any]:
    sets = [name for name in NAMES if dataset.rows[name] or dataset.rows[name + TEST]]
    return {
        "pretty_name": "Rewrites of video prompts",
        "language": [dataset.brief.target_lang] if dataset.brief.target_lang else [],
        "task_categories": ["text-generation"],
        "tags": ["text-to-video", "prompt-rewriting", "retake", "trl"],
        "configs": [
            {
                "config_name": name,
                "data_files": [
                    {"split": split, "path": f"{name}{end}.jsonl"}
                    for split, end in (("train", ""), ("test", TEST))
                    if dataset.rows[name + end]
                ],
            }
            for name in sets
        ],
        "dataset_info": [{"config_name": name, "features": _features(dataset, name)} for name in sets],
    }


def _features(dataset: Dataset, name: str) -> list[dict[str, Any]]:
    row = next(row for file in (name, name + TEST) for row in dataset.rows[file])
    return [{"name": column, **_TYPES.get(column, {"dtype": "string"})} for column in row.columns(dataset.brief)]


def _introduction(dataset: Dataset) -> Iterator[str]:
    yield "Prompts as people type them, and what became of other wordings of them when videos were made of both, by"
    yield "`retake distill pairs`. Rows are conversational, in TRL's columns: `prompt` is what a distilled rewriter is"
    yield "told, the answer is the text for the generator alone. `brief.json` holds what it is told beside the prompt:"
    brief = dataset.brief.model_dump(exclude={"template"})
    yield from ("", "```json", json.dumps(brief, ensure_ascii=False), "```", "")
    name = next(name for name in NAMES if dataset.rows[name])
    yield from ("```python", f'datasets.load_dataset("FOLDER", "{name}")', "```", "")
    yield "`dataset_info.json` and `llama_factory/` hold the same rows for LLaMA-Factory: `dataset_dir: FOLDER`,"
    yield f"`dataset: {name}`, `eval_dataset: {name}{TEST}`."


def _counts(dataset: Dataset) -> Iterator[tuple[str, ...]]:
    for name in NAMES:
        both = [*dataset.rows[name], *dataset.rows[name + TEST]]
        kinds = Counter(row.kind for row in both)
        told = ", ".join(f"{kind} {count}" for kind, count in sorted(kinds.items()))
        yield name, str(len(dataset.rows[name])), str(len(dataset.rows[name + TEST])), told


def _models(dataset: Dataset) -> Iterator[tuple[str, ...]]:
    for part in PARTS:
        models = Counter(harvest.made_by[part] or "not recorded" for harvest in dataset.harvests)
        yield from ((part, model, str(count)) for model, count in models.most_common())
    yield from (("imported from", name, f"{count} rows") for name, count in dataset.imported.items())


def _rules(dataset: Dataset) -> Iterator[tuple[str, ...]]:
    rules = dataset.rules
    yield "sft", f"the winner, when its gain on seeds that chose nothing is above {rules.min_gain:g}"
    yield "sft", "the prompt itself, when it reached the score threshold of its run as it was typed"
    measured = f"{rules.margin:g} or more on {rules.min_seeds} or more common seeds"
    dominance = ", and worse in no dimension beyond the slack" if rules.dominance else ""
    yield "dpo, render", f"the chosen text is better by {measured}{dominance}"
    yield "dpo, render", f"it shows no less of what was asked than the prompt as typed; {rules.per_prompt} of a prompt"
    yield "dpo, screen", f"mended over flawed texts, the best over dropped ones; {rules.screen_per_prompt} of a prompt"
    yield "kto, true", "the winners of sft"
    yield "kto, false", f"what is worse than the prompt as typed by {measured}, or was dropped by the screen"
    yield (
        "nearly the same",
        f"texts whose pairs of neighbouring words have a Jaccard similarity of {rules.near:g} or more",
    )
    yield "split", f"{rules.test_share:g} of the prompts are held out, by their hash and the seed {rules.split_seed}"
    yield "split", "prompts that are nearly the same stay together"


def _histograms(dataset: Dataset) -> Iterator[str]:
    rules = dataset.rules
    met = [found for harvest in dataset.harvests for found in harvest.comparisons]
    leads = [found.lead for found in met if found.lead is not None]
    if not met:
        yield "No two candidates were compared."
        return
    yield f"Difference of the overall scores, all {len(met)} compared pairs of candidates:"
    yield from ("", "```text", *draw_histogram([found.margin for found in met], rules.margin, "--margin"), "```", "")
    used = "" if rules.dominance else " (not used here)"
    yield f"The least that the better one is ahead in any dimension, slack added; below 0 it does not dominate{used}:"
    yield from ("", "```text", *draw_histogram(leads, 0.0, "dominance"), "```")


def _licence(dataset: Dataset) -> Iterator[str]:
    yield "None is set: whoever publishes this has to choose one. The prompts belong to those who typed them. Where a"
    yield "language model wrote the texts (the rewriter above), its terms may say what its output may train."
    if dataset.imported:
        yield f"Rows from {', '.join(dataset.imported)} stay under the terms of their publishers (VPO: Apache-2.0;"
        yield "Prompt-A-Video states none)."
