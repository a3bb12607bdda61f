"""Parts chosen by name: a table of known ones, or the user's own as 'package.module:Class'."""

from collections.abc import Mapping
from importlib import import_module
from typing import Any

from agent.errors import UsageError


def load_part(what: str, name: str, known: Mapping[str, str]) -> Any:
    """The class or factory of that name.

    `known` maps names to 'package.module:attribute'; a module is imported only when it is asked for.
    Raises UsageError for an unknown name (listing the known ones) or one that can't be imported.
    """
    target = known.get(name, name)
    module_name, colon, attribute = target.partition(":")
    if not (module_name and colon and attribute):
        raise UsageError(
            f"unknown {what} {name!r}; known: {', '.join(sorted(known))}, or your own 'package.module:Class'"
        )
    try:
        return getattr(import_module(module_name), attribute)
    except (ImportError, AttributeError) as problem:
        raise UsageError(f"{what} {name!r}: {problem}") from problem


def make_part(what: str, name: str, known: Mapping[str, str], *arguments: Any, **settings: Any) -> Any:
    """The part of that name, made with these arguments. Raises UsageError when it takes others, or is no class."""
    kind = load_part(what, name, known)
    try:
        return kind(*arguments, **settings)
    except TypeError as problem:
        raise UsageError(f"{what} {name!r}: {problem}") from problem
