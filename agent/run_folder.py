"""The run folder: where a run lives on disk, and its public face for all later stages.

config.json   trajectory.jsonl   checkpoints.sqlite   videos/   result.json   report.html   STOP (touch it to stop)
"""

import hashlib
import json
import os
import platform
import re
import subprocess
import unicodedata
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from filelock import AcquireReturnProxy, FileLock, Timeout
from pydantic import ValidationError

from agent.config import LoopConfig
from agent.config_file import differing_keys, make_config
from agent.errors import UsageError
from agent.records import Result

RECORDED_PACKAGES = (
    "retake", "langgraph", "numpy", "av", "opencv-python-headless", "torch", "diffusers", "transformers",
    "sentence-transformers",
)  # fmt: skip


class RunFolder:
    """One run's folder; made by `find_run_folder`."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.config_file = path / "config.json"
        self.trajectory_file = path / "trajectory.jsonl"
        self.checkpoint_file = path / "checkpoints.sqlite"
        self.result_file = path / "result.json"
        self.report_file = path / "report.html"
        self.stop_file = path / "STOP"
        self.videos = path / "videos"
        self._lock = FileLock(str(path / ".lock"))

    def create(self, prompt: str, config: LoopConfig, typed: str | None = None) -> None:
        """Makes the folder with its config.json, unless it is there; `typed` is the prompt with its flags.

        Raises UsageError when it can't be written.
        """
        try:
            self.videos.mkdir(parents=True, exist_ok=True)
            if not self.config_file.exists():
                saved = {"prompt": prompt, "typed": typed or prompt, **config.model_dump(mode="json")}
                write_text(self.config_file, json.dumps(saved, indent=2, ensure_ascii=False) + "\n")
        except OSError as problem:
            reason = problem.strerror or problem
            raise UsageError(f"can't write to {self.path}: {reason}; choose another --output-dir") from None

    def lock(self) -> AcquireReturnProxy:
        """A context in which no other process works in the folder. Raises UsageError when one does."""
        try:
            return self._lock.acquire(timeout=0)
        except Timeout:
            raise UsageError(f"another process is working in {self.path}; wait for it or end it") from None

    def video(self, render_id: str) -> Path:
        """Where the video of a render stands."""
        return self.videos / f"{render_id}.mp4"

    def saved_config(self) -> tuple[str, LoopConfig]:
        """The prompt and the config the run was started with."""
        try:
            saved = json.loads(self.config_file.read_text(encoding="utf-8"))
            prompt = saved.pop("prompt")
            saved.pop("typed", None)
        except FileNotFoundError:
            raise UsageError(f"{self.path} is no run folder: it has no config.json") from None
        except (ValueError, KeyError, AttributeError, TypeError):
            raise UsageError(f"{self.config_file} is damaged; start a new run with --run-id") from None
        return prompt, make_config(saved)

    def read_result(self) -> Result | None:
        """The outcome, None while the run is not finished."""
        if not self.result_file.exists():
            return None
        try:
            return Result.model_validate_json(self.result_file.read_text(encoding="utf-8"))
        except ValidationError:
            raise UsageError(f"{self.result_file} is damaged; remove it, and resuming writes it again") from None

    def write_result(self, result: Result) -> None:
        """Writes result.json, whole or not at all."""
        write_text(self.result_file, result.model_dump_json(indent=2) + "\n")


def find_run_folder(output_dir: Path, prompt: str, config: LoopConfig, run_id: str | None = None) -> RunFolder:
    """The folder of this prompt and config: the one begun before, or one that is not there yet.

    Without a `run_id` it is named by the prompt and a hash of prompt and config, so that the same command finds its run
    again. Raises UsageError when it holds a run of another prompt or config (the differing keys are named).
    """
    if run_id is not None and not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}", run_id):
        raise UsageError(f"run id {run_id!r} can't be a folder name; use letters, digits, '.', '_' and '-'")
    folder = RunFolder(output_dir / (run_id or name_run(prompt, config)))
    if folder.config_file.exists():
        check_same_run(folder, prompt, config)
    return folder


def check_same_run(folder: RunFolder, prompt: str, config: LoopConfig) -> None:
    """Raises UsageError when the folder holds a run of another prompt or config."""
    saved_prompt, saved = folder.saved_config()
    if saved_prompt != prompt:
        raise UsageError(
            f"{folder.path} holds a run of another prompt ({saved_prompt[:60]!r}); choose another --run-id"
        )
    if differing := differing_keys(saved, config):
        raise UsageError(
            f"{folder.path} was begun with another config: {', '.join(differing)}; choose another --run-id"
        )


def name_run(prompt: str, config: LoopConfig) -> str:
    """A readable folder name: words of the prompt and a hash of prompt and config."""
    plain = unicodedata.normalize("NFKD", prompt).encode("ascii", "ignore").decode().lower()
    slug = "-".join(re.findall(r"[a-z0-9]+", plain))[:40].strip("-") or "run"
    identity = json.dumps([prompt, config.model_dump(mode="json")], sort_keys=True)
    return f"{slug}-{hashlib.sha256(identity.encode()).hexdigest()[:8]}"


def write_text(path: Path, text: str) -> None:
    """Writes a text file whole or not at all."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    with draft.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)


def provenance() -> dict[str, Any]:
    """When, with which versions and from which commit a run was made."""
    return {
        "created": datetime.now(UTC).isoformat(),
        "python": platform.python_version(),
        "packages": {name: found for name in RECORDED_PACKAGES if (found := _version(name))},
        "commit": _commit(),
    }


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _commit() -> str | None:
    """The commit of the checkout this file is in, with '+' when it is dirty; None outside a checkout."""
    here = Path(__file__).parent
    if not (here.parent / "pyproject.toml").exists():
        return None
    try:
        described = subprocess.run(
            ["git", "describe", "--always", "--abbrev=12", "--dirty=+", "--exclude=*"],  # noqa: S607 - git from PATH
            cwd=here, capture_output=True, text=True, timeout=5, check=True,
        )  # fmt: skip
    except (OSError, subprocess.SubprocessError):
        return None
    return described.stdout.strip() or None
