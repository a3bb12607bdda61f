"""Embedders by name."""

import importlib
import importlib.util
from collections.abc import Callable
from pathlib import Path

from graph_store.embedder import DEFAULT_MODEL, Embedder
from graph_store.errors import GraphStoreError
from graph_store.hashing_embedder import HashingEmbedder


def _open_minilm() -> Embedder:
    """By ONNX Runtime where that can be, else by sentence-transformers: the same vectors to 6 digits."""
    try:
        from graph_store.minilm_onnx import open_onnx

        return open_onnx()
    except (ImportError, OSError, RuntimeError):  # not installed, a cache that can't be written, no way to export
        from graph_store.sentence_embedder import SentenceEmbedder

        return SentenceEmbedder(DEFAULT_MODEL)


def _open_minilm_bfloat16() -> Embedder:
    """Faster still on CPUs that have it (AVX512_BF16, AMX); of 100 nearest scenes some 99 stay the same."""
    from graph_store.minilm_torch import open_torch

    return open_torch("bfloat16")


def _open_minilm_cuda() -> Embedder:
    from graph_store.sentence_embedder import SentenceEmbedder

    return SentenceEmbedder(DEFAULT_MODEL, device="cuda")


def _open_auto() -> Embedder:
    if importlib.util.find_spec("tokenizers") is None:
        return HashingEmbedder()
    try:
        return _open_minilm()
    except GraphStoreError:
        return HashingEmbedder()


EMBEDDERS: dict[str, Callable[[], Embedder]] = {
    "auto": _open_auto,
    "hashing": HashingEmbedder,
    "minilm": _open_minilm,
    "minilm-bf16": _open_minilm_bfloat16,
    "minilm-cuda": _open_minilm_cuda,
}


def open_embedder(name: str = "auto") -> Embedder:
    """The embedder of this name.

    Args:
        name: "auto" (MiniLM where it can be had, else hashing), "hashing", "minilm" (in bfloat16 "minilm-bf16", on a
            GPU "minilm-cuda"; all three read each other's graphs), a Hugging Face id or folder of a
            sentence-transformers model, or a class of your own as "package.module:Class", made without arguments.

    Raises:
        GraphStoreError: No embedder has this name, or it can't be opened.
    """
    if name in EMBEDDERS:
        return EMBEDDERS[name]()
    if "/" in name or Path(name).is_dir():
        from graph_store.sentence_embedder import SentenceEmbedder

        return SentenceEmbedder(name)
    if ":" in name:
        return _open_class(name)
    raise GraphStoreError(
        f"there is no embedder '{name}'; known: {', '.join(EMBEDDERS)}, "
        "a Hugging Face id or folder, or package.module:Class"
    )


def _open_class(name: str) -> Embedder:
    module, _, attribute = name.partition(":")
    try:
        embedder = getattr(importlib.import_module(module), attribute)()
    except (ImportError, AttributeError, TypeError, ValueError) as error:
        raise GraphStoreError(f"can't open the embedder '{name}' ({error}); name it package.module:Class") from error
    missing = [part for part in ("name", "dimension", "encode") if not hasattr(embedder, part)]
    if missing:
        raise GraphStoreError(f"'{name}' is not an embedder: it lacks {', '.join(missing)}")
    return embedder
