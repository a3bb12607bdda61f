"""Prompt templates: ours render for any task, the user's own replace them, and their slips are told at the start."""

from pathlib import Path

import pytest
import typer
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from agent.errors import UsageError
from agent.prompts import PromptTemplates, read_templates, rewrite_messages
from agent.prompts.templates import TEMPLATES, VARIABLES
from agent.prompts_cli import app
from agent.rewriter import RewriteTask

MINE = "{% block system %}Be brief in {{ language }}.{% endblock %}{% block user %}Say: {{ prompt }}{% endblock %}"


def write(folder: Path, **sources: str) -> Path:
    for name, source in sources.items():
        (folder / f"{name}.j2").write_text(source, encoding="utf-8")
    return folder


def test_an_own_template_replaces_ours_and_the_others_stay(tmp_path: Path) -> None:
    templates = read_templates(write(tmp_path, instruct=MINE))
    system, user = rewrite_messages(RewriteTask("a cat", target_lang="de"), templates)
    assert system["content"] == "Be brief in German."
    assert user["content"] == "Say: a cat"
    assert templates.source("refine") == read_templates(None).source("refine")
    assert templates.own == {"instruct": MINE}


def test_own_rules_are_in_every_prompt_that_writes(tmp_path: Path) -> None:
    templates = read_templates(write(tmp_path, rules="Rhyme. At most {{ word_limit }} words."))
    system, _ = rewrite_messages(RewriteTask("a cat", word_limit=33), templates)
    assert system["content"] == "Rhyme. At most 33 words."


def test_templates_kept_as_texts_render_as_those_of_the_folder(tmp_path: Path) -> None:
    templates = read_templates(write(tmp_path, instruct=MINE))
    task = RewriteTask("a cat")
    assert rewrite_messages(task, PromptTemplates(templates.own)) == rewrite_messages(task, templates)


BLOCKS = "{% block system %}s{% endblock %}{% block user %}BODY{% endblock %}"


@pytest.mark.parametrize(
    ("source", "told"),
    [
        ("{% block system %}\n{% if %}", "line 2"),
        (BLOCKS.replace("BODY", "{{ prompt | shout }}"), "No filter named 'shout'"),
        (BLOCKS.replace("BODY", "{{ promt }}"), "uses 'promt', which is not there; known: prompt, text"),
        ("{% block system %}s{% endblock %} {{ prompt }}", "has no block 'user'"),
        (BLOCKS.replace("BODY", "{% for c in candidates %}{{ c.points }}{% endfor %}"), "points"),
        (BLOCKS.replace("BODY", "{{ word_limit / 0 }}"), "ZeroDivisionError"),
        (BLOCKS.replace("BODY", "{{ ''.__class__.__mro__ }}"), "unsafe"),
        (BLOCKS.replace("BODY", "{% include '../../../pyproject.toml' %}"), "can't be rendered"),
    ],
)
def test_a_slip_in_an_own_template_is_one_line_that_names_the_file(source: str, told: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"refine\.j2") as caught:
        read_templates(write(tmp_path, refine=source))
    assert told in str(caught.value)
    assert str(tmp_path) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["rewrite.j2", "refine.txt", "Refine.j2"])
def test_a_file_that_is_none_of_ours_is_refused(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text(MINE, encoding="utf-8")
    with pytest.raises(UsageError, match=r"is none of the prompts; known: merge\.j2, instruct\.j2"):
        read_templates(tmp_path)


def test_a_folder_that_is_missing_or_empty_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="prompts init"):
        read_templates(tmp_path / "none")
    with pytest.raises(UsageError, match="no prompts in"):
        read_templates(tmp_path)


def test_text_that_is_no_utf_8_is_refused(tmp_path: Path) -> None:
    (tmp_path / "refine.j2").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(UsageError, match="UTF-8"):
        read_templates(tmp_path)


@settings(deadline=None, max_examples=50)
@given(st.text(st.characters(exclude_characters="<"), max_size=80))
def test_what_is_typed_is_never_run_as_a_template(prompt: str) -> None:
    typed = f"{{{{ 7 * 6 }}}}{{% if x %}} {prompt}"
    assert f"<prompt>\n{typed}" in rewrite_messages(RewriteTask(typed))[1]["content"]


def test_all_prompts_written_out_are_ours_again(tmp_path: Path) -> None:
    folder = tmp_path / "[red]mine"
    made = CliRunner().invoke(app, ["init", str(folder)])
    assert made.exit_code == 0, made.output
    assert {file.stem for file in folder.iterdir()} == set(TEMPLATES)
    task = RewriteTask("a cat", trigger_words=("sks",))
    assert rewrite_messages(task, read_templates(folder)) == rewrite_messages(task)


def test_nothing_that_is_there_is_overwritten(tmp_path: Path) -> None:
    write(tmp_path, rules="mine")
    done = CliRunner().invoke(app, ["init", str(tmp_path)])
    assert isinstance(done.exception, UsageError)
    assert (tmp_path / "rules.j2").read_text(encoding="utf-8") == "mine"
    assert len(list(tmp_path.iterdir())) == 1


def test_a_prompt_is_shown_and_without_a_name_all_names_and_variables(tmp_path: Path) -> None:
    runner = CliRunner()
    assert "{% block user %}" in runner.invoke(app, ["show", "refine"]).output
    own = runner.invoke(app, ["show", "instruct", "--templates", str(write(tmp_path, instruct=MINE))])
    assert own.output.strip() == MINE
    overview = runner.invoke(app, ["show"]).output
    assert all(name in overview for name in [*TEMPLATES, *VARIABLES])
    assert isinstance(runner.invoke(app, ["show", "judge"]).exception, UsageError)


def test_the_commands_fit_under_another(tmp_path: Path) -> None:
    outer = typer.Typer()
    outer.add_typer(app, name="prompts")
    outer.command("other")(lambda: None)
    assert CliRunner().invoke(outer, ["prompts", "show", "merge"]).exit_code == 0
