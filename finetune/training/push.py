"""A trained rewriter on the hub, when somebody asks for it."""

import os
from pathlib import Path

from agent.llm.shipped import is_on_hub
from agent.rewriter_card import read_card
from feedback.errors import first_line
from finetune.errors import DistillError

try:
    from huggingface_hub import HfApi
    from huggingface_hub.errors import (
        HFValidationError,
        HTTPError,  # pyright: ignore[reportPrivateImportUsage] - of whichever httpx the hub's client uses
        OfflineModeIsEnabled,
    )
except ImportError as error:
    raise DistillError(f'the hub needs one more package ({error}): pip install "retake[train]"') from error

LEFT_BEHIND = ["checkpoints/**", ".*", "*.bin", "*.pt", "*.pth"]
"""What a run needs to go on, and what would be unpickled."""


def push(folder: Path, repo: str, *, public: bool = False) -> str:
    """Uploads the rewriter in this folder to `owner/name`, made if need be; its address.

    The key is HF_TOKEN, from the environment. Raises DistillError or UsageError when it can't be, or the hub refuses.
    """
    card = read_card(folder)
    if card.kind == "adapter" and not is_on_hub(card.base):
        raise DistillError(
            f"{folder} is an adapter over {card.base}, which the hub does not have: `retake distill merge` it first, "
            "and push that"
        )
    token = os.environ.get("HF_TOKEN")
    if not token:
        raise DistillError("HF_TOKEN is not set: make a token that may write at huggingface.co/settings/tokens")
    hub = HfApi(token=token)
    try:
        hub.create_repo(repo, private=not public, exist_ok=True)
        hub.upload_folder(
            repo_id=repo, folder_path=folder, ignore_patterns=LEFT_BEHIND, commit_message="A rewriter trained by Retake"
        )
    except (HTTPError, HFValidationError, OfflineModeIsEnabled, OSError) as problem:
        raise DistillError(f"the hub did not take {repo}: {first_line(problem)}") from problem
    return f"{hub.endpoint}/{repo}"
