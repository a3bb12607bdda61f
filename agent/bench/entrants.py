"""Rewriters that take part in a bench under names of their own: what was said of them, and their models."""

import hashlib
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from agent.bench.methods.distilled import Distilled
from agent.bench.methods.few_shot import FewShot
from agent.bench.records import Entrant
from agent.config import RewriteConfig
from agent.config_file import make_config, read_config
from agent.errors import UsageError
from agent.language_model import LanguageModel
from agent.llm.registry import open_rewriter_model
from agent.models import find_residents, writer_in_memory
from agent.rewriter_card import is_rewriter_folder
from feedback.resident import Resident

CONFIG_SUFFIXES = (".yaml", ".yml", ".json")
DEFAULT_NAME = "distilled"


def read_entrants(named: Sequence[str]) -> dict[str, Entrant]:
    """What `--distilled` means, given once or several times: NAME=WHAT, or WHAT, which is then called "distilled".

    WHAT is the folder of a distilled rewriter, the `rewrite` section of a config file, one's own class, or a model in
    this process that is told what --rewriter llm is told. Raises UsageError.
    """
    entrants: dict[str, Entrant] = {}
    for one in named:
        said = re.fullmatch(r"([\w.+-]+)=(.+)", one)
        name, what = said.groups() if said else (DEFAULT_NAME, one)
        if name in entrants:
            raise UsageError(
                f"--distilled names two rewriters {name!r}: give each a name, as in --distilled {name}-2={what}"
            )
        entrants[name] = Entrant(rewrite=read_rewriter(what), sha256=hash_weights(Path(what)))
    return entrants


def read_rewriter(what: str) -> RewriteConfig:
    """The settings of the rewriter that was named. Raises UsageError."""
    if is_rewriter_folder(Path(what)):
        return make_config({"rewrite": {"rewriter": "distilled", "model": what}}).rewrite
    if what.endswith(CONFIG_SUFFIXES):
        return make_config(read_config(Path(what))).rewrite
    if ":" in what and not Path(what).exists():
        return RewriteConfig(rewriter=what)
    return make_config({"rewrite": {"rewriter": "llm", "model": what}}).rewrite


def hash_weights(folder: Path) -> str | None:
    """SHA-256 over the safetensors of a folder, which tells a rewriter that was trained anew; None when it has none."""
    files = sorted(folder.glob("*.safetensors"))
    if not files:
        return None
    digests: list[str] = []
    for path in files:
        with path.open("rb") as file:
            digests.append(hashlib.file_digest(file, "sha256").hexdigest())
    return hashlib.sha256("".join(digests).encode()).hexdigest()


class Entrants:
    """The rewriters of a bench, opened: a model that several of them name is opened once. Raises UsageError."""

    def __init__(self, entrants: Mapping[str, Entrant]) -> None:
        opened: dict[str, LanguageModel | None] = {}
        residents: list[object] = []
        self.methods: list[Distilled | FewShot] = []
        """One for each, under its name."""
        for name, entrant in entrants.items():
            key = entrant.rewrite.model_dump_json()
            if key not in opened:
                opened[key] = open_rewriter_model(entrant.rewrite)
                residents.append(writer_in_memory(entrant.rewrite, opened[key]))
            model = opened[key]
            self.methods.append(
                FewShot(name, model, entrant.renders, entrant.brief, entrant.tries)
                if entrant.few_shot
                else Distilled(name, entrant, model)
            )
        self.residents: list[Resident] = find_residents(residents)
        """Their models in memory."""
