"""Commands that train a rewriter: `retake distill sft`, `dpo`, `merge` and `push`."""

import functools
import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console

from agent.options import setting_option, with_parameters
from finetune.training.settings import DPOSettings, S, SFTSettings, make_settings

if TYPE_CHECKING:
    from finetune.training.data import Method

Data = Annotated[Path, typer.Argument(help="Folder that `retake distill pairs` wrote.")]
OutputDir = Annotated[Path, typer.Option(help="Folder of the run, and of the rewriter that comes of it.")]
ConfigFile = Annotated[Path | None, typer.Option("--config", help="YAML with the flags' names; flags win.")]


def with_settings(kind: type[S]) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """A command with a flag for every field of these settings; it gets them as the keyword `settings`."""

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        @functools.wraps(command)
        def run(**given: Any) -> None:
            flags = {name: given.pop(name) for name in kind.model_fields}
            settings = make_settings(kind, given.pop("config_file"), flags)
            command(**given, settings=settings)

        options = {
            name: setting_option(name, name.replace("_", "-"), field) for name, field in kind.model_fields.items()
        }
        return with_parameters(run, command, "settings", {"config_file": ConfigFile, **options})

    return decorate


@with_settings(SFTSettings)
def sft_command(data: Data, output_dir: OutputDir, *, settings: SFTSettings) -> None:
    """Train a rewriter to answer with the texts that won. The same command goes on where it was broken off.

    In several processes: accelerate launch --config_file FILE -m retake distill sft …
    """
    _train("sft", data, output_dir, settings)


@with_settings(DPOSettings)
def dpo_command(data: Data, output_dir: OutputDir, *, settings: DPOSettings) -> None:
    """Train a rewriter to prefer the better of two texts. The same command goes on where it was broken off.

    --model may be what `retake distill sft` made: that is then the reference, and an adapter is trained on.
    """
    _train("dpo", data, output_dir, settings)


def merge_command(
    adapter: Annotated[Path, typer.Argument(help="Rewriter with an adapter, of `retake distill sft` or `dpo`.")],
    output_dir: Annotated[Path, typer.Argument(help="Folder for the whole model; must not be there.")],
) -> None:
    """Lay an adapter into its base model, for servers that take no adapters."""
    from finetune.training.merge import merge

    merge(adapter, output_dir)
    Console().print(f"a whole model in {output_dir}", markup=False, highlight=False, soft_wrap=True)


def push_command(
    folder: Annotated[Path, typer.Argument(help="Rewriter that training or merging left.")],
    repo: Annotated[str, typer.Argument(help="owner/name on the hub; made if need be.")],
    public: Annotated[bool, typer.Option("--public", help="For all to see, should it be made.")] = False,
) -> None:
    """Upload a rewriter to the Hugging Face hub, to a private repository; the key is HF_TOKEN."""
    from finetune.training.push import push

    Console().print(push(folder, repo, public=public), markup=False, highlight=False, soft_wrap=True)


def _train(method: "Method", data: Path, output_dir: Path, settings: DPOSettings | SFTSettings) -> None:
    from finetune.training.data import read_data
    from finetune.training.folder import TrainingFolder, is_main_process

    # TRL would tell its makers of each run.
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    console = Console(quiet=not is_main_process())
    rows, folder = read_data(data, method), TrainingFolder(output_dir)
    if folder.is_finished:
        folder.check_same({"method": method, "data": rows.sha256, **settings.model_dump(mode="json")})
        console.print(f"{output_dir} is finished already", markup=False, highlight=False, soft_wrap=True)
        return
    try:
        if isinstance(settings, DPOSettings):
            from finetune.training.dpo import train_dpo

            train_dpo(rows, folder, settings, console)
        else:
            from finetune.training.sft import train_sft

            train_sft(rows, folder, settings, console)
    except KeyboardInterrupt:
        console.print("\n[yellow]stopped.[/] The same command goes on from the last checkpoint.", soft_wrap=True)
        raise typer.Exit(130) from None
    console.print(f"a rewriter in {output_dir}", markup=False, highlight=False, soft_wrap=True)
