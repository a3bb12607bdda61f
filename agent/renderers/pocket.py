"""The pocket renderer: the diffusers renderer with the small text-to-video model that ships with Retake.

The model is in `pocket_model/`, a diffusers folder like any other; its card there says how it was trained and how good
it is. It draws one or two coloured shapes, and follows captions worded like those it was trained on.
"""

import hashlib
import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from agent.errors import UsageError
from agent.renderer import RendererInfo, RenderRequest
from agent.renderers.diffusers_t2v import DiffusersRenderer
from agent.renderers.model_files import RENDER_HINT

try:
    import diffusers
    import torch
    import transformers
except ImportError as error:
    raise UsageError(f"the pocket renderer needs more packages ({error}): {RENDER_HINT}") from error

MODEL_FOLDER = Path(__file__).parent / "pocket_model"
SIDE_PX = 32
NUM_FRAMES = 5
FPS = 5.0
STEPS = 12
GUIDANCE = 2.0
PADDED_TO = 128
"""Tokens of a text, unless told otherwise."""


def _is_worth_telling(record: logging.LogRecord) -> bool:
    return re.search(r"has to be divisible by 1\b", record.getMessage()) is None


# WanPipeline says so at every clip of a model that does not compress time.
logging.getLogger("diffusers.pipelines.wan.pipeline_wan").addFilter(_is_worth_telling)


class PocketRenderer(DiffusersRenderer):
    """32 x 32 px, 5 frames, always; on the CPU in float32 unless told otherwise, so that a seed is a clip anywhere.

    Args:
        device: See DiffusersRenderer; "auto" is the CPU, which makes a clip in a fraction of a second.
        dtype: See DiffusersRenderer; "auto" is float32.
        model: Folder with the model, of the same kind and size as the one that ships.
        max_tokens: Texts are padded to so many tokens, and cut beyond; up to 512.
    """

    def __init__(
        self,
        *,
        device: str = "auto",
        dtype: str = "auto",
        model: str | Path = MODEL_FOLDER,
        max_tokens: int = PADDED_TO,
    ):
        super().__init__(
            model,
            device="cpu" if device == "auto" else device,
            dtype="float32" if dtype == "auto" else dtype,
            arguments={"max_sequence_length": max_tokens},
            traits={
                "height": SIDE_PX,
                "width": SIDE_PX,
                "num_frames": NUM_FRAMES,
                "frame_step": None,
                "steps": STEPS,
                "guidance": GUIDANCE,
                "fps": FPS,
            },
        )

    @property
    def info(self) -> RendererInfo:
        """Its captions are its own; the model is "retake/pocket", or the folder given instead, at its weights' hash."""
        own = super().info
        model = "retake/pocket" if own.model == str(MODEL_FOLDER) else own.model
        return replace(
            own,
            name="pocket",
            model=model,
            revision=own.revision or self._weights_hash,
            captions="pocket",
            family="pocket",
        )

    @cached_property
    def _weights_hash(self) -> str:
        """The first 12 hex digits of a SHA-256 over all weights: another one for every model that is trained."""
        folder, digest = Path(self._files.location), hashlib.sha256()
        for file in sorted(folder.rglob("*.safetensors")):
            digest.update(file.read_bytes())
        return digest.hexdigest()[:12]

    def resolve(self, request: RenderRequest) -> RenderRequest:
        """As the diffusers renderer does, but at the one size that the model was trained on."""
        return super().resolve(request.model_copy(update={"width": SIDE_PX, "height": SIDE_PX}))

    def _run(self, request: RenderRequest, steps: Any) -> np.ndarray:
        with _one_thread(), _no_progress_bars():
            return super()._run(request, steps)


@contextmanager
def _one_thread() -> Iterator[None]:
    """So small a model gains nothing from a second thread, and waits long for it on a busy machine."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


@contextmanager
def _no_progress_bars() -> Iterator[None]:
    """Loading takes less than a second."""
    owners = [
        module.utils.logging for module in (diffusers, transformers) if module.utils.logging.is_progress_bar_enabled()
    ]
    for owner in owners:
        owner.disable_progress_bar()
    try:
        yield
    finally:
        for owner in owners:
            owner.enable_progress_bar()
