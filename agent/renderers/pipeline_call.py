"""One call of a loaded pipeline: a request in its own words, its steps counted, its frames as an array."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Self

import numpy as np

from agent.errors import UsageError
from agent.renderer import RenderRequest, StepCallback
from agent.renderers.model_files import RENDER_HINT
from agent.renderers.pipeline_traits import PipelineTraits, flow_shift_at

try:
    import torch
    from diffusers.hooks.first_block_cache import FirstBlockCacheConfig
except ImportError as error:
    raise UsageError(f"rendering with diffusers needs more packages ({error}): {RENDER_HINT}") from error


class Steps:
    """Stands in for the pipeline's progress bar, which every pipeline has, unlike a callback; hands the count on."""

    def __init__(self, total: int, on_step: StepCallback | None):
        self._total, self._done, self._on_step = total, 0, on_step
        self.raised: BaseException | None = None
        """What `on_step` raised."""

    def start(self, total: int) -> Self:  # noqa: ARG002 - progress counts the steps asked for
        """Takes the place of `pipeline.progress_bar`."""
        return self

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def update(self) -> None:
        """One step is done."""
        self._done += 1
        if self._on_step is None or self._done > self._total:
            return
        try:
            self._on_step(self._done, self._total)
        except BaseException as error:
            self.raised = error
            raise


def call_pipeline(
    pipeline: Any, traits: PipelineTraits, request: RenderRequest, arguments: Mapping[str, Any], steps: Steps
) -> np.ndarray:
    """Frames as float32 [t, h, w, 3] in 0..1, for a resolved request; `arguments` come after all others.

    Raises whatever the pipeline does.
    """
    if traits.guidance_by == "guider":
        pipeline.guider = pipeline.guider.new(guidance_scale=request.guidance_scale)
    if (shift := flow_shift_at(traits, request.height or 0, request.width or 0)) is not None:
        pipeline.scheduler = _with_shift(pipeline.scheduler, shift)
    pipeline.progress_bar = steps.start
    with _step_cache(pipeline, request.step_cache):
        made = pipeline(
            prompt=request.text,
            height=request.height,
            width=request.width,
            num_inference_steps=request.num_inference_steps,
            generator=torch.Generator("cpu").manual_seed(request.seed),
            output_type="np",
            **_own_arguments(traits, request, arguments),
        )
    return np.asarray(made.frames[0])


def reads_negative(traits: PipelineTraits, guidance: float | None, arguments: Mapping[str, Any]) -> bool:
    """Whether a negative prompt counts under this guidance scale and these arguments of the call."""
    needs = traits.negative_needs
    scale = arguments.get(needs, guidance if needs == "guidance_scale" else None) if needs else None
    return scale is not None and scale > 1


def _own_arguments(traits: PipelineTraits, request: RenderRequest, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """What this pipeline calls by a name of its own, or takes beside what all do."""
    given = dict(traits.arguments)
    if request.guidance_scale is not None and traits.guidance_by == "argument":
        given["guidance_scale"] = request.guidance_scale
    if request.guidance_scale == traits.guidance:
        given |= traits.guidance_arguments
    if request.num_inference_steps == traits.steps:
        given |= traits.steps_arguments
    if reads_negative(traits, request.guidance_scale, arguments):
        given["negative_prompt"] = request.negative or ""
    if traits.rate_keyword:
        given[traits.rate_keyword] = request.fps
    given[traits.frames_keyword] = (request.num_frames or 0) - traits.frames_added
    return given | dict(arguments)


def _with_shift(scheduler: Any, shift: float) -> Any:
    """The scheduler with another shift of its noise schedule, by whichever name its class has for it."""
    name = "flow_shift" if "flow_shift" in scheduler.config else "shift"
    return (
        scheduler if scheduler.config.get(name) == shift else scheduler.from_config(scheduler.config, **{name: shift})
    )


@contextmanager
def _step_cache(pipeline: Any, threshold: float | None) -> Iterator[None]:
    """Lets the transformers skip their later blocks while the first one changes less than `threshold` of its value."""
    transformers = [part for part in pipeline.components.values() if hasattr(part, "enable_cache")]
    if threshold is None:
        yield
        return
    try:
        for transformer in transformers:
            transformer.enable_cache(FirstBlockCacheConfig(threshold=threshold))
        yield
    finally:
        for transformer in transformers:
            if transformer.is_cache_enabled:
                transformer.disable_cache()
