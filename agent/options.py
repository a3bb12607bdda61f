"""Command-line options made from the config tree, so that a setting has one place: its field in `agent.config`."""

import functools
import inspect
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, get_args, get_origin

import typer
from pydantic.fields import FieldInfo

from agent.config import LoopConfig
from agent.config_file import config_leaves, make_config, read_config
from agent.errors import UsageError

ALIASES = {"seed": ("--base-seed",), "remember": (" /--no-memory",)}
"""Other names of a flag: those that users of other tools know it by; and --no-memory, whose --memory is taken."""

ConfigFile = Annotated[
    Path | None,
    typer.Option("--config", help="YAML or JSON with the same names, in sections.", rich_help_panel="Config"),
]
NoRetrieval = Annotated[
    bool, typer.Option("--no-retrieval", help="The same as --graph none.", rich_help_panel="Retrieve")
]
Size = Annotated[str | None, typer.Option("--size", help="Width x height, e.g. 832x480.", rich_help_panel="Render")]


def with_config_options(command: Callable[..., None], uses: Callable[[str], bool] | None = None) -> Callable[..., None]:
    """The command with a flag for every setting, or for those whose dotted path it `uses`.

    It gets the resolved `config: LoopConfig` as a keyword.
    """
    leaves = [leaf for leaf in config_leaves() if uses is None or uses(leaf[0])]

    @functools.wraps(command)
    def run(**given: Any) -> None:
        overrides = {path: _plain(given.pop(_parameter(path))) for path, _, _ in leaves}
        if given.pop("no_retrieval"):
            overrides["retrieve.graph"] = _graph_none(overrides["retrieve.graph"])
        config = resolve_config(given.pop("config_file"), given.pop("size"), overrides)
        command(**given, config=config)

    options = {_parameter(path): setting_option(path, flag, field) for path, flag, field in leaves}
    files = {"config_file": ConfigFile, "size": Size, "no_retrieval": NoRetrieval}
    return with_parameters(run, command, "config", files | options, {"no_retrieval": False})


def with_parameters(
    run: Callable[..., None],
    command: Callable[..., None],
    made: str,
    options: Mapping[str, Any],
    defaults: Mapping[str, Any] | None = None,
) -> Callable[..., None]:
    """`run` with the command's parameters but for `made`, and these options, by name with their annotations."""
    own = [
        parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY)
        for name, parameter in inspect.signature(command).parameters.items()
        if name != made
    ]
    others = [
        inspect.Parameter(
            name, inspect.Parameter.KEYWORD_ONLY, default=(defaults or {}).get(name), annotation=annotation
        )
        for name, annotation in options.items()
    ]
    run.__signature__ = inspect.Signature([*own, *others])  # type: ignore[attr-defined]
    run.__annotations__ = {parameter.name: parameter.annotation for parameter in (*own, *others)}
    return run


def resolve_config(config_file: Path | None, size: str | None, overrides: dict[str, Any]) -> LoopConfig:
    """File first, then `--size`, then the flags that were given. Raises UsageError."""
    settings = read_config(config_file) if config_file else {}
    given = {path: value for path, value in overrides.items() if value is not None}
    if size is not None:
        match = re.fullmatch(r"(\d+)\s*[x*×]\s*(\d+)", size)
        if match is None:
            raise UsageError(f"--size {size!r} is no width x height, e.g. 832x480")
        given = {"render.width": int(match[1]), "render.height": int(match[2])} | given
    return make_config(settings, given)


def _graph_none(graph: str | None) -> str:
    if graph not in (None, "none"):
        raise UsageError(f"--no-retrieval is --graph none, found --graph {graph} beside it: leave one of them out")
    return "none"


def _plain(value: Any) -> Any:
    return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, _CommaList) else value


class _CommaList(str):
    """A list given on the command line as "a,b,c"."""

    __slots__ = ()


def _parameter(path: str) -> str:
    return path.replace(".", "__")


def setting_option(path: str, flag: str, field: FieldInfo) -> Any:
    """The annotation of a flag for this setting; without a value the flag says nothing, so that a file may."""
    kind = _value_type(field.annotation)
    panel = path.split(".")[0].capitalize() if "." in path else "Config"
    default = field.get_default()
    shown = ", ".join(default) if isinstance(default, list) else default
    text = f"{field.description} (default: {shown})" if default not in (None, "") else str(field.description)
    names = (f"--{flag}/--no-{flag}" if kind is bool else f"--{flag}", *ALIASES.get(flag, ()))
    if kind is _CommaList:
        option = typer.Option(*names, help=text, rich_help_panel=panel, parser=_CommaList, metavar="A,B,…")
    else:
        option = typer.Option(*names, help=text, rich_help_panel=panel, show_default=False)
    return Annotated[kind | None, option]


def _value_type(annotation: Any) -> Any:
    """int, float, str, bool, a Literal, or _CommaList for a list."""
    if isinstance(annotation, UnionType):
        annotation = next(part for part in get_args(annotation) if part is not NoneType)
    if get_origin(annotation) is list:
        return _CommaList
    if get_origin(annotation) is Literal:
        return annotation
    return annotation
