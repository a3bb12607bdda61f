"""The distilled rewriter: what its model is told, which drafts it gives, and how a run finds it by folder or URL."""

import json
from pathlib import Path
from typing import Any

import pytest
from conformance_rewriter import RewriterConformance
from fakes import fast_config
from serve import completion, fake_openai
from tiny_rewriters import BRIEF, LEARNED, save_tiny_adapter, train_tiny_rewriter

from agent.config import RewriteConfig
from agent.config_file import make_config, read_config
from agent.doctor import examine
from agent.errors import ModelError, UsageError
from agent.language_model import Reply
from agent.llm.registry import open_rewriter_model
from agent.llm.scripted import ScriptedLanguageModel
from agent.plan import plan_run
from agent.prompts import PromptTemplates, distilled_messages
from agent.records import Candidate
from agent.rewriter import Attempt, Draft, Rewriter, RewriteTask
from agent.rewriter_card import RewriterBrief
from agent.rewriters.distilled import DistilledRewriter, find_brief
from agent.rewriters.registry import open_rewriter
from agent.rewriters.rules import RulesRewriter
from agent.run import begin_run
from agent.trajectory import read_trajectory

ORIGINAL = Attempt(Candidate(id="0", iteration=0, text="a cat", origin="prompt"), 0.4)
REFINEMENT = RewriteTask("a cat", history=(ORIGINAL,), champion="0", iteration=1, n=2, seed=1000)


class OneIdea:
    """Refines once."""

    name = "one idea"

    def rewrite(self, task: RewriteTask) -> list[Draft]:
        return [Draft("A cat that was seen.", origin="refine", parent=task.champion)][: task.n]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return train_tiny_rewriter(tmp_path_factory.mktemp("rewriter") / "model")


def distilled(*replies: Any, **settings: Any) -> tuple[ScriptedLanguageModel, DistilledRewriter]:
    model = ScriptedLanguageModel(list(replies))
    return model, DistilledRewriter(model, OneIdea(), **settings)


def test_the_answer_alone_is_the_text_and_every_call_is_counted() -> None:
    _, rewriter = distilled(" A cat walks.\n")
    (draft,) = rewriter.rewrite(RewriteTask("a cat"))
    assert (draft.text, draft.origin, draft.llm_calls, draft.unusable) == ("A cat walks.", "distilled", 1, None)
    assert draft.tokens_in
    assert draft.tokens_out == 3


def test_the_first_draft_is_the_likeliest_and_the_others_are_sampled_by_seed() -> None:
    model, rewriter = distilled("A cat.", "A cat sits.", "A cat runs.")
    rewriter.rewrite(RewriteTask("a cat", n=3, seed=7))
    assert [seed for _, seed, _ in model.calls] == [7, 8, 9]
    assert model.temperatures == [0.0, None, None]
    assert {schema for _, _, schema in model.calls} == {None}


def test_where_its_likeliest_text_was_tried_already_it_samples() -> None:
    model, rewriter = distilled("A cat.", "A cat sits.")
    rewriter.rewrite(RewriteTask("a cat", tried=("a cat",)))
    rewriter.rewrite(RewriteTask("a cat", tried=("a cat", "A cat."), seed=1))
    assert model.temperatures == [0.0, None]


def test_the_model_is_told_what_it_was_trained_to_be_told_whatever_the_run_says() -> None:
    brief = RewriterBrief(
        template="{% block system %}In {{ language }}.{% endblock %}{% block user %}{{ prompt }}{% endblock %}"
    )
    model, rewriter = distilled("A cat.", brief=brief)
    rewriter.rewrite(RewriteTask("a cat", style="wan", target_lang="zh"))
    assert model.calls[0][0] == brief.messages("a cat")
    assert model.calls[0][0][0]["content"] == "In English."


def test_without_a_brief_the_model_is_told_the_runs_style_by_the_runs_templates() -> None:
    task = RewriteTask("a cat", style="wan", target_lang="zh", trigger_words=("sks",))
    model, rewriter = distilled("A cat.")
    rewriter.rewrite(task)
    assert model.calls[0][0] == distilled_messages(task)


