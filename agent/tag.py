"""`retake graph tag`: raw captions in, tagged captions out; by a language model where one is given, else by rules."""

import json
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from tempfile import TemporaryFile
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from agent.errors import ModelError, UsageError
from agent.language_model import LanguageModel, Message

if TYPE_CHECKING:
    from graph_store.captions import RejectedRow
    from graph_store.records import TaggedCaption

REJECTED_SHOWN = 10
REPLY_TOKENS = 2048
"""Longest reply. Tags repeat words of a caption, which has 4,000 characters at most: about 1,000 tokens of English."""


@dataclass(frozen=True)
class Tagging:
    """Captions with their tags, in the order they came in, and who tagged how many."""

    captions: "tuple[TaggedCaption, ...]"
    by_model: int = 0
    by_rules: int = 0
    already_tagged: int = 0
    failures: Sequence[str] = field(default=())
    """Why the model gave no reply, once for each call that failed; its captions were tagged by rules."""


def tag_captions(
    captions: "Sequence[TaggedCaption]",
    language_model: LanguageModel | None = None,
    concurrency: int = 1,
    on_caption: Callable[[], None] = lambda: None,
) -> Tagging:
    """The captions with tags; those that came with some keep them.

    Args:
        captions: As read from a file.
        language_model: Asked once a caption. The rules tag where the call fails or the reply is not the JSON asked for,
            and everything when it is None.
        concurrency: Calls under way at a time.
        on_caption: Called after each caption that was tagged here, from this thread.

    Raises:
        UsageError: The model's key, name or address is wrong; no further caption is asked about.
    """
    from graph_store.extract import Extraction, extract_with, is_tagged
    from graph_store.rules import tag_caption

    failures: list[str] = []

    def tag(text: str) -> Extraction:
        if language_model is None:
            return Extraction((tag_caption(text),), fallbacks=1)
        return extract_with(partial(_ask, language_model, failures), [text])

    untagged = [caption.text for caption in captions if not is_tagged(caption)]
    found: list[Extraction] = []
    with ThreadPoolExecutor(concurrency) as pool:
        for extraction in pool.map(tag, untagged):
            found.append(extraction)
            on_caption()
    by_rules = sum(extraction.fallbacks for extraction in found)
    tagged_here = iter(found)
    return Tagging(
        captions=tuple(caption if is_tagged(caption) else next(tagged_here).captions[0] for caption in captions),
        by_model=len(untagged) - by_rules,
        by_rules=by_rules,
        already_tagged=len(captions) - len(untagged),
        failures=failures,
    )


def _ask(
    language_model: LanguageModel, failures: list[str], messages: list[dict[str, str]], schema: Mapping[str, Any]
) -> str:
    """The model's reply; empty when there is none, with the reason added to `failures`."""
    try:
        return language_model.reply(cast("list[Message]", messages), seed=0, schema=schema).text
    except ModelError as problem:
        failures.append(str(problem))
        return ""


def tag_command(
    captions: Annotated[Path, typer.Argument(help="A .jsonl, .csv or .txt file.")],
    out: Annotated[Path, typer.Option("--out", help="The .jsonl file to write, for `retake graph build`.")],
    llm_base_url: Annotated[
        str | None, typer.Option("--llm-base-url", help="OpenAI-compatible server that tags; without it rules do.")
    ] = None,
    llm_model: Annotated[str | None, typer.Option("--llm-model", help="The model on that server.")] = None,
    concurrency: Annotated[
        int, typer.Option("--concurrency", min=1, max=64, help="Calls to the server at a time.")
    ] = 4,
) -> None:
    """Tags captions with their scenes, subjects, actions and atmospheres; those that have tags keep them."""
    from rich.console import Console
    from rich.progress import MofNCompleteColumn, Progress

    from agent.run_folder import write_text
    from graph_store.captions import read_captions
    from graph_store.extract import is_tagged

    _check_out(out, captions)
    read = read_captions(captions)
    if not read.captions:
        raise UsageError(f"{captions} holds no caption that can be used; {len(read.rejected):,} rows were rejected")
    language_model = _open_model(llm_base_url, llm_model)
    _make_folder(out)
    columns = (*Progress.get_default_columns(), MofNCompleteColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("tagging", total=sum(not is_tagged(caption) for caption in read.captions))
        tagging = tag_captions(read.captions, language_model, concurrency, lambda: progress.advance(task))
    rows = (
        json.dumps({"caption": row.pop("text"), **row}, ensure_ascii=False) for row in map(asdict, tagging.captions)
    )
    write_text(out, "".join(f"{row}\n" for row in rows))
    _print_outcome(out, tagging, read.rejected)


def _check_out(out: Path, captions: Path) -> None:
    if out.suffix.lower() != ".jsonl":
        raise UsageError(f"--out {out} must end in .jsonl, so that `retake graph build` can tell what it is")
    if out.is_dir():
        raise UsageError(f"--out {out} is a folder; name a file in it")
    if out.resolve() == captions.resolve():
        raise UsageError(f"--out {out} is the caption file itself; choose another --out")


def _make_folder(out: Path) -> None:
    """Makes the folder of `out` and tries to write there, before anything is spent on the model."""
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        TemporaryFile(dir=out.parent).close()
    except OSError as problem:
        raise UsageError(f"can't write {out}: {problem.strerror or problem}; choose another --out") from None


def _open_model(base_url: str | None, model: str | None) -> LanguageModel | None:
    """The model, after it answered one short question; None when no server is named. Raises UsageError."""
    if base_url is None and model is None:
        return None
    if base_url is None or model is None:
        raise UsageError("tagging with a language model needs both --llm-base-url and --llm-model")
    from agent.llm.openai_compatible import OpenAICompatible

    opened = OpenAICompatible(base_url, model, temperature=0.0, max_tokens=REPLY_TOKENS)
    opened.check()
    return opened


def _print_outcome(out: Path, tagging: Tagging, rejected: "Sequence[RejectedRow]") -> None:
    from rich.console import Console
    from rich.markup import escape

    console = Console(soft_wrap=True, highlight=False)
    console.print(
        f"{len(tagging.captions):,} captions: {tagging.by_model:,} tagged by the model, {tagging.by_rules:,} by rules, "
        f"{tagging.already_tagged:,} tagged already; {len(rejected):,} rows rejected"
    )
    if tagging.failures:
        console.print(f"[yellow]{len(tagging.failures):,} calls failed[/], the first: {escape(tagging.failures[0])}")
    for row in rejected[:REJECTED_SHOWN]:
        console.print(f"  line {row.line}: {escape(row.reason)}  [dim]{escape(row.excerpt)}[/dim]")
    if len(rejected) > REJECTED_SHOWN:
        console.print(f"  and {len(rejected) - REJECTED_SHOWN:,} more")
    console.print(f"tagged captions in {escape(str(out))}")
