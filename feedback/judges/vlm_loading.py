"""Opening a vision language model of transformers: where it is, its processor, its weights on a device.

Weights are read from safetensors only, and no code that comes with a model is run. All video processors of transformers
need torchvision; without it a processor is made that takes pictures only.
"""

from typing import Any

from feedback.errors import FeedbackError, first_line
from feedback.load_pretrained import load_weights
from feedback.pretrained import Pretrained, find_pretrained
from feedback.torch_models import INSTALL_HINT

try:
    import torch
    import transformers
    from transformers.models.auto.modeling_auto import MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING_NAMES
    from transformers.utils.import_utils import is_torchvision_available
except ImportError as error:
    raise FeedbackError(f"the judge 'vlm' needs more packages ({error}): {INSTALL_HINT}") from error


def find_vlm(name: str, revision: str | None = None) -> Pretrained:
    """The files of a model that takes pictures, given as folder or hub id. Raises FeedbackError when it takes none."""
    files = find_pretrained(name, revision)
    if files.model_type not in MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING_NAMES:
        raise FeedbackError(
            f"the model {name} is a {files.model_type}, which takes no pictures; name a vision language model"
        )
    return files


def load_processor(files: Pretrained) -> Any:
    """The model's processor; without its video part when torchvision is not installed. Raises FeedbackError."""
    try:
        processor_class = None if is_torchvision_available() else _with_video_part(files.model_type)
        if processor_class is None:
            return transformers.AutoProcessor.from_pretrained(files.location, **files.where)
        return _processor_of_pictures(processor_class, files)
    except ImportError as error:
        needed = first_line(error).removesuffix(" Check out the instructions on the")
        raise FeedbackError(f"the processor of {files.name} needs more packages: {needed}") from error
    except Exception as error:
        hint = "get it anew" if is_torchvision_available() else "get it anew, or install torchvision"
        raise FeedbackError(f"the processor of {files.name} can't be loaded ({first_line(error)}): {hint}") from error


def _with_video_part(model_type: str) -> Any:
    """The processor class of this kind of model if it has a video part; else None."""
    names: Any = transformers.models.auto.processing_auto.PROCESSOR_MAPPING_NAMES  # pyright: ignore[reportPrivateImportUsage]
    name = names.get(model_type)
    processor_class = getattr(transformers, name, None) if name else None
    return processor_class if processor_class and "video_processor" in processor_class.get_attributes() else None


def _processor_of_pictures(processor_class: Any, files: Pretrained) -> Any:
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


def load_model(files: Pretrained, dtype: torch.dtype, device: torch.device) -> Any:
    """The model with its weights on the device, ready to be asked. Raises FeedbackError."""
    return load_weights(transformers.AutoModelForImageTextToText, files, dtype, device)
