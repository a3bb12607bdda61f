"""One tree of settings: file, flags and saved config are the same thing."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from agent.cli import app
from agent.config import LoopConfig
from agent.config_file import config_leaves, differing_keys, make_config, read_config
from agent.errors import UsageError
from agent.options import resolve_config


def test_every_setting_has_a_description_and_a_flag_of_its_own() -> None:
    leaves = config_leaves()
    flags = [flag for _, flag, _ in leaves]
    assert len(flags) == len(set(flags))
    assert all(field.description for _, _, field in leaves)


def test_saved_config_reads_back_as_itself(tmp_path: Path) -> None:
    config = make_config({"stop": {"patience": 3}, "render": {"seeds": 1}})
    path = tmp_path / "config.json"
    path.write_text(config.model_dump_json(), encoding="utf-8")
    assert make_config(read_config(path)) == config


def test_flags_win_over_the_file_and_the_file_over_defaults(tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    path.write_text("stop: {patience: 3, max_iterations: 1}\n", encoding="utf-8")
    config = resolve_config(path, "128x64", {"stop.patience": 5, "stop.min_delta": None})
    assert (config.stop.patience, config.stop.max_iterations, config.stop.min_delta) == (5, 1, 0.005)
    assert (config.render.width, config.render.height) == (128, 64)


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"stop": {"patienc": 1}}, "known there: max_iterations"),
        ({"colour": 1}, "known there: seed"),
        ({"stop": {"patience": 0}}, "stop.patience"),
        ({"stop": {"patience": "many"}}, "found 'many'"),
        ({"render": {"renderer": "diffusers"}}, "--model"),
        ({"rewrite": {"rewriter": "llm"}}, "--rewriter-base-url"),
        ({"review": "maybe"}, "review"),
    ],
)
def test_a_wrong_setting_is_named_in_one_line(settings: dict[str, Any], says: str) -> None:
    with pytest.raises(UsageError) as slip:
        make_config(settings)
    assert says in str(slip.value)
    assert "\n" not in str(slip.value)


@pytest.mark.parametrize("content", ["a: [1", "- 1\n- 2\n", "just words", "\t: x"])
def test_a_file_that_is_no_mapping_is_refused_in_one_line(content: str, tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(UsageError) as slip:
        read_config(path)
    assert "\n" not in str(slip.value)


def test_missing_and_binary_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="config init"):
        read_config(tmp_path / "none.yaml")
    (tmp_path / "b.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(UsageError, match="can't read"):
        read_config(tmp_path / "b.yaml")


def test_size_that_is_none_is_refused() -> None:
    with pytest.raises(UsageError, match="832x480"):
        resolve_config(None, "wide", {})


def test_differing_keys_are_named_with_both_values() -> None:
    changed = make_config({"stop": {"patience": 7}})
    assert differing_keys(LoopConfig(), changed) == ["stop.patience (2 there, 7 now)"]
    assert differing_keys(changed, changed) == []


def test_init_writes_a_file_that_validates_and_says_what_each_setting_means(tmp_path: Path) -> None:
    path = tmp_path / "retake.yaml"
    runner = CliRunner()
    assert runner.invoke(app, ["config", "init", str(path), "--patience", "3"]).exit_code == 0
    assert make_config(read_config(path)) == make_config({"stop": {"patience": 3}})
    assert "# Iterations without improvement" in path.read_text(encoding="utf-8")
    assert runner.invoke(app, ["config", "validate", str(path)]).exit_code == 0


def test_schema_is_json_and_knows_every_section() -> None:
    printed = CliRunner().invoke(app, ["config", "schema"]).output
    assert set(json.loads(printed)["properties"]) == set(LoopConfig.model_fields)
