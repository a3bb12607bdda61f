"""Where the files of a diffusers model are: a folder, or a repository on the hub at one commit."""

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agent.errors import UsageError
from feedback.errors import first_line

RENDER_HINT = 'pip install "retake[render]", or --renderer painter, which needs nothing'
try:
    from huggingface_hub import hf_hub_download
except ImportError as error:
    raise UsageError(f"rendering with diffusers needs more packages ({error}): {RENDER_HINT}") from error


@dataclass(frozen=True)
class ModelFiles:
    """The files of one model; `find_model` makes one."""

    name: str
    """As the user calls it."""
    location: str
    """Folder, or id on the hub: what `from_pretrained` takes."""
    commit: str | None
    """On the hub; None for a folder."""

    def read(self, file: str) -> dict[str, Any]:
        """The content of a JSON file of the model, such as "vae/config.json". Raises UsageError."""
        try:
            path = (
                Path(hf_hub_download(self.location, file, revision=self.commit))
                if self.commit
                else Path(self.location, file)
            )
            content = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise UsageError(
                f"{file} of the model {self.name} can't be read ({first_line(error)}): get it anew"
            ) from error
        if not isinstance(content, dict):
            raise UsageError(f"{file} of the model {self.name} is no JSON object: get the model anew")
        return content


def find_model(model: str | Path | None, revision: str | None = None) -> ModelFiles:
    """The files of a model given as folder or hub id; of the hub, `revision` as the commit that it is now.

    Raises:
        UsageError: It is neither, has no model_index.json, or the hub can't be reached.
    """
    if not model:
        raise UsageError("the diffusers renderer needs a model: a folder in diffusers' format or an id on the hub")
    name, folder = str(model), Path(model).expanduser()
    if folder.is_dir():
        if not (folder / "model_index.json").is_file():
            raise UsageError(f"the folder {name} is no diffusers pipeline: it has no model_index.json")
        return ModelFiles(name, str(folder), None)
    if folder.exists():
        raise UsageError(
            f"the model {name} is a single file, but must be a folder in diffusers' format or an id on the hub"
        )
    if not re.fullmatch(r"[A-Za-z0-9][\w.-]*/[\w.-]+", name):
        raise UsageError(f"there is no model folder {name}, and an id on the hub reads like owner/name")
    try:
        index = Path(hf_hub_download(name, "model_index.json", revision=revision))
    except (OSError, ValueError) as error:
        raise UsageError(
            f"the model {name} is no folder here and did not come from the hub ({first_line(error)}): "
            "check its name, the network, and HF_TOKEN if it is gated"
        ) from error
    return ModelFiles(name, name, index.parent.name)
