"""A training run made ready: settings, rows, model and folder, all checked before any weights are read."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Generic

from rich.console import Console

from finetune.data.names import TEST
from finetune.errors import DistillError
from finetune.training.data import Method, TrainingData
from finetune.training.folder import TrainingFolder, is_main_process
from finetune.training.settings import S, TrainingSettings
from finetune.training.start import Start, find_start
from finetune.training.tokens import FittedRows, RowFormat

try:
    import datasets
    import torch
    from transformers.utils.import_utils import is_torch_bf16_gpu_available
except ImportError as error:
    raise DistillError(f'training needs more packages ({error}): pip install "retake[train]"') from error


@dataclass(frozen=True)
class Prepared(Generic[S]):
    """All that a trainer is made of, but for what is SFT's or DPO's own."""

    method: Method
    folder: TrainingFolder
    data: TrainingData
    settings: S
    start: Start
    format: RowFormat
    train: FittedRows
    held_out: FittedRows
    console: Console

    @property
    def dtype(self) -> torch.dtype:
        """Of the weights as they are loaded: full training keeps them in float32 and computes in bfloat16 beside."""
        return torch.bfloat16 if computes_in_bfloat16(self.settings) and not self.settings.full else torch.float32

    @property
    def train_dataset(self) -> datasets.Dataset:
        """The rows to train on."""
        return datasets.Dataset.from_list(self.train.rows)

    @property
    def eval_dataset(self) -> datasets.Dataset | None:
        """The rows to measure on, if there are any."""
        return datasets.Dataset.from_list(self.held_out.rows) if self.held_out.rows else None

    def tell(self, said: str) -> None:
        """Says it on the screen, as it is."""
        self.console.print(said, markup=False, highlight=False, soft_wrap=True)


def prepare(method: Method, data: TrainingData, folder: TrainingFolder, settings: S, console: Console) -> Prepared[S]:
    """Everything checked, and the folder begun; no weights are read. Raises DistillError or UsageError."""
    if settings.patience and not data.held_out:
        raise DistillError(
            f"--patience needs held-out rows, and {data.folder} has no {method}{TEST}.jsonl with rows in it: "
            "leave it out, or write pairs with a larger test share"
        )
    start = find_start(settings, data.brief)
    form = RowFormat(start.files, settings.max_length)
    train, held_out = form.fit(data.train, method), form.fit(data.held_out, method)
    if is_main_process():
        folder.begin({"method": method, "data": data.sha256, **settings.model_dump(mode="json")})
    prepared = Prepared(method, folder, data, settings, start, form, train, held_out, console)
    for note in _notes(prepared):
        prepared.tell(note)
    return prepared


def _notes(prepared: Prepared[S]) -> Iterator[str]:
    """How many rows there are, what was left out and why, and what is not as it should be."""
    data, train, held_out = prepared.data, prepared.train, prepared.held_out
    yield f"{len(train.rows)} rows to train on, {len(held_out.rows)} held out"
    if too_long := train.too_long + held_out.too_long:
        longest = max(train.longest, held_out.longest)
        yield f"left out {too_long} rows longer than {prepared.format.limit:,} tokens; the longest has {longest:,}"
    if data.same:
        yield f"left out {data.same} pairs whose two texts are the same"
    if not train.is_as_in_use:
        yield (
            f"note: the chat template of {prepared.format.name} writes a prompt otherwise when an answer follows; the "
            "rewriter is trained on slightly other tokens than it will be given"
        )


def computes_in_bfloat16(settings: TrainingSettings) -> bool:
    """Whether the precision is bfloat16, given or found."""
    return settings.precision == "bfloat16" or (settings.precision == "auto" and is_torch_bf16_gpu_available())
