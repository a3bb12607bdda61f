"""Opening a diffusers model: which pipeline it is for, its tokenizer, its parts, and the pipeline itself.

Weights are read from safetensors only, and no code that comes with a model is run.
"""

import logging
from collections.abc import Mapping
from dataclasses import replace
from inspect import signature
from typing import Any

from agent.errors import UsageError
from agent.renderers.model_files import RENDER_HINT, ModelFiles
from agent.renderers.pipeline_table import TRAITS
from agent.renderers.pipeline_traits import PipelineTraits, infer_traits
from feedback.errors import FeedbackError, first_line

try:
    import diffusers
    import torch
    import transformers
    from diffusers.pipelines.pipeline_utils import DiffusionPipeline

    from feedback.model_size import UnknownSizeError, count_parameters
    from feedback.resident import Holding
    from feedback.torch_models import find_device, find_dtype
except ImportError as error:
    raise UsageError(f"rendering with diffusers needs more packages ({error}): {RENDER_HINT}") from error

log = logging.getLogger(__name__)

DIFFUSERS_VERSION = diffusers.__version__


def find_place(device: str, dtype: str) -> tuple[torch.device, torch.dtype]:
    """Where the pipeline works, and in which number format; see `feedback.torch_models`. Raises UsageError."""
    try:
        found = find_device(device)
        return found, find_dtype(dtype, found)
    except FeedbackError as slip:
        raise UsageError(str(slip)) from None


def find_traits(files: ModelFiles) -> tuple[str, PipelineTraits]:
    """Name of the pipeline class that the model is for and its traits, fitted to this model; reads no weights.

    Raises:
        UsageError: diffusers has no such class, it makes no video from text alone, or the configuration is broken.
    """
    class_name = str(files.read("model_index.json").get("_class_name"))
    if traits := TRAITS.get(class_name):
        try:
            return class_name, _with_block_count(traits.fit(traits, files.read), files)
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


def _with_block_count(traits: PipelineTraits, files: ModelFiles) -> PipelineTraits:
    """The step cache needs a first block and one after it."""
    if not traits.caches_steps:
        return traits
    transformer = files.read("transformer/config.json")
    blocks = sum(transformer.get(name) or 0 for name in ("num_layers", "num_single_layers"))
    return replace(traits, caches_steps=blocks >= 2)


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


def weigh_parts(files: ModelFiles, dtypes: Mapping[str, torch.dtype], device: torch.device) -> list[Holding]:
    """The parts of the pipeline that have weights, by the headers of their files; reads no weights.

    `dtypes` are those of the parts by name, with a "default". A few layers that a part's authors keep in float32 are
    counted as the rest of it.
    """
    holdings = []
    for part, named in files.read("model_index.json").items():
        if not _has_weights(named):
            continue
        dtype = dtypes.get(part, dtypes["default"])
        try:
            weight_bytes, why = count_parameters(files.location, files.commit, part) * dtype.itemsize, ""
        except UnknownSizeError as problem:
            weight_bytes, why = None, str(problem)
        holdings.append(Holding(f"{files.name}/{part}", str(device), weight_bytes, why))
    return holdings


def _has_weights(named: Any) -> bool:
    """Whether an entry of model_index.json, [library or pipeline module, class], is a neural network."""
    if not (isinstance(named, list) and len(named) == 2 and all(isinstance(name, str) for name in named)):
        return False
    library, class_name = named
    owners = (diffusers, transformers, getattr(diffusers.pipelines, library, None))
    kind = next((getattr(owner, class_name) for owner in owners if hasattr(owner, class_name)), None)
    return isinstance(kind, type) and issubclass(kind, torch.nn.Module)


def load_pipeline(files: ModelFiles, dtypes: Mapping[str, torch.dtype]) -> Any:
    """The pipeline with its weights, in the CPU's memory.

    Raises:
        UsageError: The weights can't be read, or a package is missing.
        MemoryError: It does not fit.
    """
    try:
        # One dtype for all is given as such: as a mapping it would leave some pipelines' inputs in float32.
        dtype = dtypes["default"] if len(dtypes) == 1 else dict(dtypes)
        return DiffusionPipeline.from_pretrained(
            files.location, revision=files.commit, dtype=dtype, use_safetensors=True
        )
    except MemoryError:
        raise
    except ImportError as error:
        raise _lacks_packages(files, error) from error
    except Exception as error:
        raise UsageError(
            f"the model {files.name} can't be loaded ({first_line(error)}): get it anew, as safetensors"
        ) from error


def _lacks_packages(files: ModelFiles, error: ImportError) -> UsageError:
    return UsageError(f"the model {files.name} needs more packages ({first_line(error)}): {RENDER_HINT}")
