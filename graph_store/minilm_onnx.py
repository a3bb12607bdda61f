"""MiniLM by ONNX Runtime: exported once, kept in the cache, and from then on opened without torch."""

import os
import shutil
import tempfile
import warnings
from pathlib import Path

import numpy as np
import onnxruntime
from numpy.typing import NDArray
from tokenizers import Tokenizer

from graph_store.cache import find_cache_dir
from graph_store.minilm import MiniLM

FOLDER = "all-MiniLM-L6-v2-onnx-1"
MODEL, TOKENIZER = "model.onnx", "tokenizer.json"


def open_onnx() -> MiniLM:
    """The model from the cache, or exported into it.

    Raises:
        GraphStoreError: The model can't be had.
        ImportError: What the export needs is not installed.
        OSError: The cache can't be written.
        RuntimeError: This torch can't export it.
    """
    folder = find_cache_dir() / "embedders" / FOLDER
    if folder.exists():
        try:
            return _open(folder)
        except Exception:  # of onnxruntime's own kinds, when a file is damaged
            shutil.rmtree(folder, ignore_errors=True)
    _export(folder)
    return _open(folder)


def _export(folder: Path) -> None:
    """Writes the model aside and moves it into place, unless another process was faster."""
    import torch

    from graph_store.minilm_torch import load_parts

    tokenizer, module = load_parts()
    folder.parent.mkdir(parents=True, exist_ok=True)
    aside = Path(tempfile.mkdtemp(prefix=".new-", dir=folder.parent))
    try:
        tokenizer.save(str(aside / TOKENIZER))
        example = torch.ones(2, 8, dtype=torch.long)
        with warnings.catch_warnings(action="ignore"):  # of tracing constants, which are, and of an older exporter
            torch.onnx.export(
                module,
                (example, example),
                str(aside / MODEL),
                input_names=["ids", "mask"],
                output_names=["vectors"],
                dynamic_axes={"ids": {0: "texts", 1: "tokens"}, "mask": {0: "texts", 1: "tokens"}},
                dynamo=False,
            )
        aside.chmod(0o755)
        try:
            aside.rename(folder)
        except OSError:
            if not folder.exists():
                raise
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def _open(folder: Path) -> MiniLM:
    options = onnxruntime.SessionOptions()
    threads = os.environ.get("OMP_NUM_THREADS", "")
    options.intra_op_num_threads = int(threads) if threads.isdecimal() else 0
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    session = onnxruntime.InferenceSession(folder / MODEL, options, providers=["CPUExecutionProvider"])

    def forward(ids: NDArray[np.int64], mask: NDArray[np.int64]) -> NDArray[np.float32]:
        return np.asarray(session.run(None, {"ids": ids, "mask": mask})[0])

    return MiniLM(Tokenizer.from_file(str(folder / TOKENIZER)), forward)
