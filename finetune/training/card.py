"""The model card: README.md of a trained rewriter, TRL's facts and ours."""

import shlex
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from agent.bench.markdown import write_rows
from agent.llm.shipped import is_on_hub
from agent.rewriter_card import RewriterBrief, RewriterCard
from finetune.errors import DistillError
from finetune.training.prepare import Prepared
from finetune.training.settings import S

try:
    from huggingface_hub import CardData, ModelCard
except ImportError as error:
    raise DistillError(f'training needs more packages ({error}): pip install "retake[train]"') from error

WHAT_IT_IS = (
    "Writes a prompt anew for a text-to-video generator. Trained by Retake on what its loop of rendering, judging and "
    "rewriting found."
)
TAGS = ["retake", "prompt-rewriting"]
VLLM_RANKS = (8, 16, 32, 64, 128, 256, 320, 512)
"""What `vllm serve --max-lora-rank` takes."""
DATA_CARD = "data.md"
MEASURES = {
    "eval_loss": "loss",
    "eval_mean_token_accuracy": "share of tokens that are the likeliest",
    "eval_rewards/margins": "reward margin, chosen over rejected",
    "eval_rewards/accuracies": "pairs in which the chosen text has the higher reward",
}
PROVENANCE = {"renderer": "renderers", "kind": "kinds of rows"}
"""Columns of the rows that the card tells of, where they are there."""


def describe_run(trl_card: Path, prepared: Prepared[S], card: RewriterCard, state: Any, rank: int | None) -> str:
    """The card's text. `state` is the trainer's at the end, `rank` the adapter's, None for a whole model."""
    drawn_up = ModelCard.load(trl_card)
    facts = {name: value for name, value in drawn_up.data.to_dict().items() if name != "licence"}
    facts |= {"tags": [*facts.get("tags", []), *TAGS], "pipeline_tag": "text-generation"}
    facts["library_name"] = "transformers" if rank is None else "peft"
    _, heading, of_trl = drawn_up.text.partition("## Training procedure")
    parts = [
        f"---\n{CardData(**facts).to_yaml()}\n---",
        f"# {prepared.folder.path.name}",
        WHAT_IT_IS,
        *_rows(prepared, card),
        *_measured(prepared, state),
        *describe_brief(card.brief),
        *describe_use(prepared.folder.path.name, card, rank),
        heading + of_trl.rstrip(),
    ]
    return "\n\n".join(part for part in parts if part.strip()) + "\n"


def describe_merged(name: str, adapter: str, card: RewriterCard) -> str:
    """The card's text of an adapter that was laid into its base."""
    facts: dict[str, Any] = {"library_name": "transformers", "pipeline_tag": "text-generation"}
    if is_on_hub(card.base):
        facts["base_model"] = card.base
    parts = [
        f"---\n{CardData(**facts, tags=TAGS).to_yaml()}\n---",
        f"# {name}",
        WHAT_IT_IS,
        f"The adapter {adapter} ({', then '.join(card.trained)}) laid into {card.base}, whose licence applies.",
        *describe_brief(card.brief),
        *describe_use(name, card, None),
    ]
    return "\n\n".join(parts) + "\n"


def _rows(prepared: Prepared[S], card: RewriterCard) -> Iterator[str]:
    data = prepared.data
    told_there = f"; [its card]({DATA_CARD}) tells judges and rules" if data.card else ""
    facts = {
        "trained": ", then ".join(card.trained),
        "base": f"{card.base}" + (f" at {card.base_revision}" if card.base_revision else "") + "; its licence applies",
        "weights": "all" if card.kind == "model" else "a LoRA adapter",
        "data": f"{data.folder.name}, {data.method}, sha256 {data.sha256[:16]}{told_there}",
        "rows": f"{len(prepared.train.rows)} to train on, {len(prepared.held_out.rows)} held out by prompt",
        "left out": f"{prepared.train.too_long + prepared.held_out.too_long} too long, {data.same} of equal texts",
    }
    facts |= {said: ", ".join(found) for name, said in PROVENANCE.items() if (found := data.provenance(name))}
    yield "## What it was trained on"
    yield "\n".join(write_rows(("", ""), facts.items()))
    settings = prepared.settings.model_dump(exclude={"model"}, exclude_none=True) | {
        "learning_rate": prepared.settings.rate
    }
    yield f"Settings: {', '.join(f'{name} {value}' for name, value in settings.items())}."


def _measured(prepared: Prepared[S], state: Any) -> Iterator[str]:
    yield "## On held-out prompts"
    measured = [line for line in state.log_history if "eval_loss" in line]
    if not measured:
        yield "Not measured: there were no held-out rows."
        return
    first, kept = measured[0], kept_measure(state)
    # Rewards are differences from the start: there are none before.
    before = {key: "" if "rewards" in key else f"{first[key]:.4f}" for key in MEASURES if key in first}
    rows = [(said, before[key], f"{kept[key]:.4f}") for key, said in MEASURES.items() if key in kept]
    yield "\n".join(write_rows(("", "before", f"kept, update {kept['step']} of {state.global_step}"), rows))
    if kept["eval_loss"] >= first["eval_loss"]:
        yield "**The held-out loss did not fall**: on prompts it has not seen this rewriter need not be any better."
    yield "![loss](loss.svg)" + (" ![margin](margin.svg)" if prepared.method == "dpo" else "")
    yield "Whether its texts make better videos is another question: `retake distill compare` answers it."


def kept_measure(state: Any) -> Mapping[str, Any]:
    """What was measured of the weights that are kept: the best checkpoint's, there being held-out rows."""
    measured = [line for line in state.log_history if "eval_loss" in line]
    return next((line for line in measured if line["step"] == state.best_global_step), measured[-1])


def describe_brief(brief: RewriterBrief) -> Iterator[str]:
    """What the rewriter is to be told."""
    yield "## What it is told"
    told = brief.model_dump(exclude={"template"}, exclude_none=True)
    yield f"In `rewriter.json`, too: {', '.join(f'{name} {value!r}' for name, value in told.items() if value != ())}."
    yield f"```jinja\n{brief.template.strip()}\n```"
    yield "It answers with the text alone."


def describe_use(name: str, card: RewriterCard, rank: int | None) -> Iterator[str]:
    """The commands that serve it."""
    yield "## How to use it"
    lines = [f'retake run "…" --rewriter {shlex.quote(name)}']
    if rank is None:
        lines += [f"vllm serve {shlex.quote(name)}", f"transformers serve {shlex.quote(name)}"]
    else:
        room = next((size for size in VLLM_RANKS if size >= rank), VLLM_RANKS[-1])
        serve = f"vllm serve {shlex.quote(card.base)} --enable-lora --max-lora-rank {room}"
        lines.append(f"{serve} --lora-modules retake={shlex.quote(name)}")
        merged = shlex.quote(f"{name}-merged")
        lines.append(f"retake distill merge {shlex.quote(name)} {merged} && transformers serve {merged}")
    yield "```\n" + "\n".join(lines) + "\n```"
