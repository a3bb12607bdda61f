"""Opening a diffusers model: which pipeline it is for, its tokenizer, and the pipeline itself on a device.

Weights are read from safetensors only, and no code that comes with a model is run.
"""

import logging
from inspect import signature
from typing import Any, Literal

from agent.errors import UsageError
from agent.renderers.model_files import RENDER_HINT, ModelFiles, first_line
from agent.renderers.pipeline_traits import TRAITS, PipelineTraits, infer_traits

try:
    import diffusers
    import torch
    import transformers
    from diffusers.pipelines.pipeline_utils import DiffusionPipeline
except ImportError as error:
    raise UsageError(f"rendering with diffusers needs more packages ({error}): {RENDER_HINT}") from error

log = logging.getLogger(__name__)

Offload = Literal["none", "model", "sequential", "group"]
DTYPES = {"bfloat16": torch.bfloat16, "float16": torch.float16, "float32": torch.float32}
DIFFUSERS_VERSION = diffusers.__version__


def find_device(name: str) -> torch.device:
    """The device of that name; for "auto" the accelerator if there is one, else the CPU. Raises UsageError."""
    accelerator = torch.accelerator.current_accelerator(check_available=True)
    if name == "auto":
        return accelerator or torch.device("cpu")
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise UsageError(f"device is {name!r}, but must be auto, cpu, cuda, cuda:1 or the like") from error
    if device.type != "cpu" and (accelerator is None or device.type != accelerator.type):
        raise UsageError(f"device is {name!r}, but this machine's PyTorch has only {accelerator or 'cpu'}: use 'auto'")
    if device.type != "cpu" and (device.index or 0) >= torch.accelerator.device_count():
        raise UsageError(
            f"device is {name!r}, but there are only {torch.accelerator.device_count()} of them: use 'auto'"
        )
    return device


def find_traits(files: ModelFiles) -> tuple[str, PipelineTraits]:
    """Name of the pipeline class that the model is for and its traits, fitted to this model; reads no weights.

    Raises:
        UsageError: diffusers has no such class, it makes no video from text alone, or the configuration is broken.
    """
    class_name = str(files.read("model_index.json").get("_class_name"))
    if traits := TRAITS.get(class_name):
        try:
            return class_name, traits.fit(traits, files.read)
        except (KeyError, TypeError, IndexError) as error:
            raise UsageError(
                f"the model {files.name} has a configuration unlike that of any {class_name}: get it anew"
            ) from error
    pipeline = getattr(diffusers, class_name, None)
    if not isinstance(pipeline, type) or not issubclass(pipeline, DiffusionPipeline):
        raise UsageError(f"the model {files.name} is for {class_name}, which diffusers {DIFFUSERS_VERSION} lacks")
    try:
        traits = infer_traits(signature(pipeline.__call__))
    except ValueError as error:
        raise UsageError(
            f"the model {files.name} is for {class_name}, which makes no video from text alone: {error}"
        ) from error
    log.warning("%s is not a pipeline that Retake knows; going by its signature: %s", class_name, traits)
    return class_name, traits


def load_tokenizer(files: ModelFiles) -> Any:
    """The main tokenizer alone, by the class that the pipeline would use. Raises UsageError."""
    _, class_name = files.read("model_index.json").get("tokenizer", (None, "AutoTokenizer"))
    tokenizer_class = getattr(transformers, str(class_name), transformers.AutoTokenizer)
    try:
        return tokenizer_class.from_pretrained(
            files.location, subfolder="tokenizer", revision=files.commit or "main", trust_remote_code=False
        )
    except ImportError as error:
        raise _lacks_packages(files, error) from error
    except Exception as error:
        raise UsageError(f"the tokenizer of {files.name} can't be loaded ({first_line(error)}): get it anew") from error


def load_pipeline(
    files: ModelFiles,
    dtype: torch.dtype | dict[str, torch.dtype],
    device: torch.device,
    offload: Offload,
    vae_tiling: bool,
) -> Any:
    """The pipeline with its weights, ready to be called.

    Raises:
        UsageError: The weights can't be read, or a package is missing.
        torch.OutOfMemoryError, MemoryError: It does not fit.
    """
    try:
        pipeline: Any = DiffusionPipeline.from_pretrained(
            files.location, revision=files.commit, dtype=dtype, use_safetensors=True
        )
        if vae_tiling:
            pipeline.vae.enable_tiling()
        match offload:
            case "none":
                pipeline.to(device)
            case "model":
                pipeline.enable_model_cpu_offload(device=device)
            case "group":
                pipeline.enable_group_offload(device, num_blocks_per_group=1)
            case "sequential":
                pipeline.enable_sequential_cpu_offload(device=device)
    except (torch.OutOfMemoryError, MemoryError):
        raise
    except ImportError as error:
        raise _lacks_packages(files, error) from error
    except Exception as error:
        raise UsageError(
            f"the model {files.name} can't be loaded ({first_line(error)}): get it anew, as safetensors"
        ) from error
    return pipeline


def _lacks_packages(files: ModelFiles, error: ImportError) -> UsageError:
    return UsageError(f"the model {files.name} needs more packages ({first_line(error)}): {RENDER_HINT}")
