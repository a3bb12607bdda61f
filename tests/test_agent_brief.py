"""What a run's rewrites have in common: read from the header, the same in the loop and in fine-tuning."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from fakes import fast_config

from agent.brief import read_brief
from agent.llm.scripted import ScriptedLanguageModel
from agent.parts import open_parts
from agent.prompts import PromptTemplates, Rewrite, write_reply
from agent.rewriter import Rewriter
from agent.rewriter_card import brief_of
from agent.rewriters.distilled import DistilledRewriter
from agent.rewriters.llm import LLMRewriter
from agent.rewriters.rules import RulesRewriter
from agent.run import begin_run
from agent.trajectory import Journal, Trajectory, read_trajectory

LOOSE = "a motionless crimson ball"
MINE = "{% block system %}{{ style }}{% endblock %}{% block user %}{{ trigger_words }} {{ prompt }}{% endblock %}"


def header(rewrite: dict[str, Any] | None = None, renderer: dict[str, Any] | None = None, prompt: str = LOOSE) -> dict:
    settings = {"target_lang": "en", "word_limit": 120} | (rewrite or {})
    return {"prompt": prompt, "config": {"rewrite": settings}, "models": {"renderer": renderer or {}}}


def test_a_header_of_an_earlier_version_has_the_defaults() -> None:
    old = read_trajectory(Path(__file__).parent / "data" / "trajectory_v1.jsonl")
    brief = read_brief(old.header, old.checklist, ())
    assert (brief.prompt, brief.style, brief.trigger_words) == (old.prompt, "general", ())
    assert (brief.target_lang, brief.word_limit, brief.generator_words) == ("en", 120, None)


def test_the_style_is_the_renderers_unless_one_is_set() -> None:
    wan = {"family": "wan", "token_limit": 512}
    assert read_brief(header(renderer=wan), (), ()).style == "wan"
    assert read_brief(header({"caption_style": "ltx"}, wan), (), ()).style == "ltx"
    assert read_brief(header(renderer=wan), (), ()).generator_words == 384


@pytest.mark.parametrize(("prompt", "language"), [("一只猫", "zh"), ("a cat", "en")])
def test_auto_is_the_language_of_the_prompt(prompt: str, language: str) -> None:
    assert read_brief(header({"target_lang": "auto"}, prompt=prompt), (), ()).target_lang == language


def run(folder: Path, texts: list[str], told: dict[str, Any]) -> tuple[ScriptedLanguageModel, Trajectory]:
    """A run of one draft a round by a language model, whose header says `told` beside what it always says."""
    model = ScriptedLanguageModel([write_reply(Rewrite(text)) for text in texts])
    return model, run_with(LLMRewriter(model, PromptTemplates(told.get("templates"))), folder, told)


def run_with(rewriter: Rewriter, folder: Path, told: dict[str, Any]) -> Trajectory:
    config = fast_config(stop__max_iterations=0, rewrite__candidates=1, render__seeds=1, verify__seeds=0)
    execution = begin_run(LOOSE, config, folder, "run")
    parts = replace(open_parts(config), rewriter=rewriter)
    begun = {
        "prompt": LOOSE,
        "config": config.model_dump(mode="json"),
        "models": {"renderer": {"name": "painter", "model": "retake/painter"}},
    }
    begun["config"]["rewrite"] |= told["rewrite"]
    begun["models"]["renderer"] |= told["renderer"]
    execution.folder.path.mkdir()
    Journal(execution.folder.trajectory_file).start(begun | {k: v for k, v in told.items() if k == "templates"})
    execution.execute(parts)
    return read_trajectory(folder / "run")


@pytest.mark.parametrize("templates", [{}, {"distilled": MINE}])
def test_what_a_rewriter_will_be_trained_on_is_the_very_text_of_the_loop(
    templates: dict[str, str], tmp_path: Path
) -> None:
    told = {
        "rewrite": {"trigger_words": ["ohwx style"]},
        "renderer": {"family": "pocket", "token_limit": 40},
        "templates": templates,
    }
    model, own = ScriptedLanguageModel(["A red circle stays still on a black background."]), PromptTemplates(templates)
    trajectory = run_with(DistilledRewriter(model, RulesRewriter(None), templates=own), tmp_path, told)
    asked = [dict(message) for message in model.calls[0][0]]
    assert any("ohwx style" in str(message["content"]) for message in asked)
    brief = brief_of(read_brief(trajectory.header, (), ()), own)
    assert brief.messages(trajectory.prompt) == asked


def test_every_candidate_but_the_original_holds_the_trigger_words(tmp_path: Path) -> None:
    told = {"rewrite": {"trigger_words": ["ohwx style"]}, "renderer": {}}
    _, trajectory = run(tmp_path, ["A red circle stays still on a black background."], told)
    original, *others = trajectory.candidates
    assert original.text == LOOSE
    assert others
    assert all(candidate.text.startswith("ohwx style, ") for candidate in others)


def test_a_draft_in_the_wrong_script_is_dropped_and_the_rules_write_in_the_persons_words(tmp_path: Path) -> None:
    _, trajectory = run(tmp_path, ["一个红色的圆停在黑色背景上。"], {"rewrite": {"target_lang": "de"}, "renderer": {}})
    dropped, *fallbacks = trajectory.candidates[1:]
    assert (dropped.dropped or "").startswith("language: ")
    assert {candidate.origin for candidate in fallbacks} == {"fallback"}
    assert all(candidate.dropped is None for candidate in fallbacks)


def test_the_rules_are_not_held_to_another_script(tmp_path: Path) -> None:
    _, trajectory = run(tmp_path, ["A red circle."], {"rewrite": {"target_lang": "zh"}, "renderer": {}})
    assert [(c.origin, c.dropped is None) for c in trajectory.candidates[1:]] == [
        ("retrieval", False),
        ("fallback", True),
    ]
