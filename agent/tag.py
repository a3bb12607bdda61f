"""`retake graph tag`: raw captions in, tagged captions out; by a language model where one is given, else by rules.

The caption file is gone through caption by caption, and more than once: to see what is in it before anything is spent,
to ask the model, whose tags go to a cache, and to write. So a million captions take no more memory than ten.
"""

import json
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Annotated

import typer

from agent.errors import UsageError
from agent.tag_cache import TagCache
from agent.tag_interview import REPLY_TOKENS, Interview
from graph_store.cache import find_cache_dir
from graph_store.captions import RejectedRow, iter_captions
from graph_store.extract import is_tagged
from graph_store.records import TaggedCaption
from graph_store.rules import tag_caption

SHOWN = 10
"""Failures, and rejected rows, that are printed."""
EXCERPT_LENGTH = 60

Show = Callable[[str, int, int], None]
"""Called with what is being done, how many captions more are done, and how many there are in all."""


@dataclass(frozen=True)
class Failure:
    """A caption that the model failed on and the rules tagged."""

    line: int
    """From 1, in the file that was written."""
    caption: str
    reason: str


@dataclass
class Tagging:
    """What became of a caption file."""

    captions: int = 0
    untagged: int = 0
    """Of these, the ones that came without tags."""
    by_model: int = 0
    by_rules: int = 0
    calls: int = 0
    """To the model, those that failed included."""
    failures: list[Failure] = field(default_factory=list)
    rejected: list[RejectedRow] = field(default_factory=list)


def tag_file(captions: Path, out: Path, interview: Interview | None = None, show: Show = lambda *_: None) -> Tagging:
    """Writes the captions with tags, in their order; those that came with some keep them.

    `out` and, where the model failed on captions, the list of these beside it (see `failures_file`) are each written
    whole or not at all.

    Args:
        captions: A .jsonl, .csv or .txt file.
        out: A .jsonl file, a line a caption.
        interview: Asks the model. The rules tag where it fails, and everything when it is None.
        show: Told of the progress, from this thread.

    Raises:
        UsageError: No caption can be used, the output can't be written, or the interview can't go on.
        GraphStoreError: The caption file can't be read.
    """
    tagging = Tagging()
    for caption in iter_captions(captions, tagging.rejected):
        tagging.captions += 1
        tagging.untagged += not is_tagged(caption)
    if not tagging.captions:
        raise UsageError(f"{captions} holds no caption that can be used; {len(tagging.rejected):,} rows were rejected")
    _make_folder(out)
    if interview:
        texts = (caption.text for caption in iter_captions(captions, []) if not is_tagged(caption))
        interview.ask_about(texts, lambda done: show("asking", done, tagging.untagged))
        tagging.calls = interview.calls
    with _write_aside(out) as file:
        for line, caption in enumerate(iter_captions(captions, []), 1):
            tagged = caption if is_tagged(caption) else _tag(caption.text, line, interview, tagging)
            row = asdict(tagged)
            file.write(json.dumps({"caption": row.pop("text"), **row}, ensure_ascii=False) + "\n")
            show("writing", 1, tagging.captions)
    _write_failures(out, tagging.failures)
    return tagging


def failures_file(out: Path) -> Path:
    """Where the captions are listed that the model failed on: `tagged.failed.jsonl` beside `tagged.jsonl`."""
    return out.with_suffix(".failed.jsonl")


def _tag(text: str, line: int, interview: Interview | None, tagging: Tagging) -> TaggedCaption:
    """The caption with the model's tags, else the rules'; counted in `tagging`."""
    if interview:
        if found := interview.find(text):
            tagging.by_model += 1
            return found
        tagging.failures.append(Failure(line, text, interview.failures.get(text, "the model was not asked about it")))
    tagging.by_rules += 1
    return tag_caption(text)


