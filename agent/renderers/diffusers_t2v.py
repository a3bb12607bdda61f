"""The diffusers renderer: any text-to-video pipeline of diffusers, from a folder or the hub.

What each pipeline does in its own way is in `pipeline_table`, how a model is opened in `diffusers_loading`, where its
weights are in `placement`, and how it is called in `pipeline_call`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from threading import Lock
from typing import Any, cast, get_args

import numpy as np

from agent.errors import RenderError, UsageError
from agent.renderer import RendererInfo, RenderRequest, StepCallback
from agent.renderers.diffusers_loading import (
    DIFFUSERS_VERSION,
    find_place,
    find_traits,
    load_pipeline,
    load_tokenizer,
    weigh_parts,
)
from agent.renderers.embedding_cache import EmbeddingCache
from agent.renderers.lora import apply_loras, find_loras
from agent.renderers.model_files import RENDER_HINT, find_model
from agent.renderers.model_presets import with_preset
from agent.renderers.pipeline_call import Steps, call_pipeline, reads_negative
from agent.renderers.pipeline_traits import fixed_arguments, legal_frames, legal_side
from agent.renderers.placement import Offload, Placement
from feedback.clip import Clip
from feedback.errors import first_line
from feedback.resident import Holding

try:
    import torch
except ImportError as error:
    raise UsageError(f"rendering with diffusers needs more packages ({error}): {RENDER_HINT}") from error


class DiffusersRenderer:
    """Renderer by one diffusers pipeline, loaded at the first render and once. A `Resident`.

    When a render does not fit in the device's memory it is tried again with whole parts of the model kept off the
    device, then with tiled decoding (which changes the pixels slightly), then with groups of layers kept off; what
    worked is kept for the renders that follow. `on_step` starts again from 1 at each try.

    Args:
        model: Folder in diffusers' format, or id on the hub.
        revision: Branch, tag or commit on the hub; `info.revision` says which commit it was.
        device: "cpu", "cuda", "cuda:1", …; "auto" is the accelerator if there is one.
        dtype: "bfloat16", "float16" or "float32"; "auto" is bfloat16 on CUDA and float32 elsewhere. Decoders that
            suffer from half precision stay in float32.
        offload: What is kept off the device while it is not used: "none", whole parts of the "model", "group"s of
            layers, or everything but the layer at work ("sequential": least memory, slowest).
        vae_tiling: Decodes in tiles from the first render on.
        lora: Adapters, each "folder or id on the hub[:weight]"; loaded one upon the other.
        arguments: Passed to the pipeline's call as they stand, such as {"true_cfg_scale": 6.0} for HunyuanVideo.
        traits: Fields of `PipelineTraits` in which this model differs from others of its pipeline class; over what
            `model_presets` knows of it.

    Raises:
        UsageError: The model, the device or a setting can't be used. What only loading can tell (weights that can't be
            read) is raised by the first `render` or `count_tokens`.
    """

    def __init__(
        self,
        model: str | Path | None,
        *,
        revision: str | None = None,
        device: str = "auto",
        dtype: str = "auto",
        offload: str = "none",
        vae_tiling: bool = False,
        lora: Sequence[str] = (),
        arguments: Mapping[str, Any] | None = None,
        traits: Mapping[str, Any] | None = None,
    ):
        if offload not in get_args(Offload):
            raise UsageError(f"offload is {offload!r}, but must be one of: {', '.join(get_args(Offload))}")
        self._device, self._dtype = find_place(device, dtype)
        if offload == "sequential" and self._device.type == "cpu":
            raise UsageError(
                "offload is 'sequential', which needs an accelerator, but the device is cpu: use offload 'none'"
            )
        self._files = find_model(model, revision)
        self._loras = find_loras(lora)
        self._arguments = dict(arguments or {})
        self._pipeline_class, class_traits = find_traits(self._files)
        self._traits = replace(with_preset(class_traits, self._files.name), **traits or {})
        self._placement = Placement(
            self._device, cast(Offload, offload), vae_tiling or self._traits.tiled_decoding_only
        )
        self._token_limit = self._arguments.get("max_sequence_length", self._traits.token_limit)
        self._pipeline: Any = None
        self._tokenizer: Any = None
        self._lock = Lock()

    @property
    def info(self) -> RendererInfo:
        """Which model this is, at which commit if it came from the hub; the version is that of diffusers."""
        return RendererInfo(
            "diffusers",
            self._files.name,
            self._files.commit,
            version=DIFFUSERS_VERSION,
            token_limit=self._token_limit,
            family=self._traits.family,
            lora=tuple(map(str, self._loras)),
            arguments=fixed_arguments(self._traits) | self._arguments,
        )

    @property
    def holdings(self) -> list[Holding]:
        """Each part of the pipeline that has weights, as large as it is on the device."""
        return list(self._holdings)

    def acquire(self) -> None:
        """Brings the pipeline back to its device; where it no longer fits, the next render sees to that."""
        with self._lock:
            if self._pipeline is not None:
                try:
                    self._placement.settle(self._pipeline)
                except torch.OutOfMemoryError:
                    self._placement.vacate(self._pipeline)

    def release(self) -> None:
        """Moves the pipeline to the CPU's memory."""
        with self._lock:
            if self._pipeline is not None:
                self._placement.vacate(self._pipeline)

    def resolve(self, request: RenderRequest) -> RenderRequest:
        """With the pipeline's defaults, the nearest legal size and length, and no negative that it would ignore."""
        traits = self._traits
        guidance = None
        if traits.guidance is not None:
            guidance = traits.guidance if request.guidance_scale is None else request.guidance_scale
        return request.model_copy(
            update={
                "negative": request.negative if request.negative and self._reads_negative(guidance) else None,
                "step_cache": request.step_cache if traits.caches_steps else None,
                "width": legal_side(traits, request.width or traits.width),
                "height": legal_side(traits, request.height or traits.height),
                "num_frames": legal_frames(traits, request.num_frames or traits.num_frames),
                "fps": request.fps or traits.fps,
                "num_inference_steps": request.num_inference_steps or traits.steps,
                "guidance_scale": guidance,
            }
        )

    def count_tokens(self, text: str) -> int | None:
        """Tokens of `text`, with the marks that the encoder sees around it. Loads the tokenizer, not the model."""
        if self._token_limit is None:
            return None
        if self._tokenizer is None:
            self._tokenizer = load_tokenizer(self._files)
        return len(self._tokenizer(text, truncation=False, verbose=False).input_ids)

    def render(self, request: RenderRequest, on_step: StepCallback | None = None) -> Clip:
        """One clip with exactly the resolved frames and size; its noise is drawn on the CPU, alike on every machine.

        Raises:
            MemoryError: It does not fit, however little of the model is on the device.
            RenderError: The pipeline failed, or gave other frames than were asked for.
            UsageError: The weights can't be loaded.
        """
        request = self.resolve(request)
        with self._lock:
            while True:
                steps = Steps(request.num_inference_steps or 0, on_step)
                try:
                    frames = self._run(request, steps)
                    break
                except torch.OutOfMemoryError as error:
                    if error is steps.raised:
                        raise
                # Not in the except clause, whose traceback still holds the tensors that filled the memory.
                self._save_memory(request)
        wanted = (request.num_frames, request.height, request.width, 3)
        if frames.shape != wanted:
            raise RenderError(
                f"{self._pipeline_class} gave frames of {list(frames.shape)} where {list(wanted)} were asked for"
            )
        if not np.isfinite(frames).all():
            raise RenderError(
                f"{self._pipeline_class} gave pixels that are no numbers: use another dtype than {self._dtype}"
            )
        return Clip((frames * 255).round().astype(np.uint8), request.fps or self._traits.fps)

    @cached_property
    def _holdings(self) -> list[Holding]:
        return weigh_parts(self._files, self._dtypes, self._device)

    @property
    def _dtypes(self) -> dict[str, torch.dtype]:
        """Of the parts by name, and of those that are not named."""
        return {"default": self._dtype} | ({"vae": torch.float32} if self._traits.float32_vae else {})

    def _reads_negative(self, guidance: float | None) -> bool:
        return reads_negative(self._traits, guidance, self._arguments)

    def _run(self, request: RenderRequest, steps: Steps) -> np.ndarray:
        """Frames as float32 [t, h, w, 3] in 0..1."""
        if self._pipeline is None:
            pipeline = load_pipeline(self._files, self._dtypes)
            apply_loras(pipeline, self._loras)
            EmbeddingCache().attach(pipeline)
            self._pipeline = pipeline
        self._placement.settle(self._pipeline)
        try:
            return call_pipeline(self._pipeline, self._traits, request, self._arguments, steps)
        except (Exception, KeyboardInterrupt) as error:
            self._pipeline.maybe_free_model_hooks()
            if error is steps.raised or isinstance(error, torch.OutOfMemoryError | MemoryError | KeyboardInterrupt):
                raise
            if "allocate memory" in str(error):  # A plain RuntimeError when it is the CPU's memory that is full.
                raise MemoryError(first_line(error)) from error
            raise RenderError(f"{self._pipeline_class} failed: {first_line(error)}") from error

    def _save_memory(self, request: RenderRequest) -> None:
        """Has the pipeline use less memory. Raises MemoryError when it can't use any less."""
        if not self._placement.step_down(self._pipeline):
            raise MemoryError(
                f"{request.num_frames} frames of {request.width} x {request.height} do not fit on {self._device}, "
                "offloaded and tiled as far as it goes: lower num_frames, width or height, or use a smaller model"
            )