def test_a_generator_of_another_style_is_warned_of_once(caplog: pytest.LogCaptureFixture) -> None:
    _, rewriter = distilled("A cat.", "A cat.", "A cat.", brief=BRIEF)
    for style in ("wan", "wan", "general"):
        rewriter.rewrite(RewriteTask("a cat", style=style))
    assert [record.message for record in caplog.records] == [
        "the rewriter was trained to write for painter, and is asked for wan"
    ]


@pytest.mark.parametrize(
    ("reply", "why"),
    [
        (Reply(text="", finish_reason="stop"), "empty"),
        (Reply(text="A cat wal", finish_reason="length"), "--max-tokens"),
        (Reply(text="I'm sorry, but I can't help with that.", finish_reason="stop"), "refused"),
    ],
)
def test_a_reply_that_is_no_text_is_marked_and_paid_for(reply: Reply, why: str) -> None:
    _, rewriter = distilled(reply)
    (draft,) = rewriter.rewrite(RewriteTask("a cat"))
    assert draft.unusable is not None
    assert why in draft.unusable
    assert draft.llm_calls == 1


def test_thoughts_are_no_part_of_the_text_and_the_same_text_twice_is_one_draft() -> None:
    _, rewriter = distilled("<think>\n\n</think>\nA cat walks.", "A cat walks.")
    (draft,) = rewriter.rewrite(RewriteTask("a cat", n=2))
    assert (draft.text, draft.llm_calls) == ("A cat walks.", 2)


def test_others_refine_and_what_they_leave_is_filled_with_samples() -> None:
    model, rewriter = distilled("A cat walks.")
    drafts = rewriter.rewrite(REFINEMENT)
    assert [(draft.text, draft.origin) for draft in drafts] == [
        ("A cat that was seen.", "refine"),
        ("A cat walks.", "distilled"),
    ]
    assert model.temperatures == [None]
    assert "seen" not in json.dumps(model.calls[0][0])


def test_a_model_that_fails_costs_no_refinement_but_the_first_drafts() -> None:
    _, rewriter = distilled(ModelError("timeout"))
    assert [draft.origin for draft in rewriter.rewrite(REFINEMENT)] == ["refine"]
    _, rewriter = distilled(ModelError("timeout"))
    with pytest.raises(ModelError, match="timeout"):
        rewriter.rewrite(RewriteTask("a cat"))


class TestDistilled(RewriterConformance):
    @pytest.fixture
    def rewriter(self) -> Rewriter:
        model = ScriptedLanguageModel(lambda _, seed: f"Text number {seed}.")
        return DistilledRewriter(model, RulesRewriter(None), BRIEF)


def test_a_folder_or_url_in_the_rewriters_place_is_a_distilled_one(tmp_path: Path) -> None:
    folder = RewriteConfig(rewriter=str(tmp_path))
    assert (folder.rewriter, folder.model, folder.resolved_engine) == ("distilled", str(tmp_path), "transformers")
    url = RewriteConfig(rewriter="http://127.0.0.1:8000/v1", model="retake")
    assert (url.rewriter, url.base_url, url.resolved_engine) == ("distilled", "http://127.0.0.1:8000/v1", "endpoint")
    assert RewriteConfig(rewriter="package.module:Class").rewriter == "package.module:Class"
    assert RewriteConfig.model_validate(folder.model_dump()) == folder


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"rewriter": "distilled"}, "needs --rewriter-model: the folder that `retake distill` made"),
        ({"rewriter": "http://127.0.0.1:8000/v1"}, "its name there"),
        ({"rewriter": "http://me:secret@127.0.0.1:8000/v1", "model": "m"}, "no user, password or query"),
        ({"rewriter": "runs/sft", "model": "other"}, "name two places"),
        ({"rewriter": "runs/sft", "adapter": "other"}, "leave --rewriter-adapter and --rewriter-revision out"),
    ],
)
def test_settings_of_a_distilled_rewriter_that_do_not_fit_are_one_line(settings: dict[str, Any], told: str) -> None:
    with pytest.raises(UsageError, match=told) as slip:
        make_config({"rewrite": settings})
    assert "\n" not in str(slip.value)
    assert "secret" not in str(slip.value)


