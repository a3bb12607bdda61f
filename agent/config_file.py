"""Settings as files, flags and messages have them: read, checked, flattened, compared."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import yaml
from pydantic import ValidationError
from pydantic.fields import FieldInfo

from agent.config import LoopConfig, Settings
from agent.errors import UsageError

Leaf = tuple[str, str, FieldInfo]


def config_leaves(settings: type[Settings] = LoopConfig, prefix: str = "") -> list[Leaf]:
    """Every setting as (dotted path, flag without dashes, field); fields that have no flag are left out."""
    leaves: list[Leaf] = []
    for name, field in settings.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, Settings):
            leaves += config_leaves(field.annotation, f"{prefix}{name}.")
            continue
        extra = cast("Mapping[str, Any]", field.json_schema_extra or {})
        flag = str(extra.get("flag", name.replace("_", "-")))
        if flag:
            leaves.append((prefix + name, flag, field))
    return leaves


def read_config(path: Path) -> dict[str, Any]:
    """The settings of a YAML or JSON file, or of a run's config.json. Raises UsageError when it is none."""
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UsageError(f"no config file at {path}; `retake config init` writes one") from None
    except (OSError, UnicodeDecodeError) as problem:
        raise UsageError(f"can't read the config file {path}: {problem}") from None
    except yaml.YAMLError as problem:
        raise UsageError(f"{path} is no YAML or JSON: {' '.join(str(problem).split())}") from None
    content = {} if content is None else content
    if not isinstance(content, dict):
        raise UsageError(f"{path} holds a {type(content).__name__}, a config is a mapping of sections")
    return {name: value for name, value in content.items() if name not in ("prompt", "typed")}


def make_config(settings: Mapping[str, Any], overrides: Mapping[str, Any] | None = None) -> LoopConfig:
    """A checked config from a nested mapping, with overrides by dotted path on top. Raises UsageError, one line."""
    tree = json.loads(
        json.dumps({name: {} if value is None else value for name, value in settings.items()}, default=str)
    )
    for path, value in (overrides or {}).items():
        *sections, leaf = path.split(".")
        branch = tree
        for section in sections:
            branch = branch.setdefault(section, {})
            if not isinstance(branch, dict):
                raise UsageError(f"config: {section} is a section of settings, found {branch!r}")
        branch[leaf] = value
    try:
        return LoopConfig.model_validate(tree)
    except ValidationError as problem:
        raise UsageError(f"config: {describe_validation(problem)}") from None


def describe_validation(problem: ValidationError) -> str:
    """A validation error in one line: which keys, what was found, what is allowed."""
    lines: list[str] = []
    for error in problem.errors(include_url=False):
        where = ".".join(str(part) for part in error["loc"])
        if error["type"] == "extra_forbidden":
            lines.append(f"unknown key {where!r}; known there: {', '.join(_known_keys(error['loc'][:-1]))}")
        elif error["type"] == "value_error":
            lines.append(str(error["ctx"]["error"]) if "ctx" in error else error["msg"])
        else:
            lines.append(f"{where}: {error['msg'][0].lower()}{error['msg'][1:]}, found {error['input']!r}")
    return "; ".join(lines)


def _known_keys(location: tuple[int | str, ...]) -> list[str]:
    settings: type[Settings] = LoopConfig
    for part in location:
        annotation = settings.model_fields[str(part)].annotation
        if isinstance(annotation, type) and issubclass(annotation, Settings):
            settings = annotation
    return list(settings.model_fields)


def differing_keys(one: LoopConfig, other: LoopConfig) -> list[str]:
    """Dotted paths at which two configs differ, each with both values."""

    def flat(config: LoopConfig) -> dict[str, Any]:
        rows: dict[str, Any] = {}

        def walk(branch: Mapping[str, Any], prefix: str) -> None:
            for name, value in branch.items():
                if isinstance(value, dict) and name != "weights":
                    walk(value, f"{prefix}{name}.")
                else:
                    rows[prefix + name] = value

        walk(config.model_dump(mode="json"), "")
        return rows

    left, right = flat(one), flat(other)
    return [f"{key} ({left[key]!r} there, {right[key]!r} now)" for key in left if left[key] != right[key]]