@contextmanager
def _write_aside(path: Path) -> Iterator[IO[str]]:
    """A text file that takes the place of `path` once it is whole. Raises UsageError when it can't be written."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with draft.open("w", encoding="utf-8") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    except OSError as problem:
        raise UsageError(f"can't write {path}: {problem.strerror or problem}; choose another --out") from None
    finally:
        draft.unlink(missing_ok=True)


def _write_failures(out: Path, failures: Sequence[Failure]) -> None:
    """The list beside `out`; none stays from an earlier run."""
    path = failures_file(out)
    if not failures:
        path.unlink(missing_ok=True)
        return
    with _write_aside(path) as file:
        file.writelines(json.dumps(asdict(failure), ensure_ascii=False) + "\n" for failure in failures)


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
    batch_size: Annotated[int, typer.Option("--batch-size", min=1, max=64, help="Captions a call at most.")] = 8,
) -> None:
    """Tags captions with their scenes, subjects, actions and atmospheres; those that have tags keep them.

    What a model says is kept: the same command goes on where it was broken off, and asks about no caption twice.
    """
    _check_out(out, captions)
    with _open_interview(llm_base_url, llm_model, batch_size, concurrency) as interview, _show_progress() as show:
        tagging = tag_file(captions, out, interview, show)
    _print_outcome(out, tagging)


def _check_out(out: Path, captions: Path) -> None:
    if out.suffix.lower() != ".jsonl":
        raise UsageError(f"--out {out} must end in .jsonl, so that `retake graph build` can tell what it is")
    if out.is_dir():
        raise UsageError(f"--out {out} is a folder; name a file in it")
    if out.resolve() == captions.resolve():
        raise UsageError(f"--out {out} is the caption file itself; choose another --out")
    if failures_file(out).resolve() == captions.resolve():
        raise UsageError(f"--out {out} would replace {captions} by the list of what failed; choose another --out")


def _make_folder(out: Path) -> None:
    """Makes the folder of `out` and tries to write there, before anything is spent on the model."""
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        TemporaryFile(dir=out.parent).close()
    except OSError as problem:
        raise UsageError(f"can't write {out}: {problem.strerror or problem}; choose another --out") from None


@contextmanager
def _open_interview(
    base_url: str | None, model: str | None, batch_size: int, concurrency: int
) -> Iterator[Interview | None]:
    """With the model, after it answered one short question; None when no server is named. Raises UsageError."""
    if base_url is None and model is None:
        yield None
        return
    if base_url is None or model is None:
        raise UsageError("tagging with a language model needs both --llm-base-url and --llm-model")
    from agent.llm.openai_compatible import OpenAICompatible

    opened = OpenAICompatible(base_url, model, temperature=0.0, max_tokens=REPLY_TOKENS)
    opened.check()
    with closing(TagCache(find_cache_dir() / "tags.sqlite", model)) as cache:
        yield Interview(opened, cache, batch_size, concurrency)


@contextmanager
def _show_progress() -> Iterator[Show]:
    from rich.console import Console
    from rich.progress import MofNCompleteColumn, Progress

    columns = (*Progress.get_default_columns(), MofNCompleteColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        tasks = {}

        def show(what: str, done: int, of: int) -> None:
            if what not in tasks:
                tasks[what] = progress.add_task(what, total=of)
            progress.advance(tasks[what], done)

        yield show


def _print_outcome(out: Path, tagging: Tagging) -> None:
    from rich.console import Console
    from rich.markup import escape

    console = Console(soft_wrap=True, highlight=False)
    console.print(
        f"{tagging.captions:,} captions: {tagging.by_model:,} tagged by the model, {tagging.by_rules:,} by rules, "
        f"{tagging.captions - tagging.untagged:,} tagged already; {len(tagging.rejected):,} rows rejected"
    )
    for row in tagging.rejected[:SHOWN]:
        console.print(f"  line {row.line}: {escape(row.reason)}  [dim]{escape(row.excerpt)}[/dim]")
    if len(tagging.rejected) > SHOWN:
        console.print(f"  and {len(tagging.rejected) - SHOWN:,} more")
    if tagging.failures:
        console.print(
            f"[yellow]the model failed on {len(tagging.failures):,} captions[/], which the rules tagged; they are "
            f"listed in {escape(str(failures_file(out)))}, and the same command asks about them again"
        )
    for failure in tagging.failures[:SHOWN]:
        excerpt = failure.caption[:EXCERPT_LENGTH]
        console.print(f"  line {failure.line}: {escape(failure.reason)}  [dim]{escape(excerpt)}[/dim]")
    if len(tagging.failures) > SHOWN:
        console.print(f"  and {len(tagging.failures) - SHOWN:,} more")
    console.print(f"tagged captions in {escape(str(out))}" + (f"; {tagging.calls:,} calls" if tagging.calls else ""))