def test_a_folder_without_a_card_is_one_line(tmp_path: Path) -> None:
    for opened in (open_rewriter_model, lambda settings: open_rewriter(settings, None, None)):
        with pytest.raises(UsageError, match=r"holds no rewriter\.json: name a folder that `retake distill` has made"):
            opened(RewriteConfig(rewriter=str(tmp_path)))


def test_a_runs_own_template_is_told_in_place_of_the_cards(folder: Path) -> None:
    settings = RewriteConfig(rewriter=str(folder))
    own = "{% block system %}Mine.{% endblock %}{% block user %}{{ prompt }}{% endblock %}"
    assert find_brief(settings, PromptTemplates()) == BRIEF
    assert find_brief(settings, PromptTemplates({"rules": "Be brief."})) == BRIEF
    brief = find_brief(settings, PromptTemplates({"distilled": own}))
    assert brief == BRIEF.model_copy(update={"template": own})


def test_a_trained_model_writes_in_a_run_which_records_it_and_can_be_run_again(folder: Path, tmp_path: Path) -> None:
    prompt, learned = next(iter(LEARNED.items()))
    config = fast_config(rewrite__rewriter=str(folder), stop__max_iterations=1)
    result = begin_run(prompt, config, tmp_path, "run").execute()
    trajectory = read_trajectory(tmp_path / "run")
    assert trajectory.candidate("1").text == learned
    assert trajectory.candidate("1").origin == "distilled"
    lines = (tmp_path / "run" / "trajectory.jsonl").read_text(encoding="utf-8").splitlines()[1:]
    (checklist,) = [row["data"] for row in map(json.loads, lines) if row["event"] == "checklist"]
    assert checklist["made_by"] == "rules"
    assert trajectory.header["models"]["rewriter"]["name"] == "distilled"
    assert trajectory.header["models"]["rewriter"]["model"] == str(folder)
    assert result.totals.fallbacks == 0
    again = make_config(read_config(tmp_path / "run" / "config.json"))
    assert again == config


def test_an_adapters_folder_is_laid_over_the_base_of_its_card(folder: Path, tmp_path: Path) -> None:
    idle, busy = save_tiny_adapter(folder, tmp_path / "idle"), save_tiny_adapter(folder, tmp_path / "busy", scale=0.5)
    prompt, learned = next(iter(LEARNED.items()))

    def write(adapter: Path) -> tuple[str, dict[str, str | None]]:
        settings = RewriteConfig(rewriter=str(adapter), max_tokens=48)
        model = open_rewriter_model(settings)
        (draft,) = open_rewriter(settings, None, model).rewrite(RewriteTask(prompt, style="painter"))
        return draft.text, model.record

    text, record = write(idle)
    assert text == learned
    assert (record["model"], record["adapter"]) == (str(folder), str(idle))
    assert record["adapter_sha256"]
    assert write(busy)[0] != learned


def test_a_server_is_told_the_run_style_and_asked_for_no_json(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "none")
    with fake_openai(completion("A red circle moves up.")) as server:
        settings = RewriteConfig(rewriter=server.base_url, model="retake")
        rewriter = open_rewriter(settings, None, open_rewriter_model(settings))
        (draft,) = rewriter.rewrite(RewriteTask("a red ball", style="pocket"))
    assert draft.text == "A red circle moves up."
    asked = server.requests[-1]
    assert "response_format" not in asked
    assert asked["temperature"] == 0.0
    assert asked["messages"] == distilled_messages(RewriteTask("a red ball", style="pocket"))


def test_the_plan_counts_its_calls_and_the_doctor_names_it(folder: Path, tmp_path: Path) -> None:
    adapter = save_tiny_adapter(folder, tmp_path / "adapter")
    config = fast_config(rewrite__rewriter=str(adapter), rewrite__candidates=3, stop__max_iterations=2)
    plan = plan_run(config)
    assert plan.llm_calls == 9
    assert [holding.model for phase in plan.phases if phase.phase == "rewrite" for holding in phase.holdings] == [
        str(folder)
    ]
    (found,) = [finding for finding in examine(config) if finding.what == "rewriter"]
    assert (found.state, found.said) == ("good", f"distilled {adapter}, an adapter over {folder}")
    (broken,) = [
        finding for finding in examine(fast_config(rewrite__rewriter=str(tmp_path))) if finding.what == "rewriter"
    ]
    assert broken.state == "broken"
