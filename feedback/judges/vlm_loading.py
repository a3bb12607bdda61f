"""Opening a vision language model of transformers: where it is, its processor, its weights on a device.

Weights are read from safetensors only, and no code that comes with a model is run. All video processors of transformers
need torchvision; without it a processor is made that takes pictures only.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from feedback.errors import FeedbackError

INSTALL_HINT = 'pip install "retake[render]"'
try:
    import torch
    import transformers
    from transformers.models.auto.modeling_auto import MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING_NAMES
    from transformers.utils.import_utils import is_torchvision_available
except ImportError as error:
    raise FeedbackError(f"the judge 'vlm' needs more packages ({error}): {INSTALL_HINT}") from error

DTYPES = {"bfloat16": torch.bfloat16, "float16": torch.float16, "float32": torch.float32}


@dataclass(frozen=True)
class VLMFiles:
    """Where the files of one model are; `find_model` makes one."""

    name: str
    """As the user calls it."""
    location: str
    """Folder, or id on the hub: what `from_pretrained` takes."""
    commit: str | None
    """On the hub; None for a folder."""
    model_type: str

    @property
    def where(self) -> dict[str, Any]:
        """What every `from_pretrained` is told."""
        return {"revision": self.commit or "main", "trust_remote_code": False}


def find_device(name: str) -> torch.device:
    """The device of that name; for "auto" the accelerator if there is one, else the CPU. Raises FeedbackError."""
    accelerator = torch.accelerator.current_accelerator(check_available=True)
    if name == "auto":
        return accelerator or torch.device("cpu")
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise FeedbackError(f"the judge's device is {name!r}, but must be auto, cpu, cuda or the like") from error
    is_there = accelerator and device.type == accelerator.type
    if device.type != "cpu" and not (is_there and (device.index or 0) < torch.accelerator.device_count()):
        raise FeedbackError(f"the judge's device is {name!r}, which this machine's PyTorch does not have: use 'auto'")
    return device


def find_dtype(name: str, device: torch.device) -> torch.dtype:
    """The number format of that name; for "auto" bfloat16 on an accelerator, float32 on a CPU. Raises FeedbackError."""
    if name == "auto":
        return torch.float32 if device.type == "cpu" else torch.bfloat16
    if name not in DTYPES:
        raise FeedbackError(f"the judge's dtype is {name!r}, but must be auto, {', '.join(DTYPES)}")
    return DTYPES[name]


def find_model(name: str, revision: str | None = None) -> VLMFiles:
    """The files of a model given as folder or hub id; of the hub, `revision` as the commit that it is now.

    Raises:
        FeedbackError: It is neither, takes no pictures, or the hub can't be reached.
    """
    folder = Path(name).expanduser()
    if folder.is_dir() and not list(folder.glob("*.safetensors")):
        raise FeedbackError(f"the folder {name} holds no *.safetensors: it is no model in the format of transformers")
    location = str(folder) if folder.is_dir() else name
    try:
        config = transformers.AutoConfig.from_pretrained(location, revision=revision or "main", trust_remote_code=False)
    except (OSError, ValueError, KeyError) as error:
        raise FeedbackError(
            f"the judge's model {name} is no folder with a model and did not come from the hub ({_first_line(error)}): "
            "check its name, the network, and HF_TOKEN if it is gated"
        ) from error
    if config.model_type not in MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING_NAMES:
        raise FeedbackError(
            f"the judge's model {name} is a {config.model_type}, which takes no pictures; name a vision language model"
        )
    return VLMFiles(name, location, getattr(config, "_commit_hash", None), config.model_type)


def load_processor(files: VLMFiles) -> Any:
    """The model's processor; without its video part when torchvision is not installed. Raises FeedbackError."""
    try:
        processor_class = None if is_torchvision_available() else _with_video_part(files.model_type)
        if processor_class is None:
            return transformers.AutoProcessor.from_pretrained(files.location, **files.where)
        return _processor_of_pictures(processor_class, files)
    except ImportError as error:
        needed = _first_line(error).removesuffix(" Check out the instructions on the")
        raise FeedbackError(f"the processor of {files.name} needs more packages: {needed}") from error
    except Exception as error:
        hint = "get it anew" if is_torchvision_available() else "get it anew, or install torchvision"
        raise FeedbackError(f"the processor of {files.name} can't be loaded ({_first_line(error)}): {hint}") from error


def _with_video_part(model_type: str) -> Any:
    """The processor class of this kind of model if it has a video part; else None."""
    names: Any = transformers.models.auto.processing_auto.PROCESSOR_MAPPING_NAMES  # pyright: ignore[reportPrivateImportUsage]
    name = names.get(model_type)
    processor_class = getattr(transformers, name, None) if name else None
    return processor_class if processor_class and "video_processor" in processor_class.get_attributes() else None


def _processor_of_pictures(processor_class: Any, files: VLMFiles) -> Any:
    """A processor of this class that has no video part. Pictures go through it as they would through the whole one."""

    class PicturesOnly(processor_class):
        videos_kwargs: dict[str, Any] = {}  # noqa: RUF012 - so named and used by transformers

        def check_argument_for_proper_class(self, argument_name: str, argument: Any) -> Any:
            is_left_out = argument_name == "video_processor"
            return None if is_left_out else super().check_argument_for_proper_class(argument_name, argument)

    settings, _ = PicturesOnly.get_processor_dict(files.location, **files.where)
    parts = {
        "image_processor": transformers.AutoImageProcessor.from_pretrained(files.location, **files.where),
        "tokenizer": transformers.AutoTokenizer.from_pretrained(files.location, **files.where),
        "video_processor": None,
    }
    return PicturesOnly.from_args_and_dict([parts[name] for name in processor_class.get_attributes()], settings)


def load_model(files: VLMFiles, dtype: torch.dtype, device: torch.device) -> Any:
    """The model with its weights on the device, ready to be asked. Raises FeedbackError."""
    try:
        model: Any = transformers.AutoModelForImageTextToText.from_pretrained(
            files.location, dtype=dtype, use_safetensors=True, **files.where
        )
        return model.to(device).eval()
    except (torch.OutOfMemoryError, MemoryError) as error:
        raise FeedbackError(f"the model {files.name} does not fit into the memory of {device}") from error
    except Exception as error:
        raise FeedbackError(
            f"the weights of {files.name} can't be loaded ({_first_line(error)}): get them anew, as safetensors"
        ) from error


def _first_line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(". :")
