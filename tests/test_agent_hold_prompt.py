"""A run under the principles: prompts that are softened or refused, candidates that break one."""

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from fakes import fast_config

from agent.batch import run_batch
from agent.config import LoopConfig
from agent.config_file import make_config
from agent.errors import UsageError
from agent.hold_prompt import hold_prompt
from agent.language_model import Message
from agent.llm.scripted import ScriptedLanguageModel
from agent.models import open_models
from agent.optimize import optimize
from agent.parts import Parts, open_parts
from agent.plan import count_calls
from agent.principles.judge import VERDICT_SCHEMA
from agent.principles.outcome import Principled
from agent.principles.soften_with_model import SOFTEN_SCHEMA
from agent.prompts import Rewrite, write_reply
from agent.rewriter import Draft, RewriteTask
from agent.rewriters.llm import LLMRewriter
from agent.run import begin_run, reopen_run
from agent.trajectory import Trajectory, read_trajectory

NAKED = "a naked red circle moves to the right -neg blur"
SOFTENED = "a red circle moves to the right"
REFUSED = "a naked child on a beach"
SAID_BY_MODEL = "a single red circle moves to the right"


def quick(**overrides: Any) -> LoopConfig:
    return fast_config(**{"render__seeds": 1, "verify__seeds": 1, "stop__max_iterations": 0} | overrides)


class Proposes:
    """A rewriter with the same drafts whatever it is asked."""

    name = "proposes"

    def __init__(self, *texts: str) -> None:
        self.texts = texts

    def rewrite(self, task: RewriteTask) -> list[Draft]:
        return [Draft(text) for text in self.texts]


class Talker(ScriptedLanguageModel):
    """A model that says what is asked of it by schema, and breaks the principle `accurate` in texts with `wrong`."""

    def __init__(self, wrong: str = "green") -> None:
        super().__init__(lambda messages, _: self._say(messages))
        self.wrong = wrong

    def _say(self, messages: Sequence[Message]) -> str:
        schema = self.calls[-1][2]
        if schema is SOFTEN_SCHEMA:
            return json.dumps({"rewrite": SAID_BY_MODEL})
        if schema is VERDICT_SCHEMA:
            text = messages[1]["content"].split("<text>")[1]
            accurate = {"reason": "it says so", "verdict": "no" if self.wrong in text else "yes"}
            unsure = {"reason": "who knows", "verdict": "unsure"}
            return json.dumps({"harmless": unsure, "accurate": accurate, "helpful": unsure})
        return write_reply(Rewrite("A red circle glides to the right over green grass."))

    def asked_with(self, schema: object) -> int:
        return sum(found is schema for _, _, found in self.calls)


def parts_with(config: LoopConfig, **changes: Any) -> Parts:
    return replace(open_parts(fast_config()), config=config, **changes)


def llm_config(**overrides: Any) -> LoopConfig:
    """As with a model behind a server, which is never asked: the tests bring their own."""
    server = {"rewrite__rewriter": "llm", "rewrite__model": "talker", "rewrite__base_url": "http://127.0.0.1:9/v1"}
    return quick(**server | overrides)


def run_proposals(folder: Path, prompt: str, *texts: str, **overrides: Any) -> Trajectory:
    config = quick(**overrides)
    begin_run(prompt, config, folder, "run").execute(parts_with(config, rewriter=Proposes(*texts)))
    return read_trajectory(folder / "run")


def test_a_prompt_that_is_refused_writes_nothing(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="is not rendered") as refused:
        begin_run(REFUSED, quick(), tmp_path)
    assert "\n" not in str(refused.value)
    assert list(tmp_path.iterdir()) == []


def test_a_harmful_prompt_is_softened_for_the_whole_run_and_the_typed_one_is_kept(tmp_path: Path) -> None:
    run = begin_run(NAKED, quick(), tmp_path, "run")
    assert [note for note in run.notes if "softened" in note and "'naked'" in note]
    result = run.execute()
    assert result.prompt == SOFTENED
    trajectory = read_trajectory(tmp_path / "run")
    assert trajectory.prompt == SOFTENED
    assert trajectory.candidate("0").text == SOFTENED
    assert all("naked" not in candidate.text for candidate in trajectory.candidates)
    softening = Principled.model_validate(trajectory.header["softening"])
    assert [finding.rule for finding in softening.findings] == ["harmless"]
    assert json.loads((tmp_path / "run" / "config.json").read_text())["typed"] == NAKED


def test_a_harmless_prompt_leaves_no_trace_of_the_principles(tmp_path: Path) -> None:
    run = begin_run(SOFTENED, quick(), tmp_path, "run")
    run.execute()
    assert not [note for note in run.notes if "softened" in note]
    assert "softening" not in read_trajectory(tmp_path / "run").header


