"""Where a model of transformers is: a folder, or a repository on the hub at one commit. No weights are read."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from feedback.errors import FeedbackError, first_line
from feedback.torch_models import INSTALL_HINT

try:
    import transformers
except ImportError as error:
    raise FeedbackError(f"models in this process need more packages ({error}): {INSTALL_HINT}") from error


@dataclass(frozen=True)
class Pretrained:
    """The files of one model; `find_pretrained` makes one."""

    name: str
    """As the user calls it."""
    location: str
    """Folder, or id on the hub: what `from_pretrained` takes."""
    commit: str | None
    """On the hub; None for a folder."""
    config: Any
    """Its `PretrainedConfig`."""

    @property
    def model_type(self) -> str:
        """What transformers calls this kind of model, such as "qwen2_5_vl"."""
        return str(self.config.model_type)

    @property
    def where(self) -> dict[str, Any]:
        """What every `from_pretrained` is told."""
        return {"revision": self.commit or "main", "trust_remote_code": False}


def find_pretrained(name: str, revision: str | None = None) -> Pretrained:
    """The files of a model given as folder or hub id; of the hub, `revision` as the commit that it is now.

    Raises:
        FeedbackError: It is neither, or the hub can't be reached.
    """
    folder = Path(name).expanduser()
    if folder.is_dir() and not list(folder.glob("*.safetensors")):
        raise FeedbackError(f"the folder {name} holds no *.safetensors: it is no model in the format of transformers")
    location = str(folder) if folder.is_dir() else name
    try:
        config = transformers.AutoConfig.from_pretrained(location, revision=revision or "main", trust_remote_code=False)
    except (OSError, ValueError, KeyError) as error:
        raise FeedbackError(
            f"the model {name} is no folder with a model and did not come from the hub ({first_line(error)}): "
            "check its name, the network, and HF_TOKEN if it is gated"
        ) from error
    commit = None if folder.is_dir() else getattr(config, "_commit_hash", None)
    return Pretrained(name, location, commit, config)
