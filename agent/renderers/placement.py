"""Where a pipeline's weights are: how much of them is on the device at a time, and how they are moved while loaded."""

import logging
from contextlib import suppress
from typing import Any, Literal

from agent.errors import UsageError
from agent.renderers.model_files import RENDER_HINT
from feedback.errors import first_line

try:
    import torch

    from feedback.torch_models import free_cached_memory
except ImportError as error:
    raise UsageError(f"rendering with diffusers needs more packages ({error}): {RENDER_HINT}") from error

log = logging.getLogger(__name__)

Offload = Literal["none", "model", "sequential", "group"]


class Placement:
    """How one pipeline uses its device's memory. The pipeline is loaded once and only moved after that.

    Args:
        device: Where the pipeline works.
        offload: What is kept off the device while it is not used: "none", whole parts of the "model", "group"s of
            layers, or everything but the layer at work ("sequential").
        vae_tiling: Decodes in tiles.
    """

    def __init__(self, device: torch.device, offload: Offload = "none", vae_tiling: bool = False):
        self.device, self.vae_tiling = device, vae_tiling
        self.offload: Offload = offload
        self._is_settled = False

    def settle(self, pipeline: Any) -> None:
        """Puts the pipeline where it works; without effect when it is there. Raises torch.OutOfMemoryError."""
        if self._is_settled:
            return
        try:
            if self.vae_tiling:
                _decode_in_tiles(pipeline)
            match self.offload:
                case "none":
                    pipeline.to(self.device)
                case "model":
                    pipeline.enable_model_cpu_offload(device=self.device)
                case "group":
                    pipeline.enable_group_offload(self.device, num_blocks_per_group=1)
                case "sequential":
                    pipeline.enable_sequential_cpu_offload(device=self.device)
        except torch.OutOfMemoryError:
            raise
        except (ImportError, NotImplementedError, RuntimeError, TypeError, ValueError) as error:
            raise UsageError(
                f"this model can't be put on {self.device} with offload {self.offload!r} ({first_line(error)}): "
                "use another offload"
            ) from error
        self._is_settled = True

    def vacate(self, pipeline: Any) -> None:
        """Takes off the device what stays there between two renders; `settle` brings it back."""
        if self.device.type == "cpu":
            return
        if self.offload == "none":
            pipeline.to("cpu", silence_dtype_warnings=True)
            self._is_settled = False
        else:
            pipeline.maybe_free_model_hooks()
        free_cached_memory(self.device)

    def step_down(self, pipeline: Any) -> bool:
        """Has the same pipeline use less memory; False when there is no way left.

        First whole parts are offloaded, then the decoder works in tiles, then groups of layers are offloaded.
        """
        if self.offload == "none":
            self._lift(pipeline)
            self.offload = "model"
        elif not self.vae_tiling:
            self.vae_tiling = True
            _decode_in_tiles(pipeline)
        elif self.offload == "model":
            self._lift(pipeline)
            self.offload = "group"
        else:
            return False
        free_cached_memory(self.device)
        tiling = ", decoding in tiles" if self.vae_tiling else ""
        log.warning("out of memory on %s: trying again with offload %s%s", self.device, self.offload, tiling)
        return True

    def _lift(self, pipeline: Any) -> None:
        """Off the device and out of the hooks, so that another offload can be set."""
        pipeline.remove_all_hooks()
        pipeline.to("cpu", silence_dtype_warnings=True)
        self._is_settled = False


def _decode_in_tiles(pipeline: Any) -> None:
    pipeline.vae.enable_tiling()
    with suppress(NotImplementedError):  # Slices spare memory where many latents are decoded at once, as Latte's are.
        pipeline.vae.enable_slicing()