def test_principles_off_takes_the_prompt_and_its_candidates_as_they_are(tmp_path: Path) -> None:
    config = quick(principles__by="off")
    assert hold_prompt(REFUSED, config.principles) == Principled(text=REFUSED)
    green = "A naked green circle moves to the right."
    trajectory = run_proposals(tmp_path, "a naked red circle moves to the right", green, principles__by="off")
    assert trajectory.prompt == "a naked red circle moves to the right"
    assert "naked" in trajectory.candidate("1").text


def test_the_same_command_finds_the_softened_run_again(tmp_path: Path) -> None:
    first = optimize(NAKED, quick(), tmp_path)
    (folder,) = tmp_path.iterdir()
    assert optimize(NAKED, quick(), tmp_path) == first
    assert reopen_run(folder).execute() == first
    assert list(tmp_path.iterdir()) == [folder]


def test_a_refused_prompt_in_a_batch_is_a_failed_row_and_not_the_end(tmp_path: Path) -> None:
    rows = run_batch([REFUSED, SOFTENED], quick(), tmp_path, lambda _: None)
    assert "is not rendered" in rows[0].error
    assert (rows[1].error, rows[1].renders > 0) == ("", True)


def test_a_candidate_that_contradicts_the_prompt_is_dropped_with_the_reason(tmp_path: Path) -> None:
    trajectory = run_proposals(tmp_path, SOFTENED, "A red circle moves to the left.", "A red circle glides right.")
    assert "sends the circle right, the text left" in (trajectory.candidate("1").dropped or "")
    assert trajectory.candidate("2").dropped is None


def test_a_candidate_that_names_what_was_to_be_left_out_is_dropped(tmp_path: Path) -> None:
    typed = f"{SOFTENED} -neg dogs"
    trajectory = run_proposals(tmp_path, typed, "A red circle moves to the right past dogs.")
    assert "wants no dogs" in (trajectory.candidate("1").dropped or "")


def test_a_harmful_candidate_is_softened_and_both_texts_are_kept(tmp_path: Path) -> None:
    raw = "A red circle moves to the right past a naked woman."
    candidate = run_proposals(tmp_path, SOFTENED, raw).candidate("1")
    assert candidate.dropped is None
    assert candidate.text == "A red circle moves to the right past a woman."
    assert candidate.raw_text == raw
    assert "harmless" in {finding.rule for finding in candidate.findings}


def test_a_model_softens_the_prompt_in_one_call_that_is_counted_and_never_made_again(tmp_path: Path) -> None:
    config, model = llm_config(principles__by="model"), Talker()
    parts = parts_with(config, language_model=model, rewriter=LLMRewriter(model))
    result = begin_run(NAKED, config, tmp_path, "run").execute(parts)
    assert result.prompt == SAID_BY_MODEL
    assert read_trajectory(tmp_path / "run").prompt == SAID_BY_MODEL
    assert model.asked_with(SOFTEN_SCHEMA) == 1
    assert result.totals.llm_calls == len(model.calls)
    (tmp_path / "run" / "result.json").unlink()
    (tmp_path / "run" / "checkpoints.sqlite").unlink()
    again = begin_run(NAKED, config, tmp_path, "run").execute(parts)
    assert model.asked_with(SOFTEN_SCHEMA) == 1
    assert again.prompt == SAID_BY_MODEL


def test_a_model_that_finds_a_candidate_inaccurate_drops_it_and_unsure_drops_nothing(tmp_path: Path) -> None:
    config, model = llm_config(principles__judge_text=True, rewrite__candidates=1), Talker()
    parts = parts_with(config, language_model=model, rewriter=LLMRewriter(model))
    result = begin_run(SOFTENED, config, tmp_path, "run").execute(parts)
    trajectory = read_trajectory(tmp_path / "run")
    dropped = trajectory.candidate("1")
    assert (dropped.dropped or "").startswith("accurate: by the model: it says so")
    judged = [c for c in trajectory.candidates if c.id != "0" and "glides to the right over green" not in c.text]
    assert all(candidate.dropped is None and candidate.origin == "fallback" for candidate in judged)
    assert model.asked_with(VERDICT_SCHEMA) == len(trajectory.candidates) - 1
    assert result.totals.llm_calls == len(model.calls)
    models = replace(open_models(fast_config()), language_model=model)
    assert result.totals.llm_calls <= count_calls(config, models, renders=0)


@pytest.mark.parametrize("setting", [{"principles.by": "model"}, {"principles.judge_text": True}])
def test_what_needs_a_model_is_refused_without_one(setting: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match="needs --rewriter llm"):
        make_config({}, setting)
