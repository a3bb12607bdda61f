import pytest
from conformance_rewriter import RewriterConformance

from agent.errors import ModelError, UsageError
from agent.language_model import Reply
from agent.llm.scripted import ScriptedLanguageModel
from agent.prompts import CRITIQUE_SCHEMA, REPLY_SCHEMA, Rewrite, rewrite_messages, write_reply
from agent.records import Candidate
from agent.rewriter import Attempt, Draft, Rewriter, RewriteTask
from agent.rewriters.llm import LLMRewriter
from agent.trajectory import EVENTS, Drafts
from feedback.checklist import make_checklist
from graph_store.records import Modifier

BEACH = Modifier("a calm beach", "scene", 0.8, "beach", 3)
TRIED = Attempt(Candidate(id="0", iteration=0, text="a cat", origin="prompt"), 0.4)


def says(text: str, **fields) -> str:
    return write_reply(Rewrite(text, **fields))


def test_a_draft_carries_text_reason_fault_and_cost() -> None:
    model = ScriptedLanguageModel([says("A cat walks.", rationale="clearer", fault="prompt")])
    (draft,) = LLMRewriter(model).rewrite(RewriteTask("a cat", modifiers=(BEACH,)))
    assert (draft.text, draft.rationale, draft.fault) == ("A cat walks.", "clearer", "prompt")
    assert draft.origin == "retrieval"
    assert draft.modifiers == ("a calm beach",)
    assert draft.llm_calls == 1
    assert draft.tokens_in
    assert draft.tokens_out


def test_drafts_are_asked_for_with_seeds_counted_up_and_the_schema() -> None:
    model = ScriptedLanguageModel(lambda _, seed: says(f"Cat {seed}."))
    task = RewriteTask("a cat", history=(TRIED,), champion="0", seed=7, n=3)
    drafts = LLMRewriter(model).rewrite(task)
    assert [draft.text for draft in drafts] == ["Cat 7.", "Cat 8.", "Cat 9."]
    assert {draft.origin for draft in drafts} == {"refine"}
    assert [(seed, schema) for _, seed, schema in model.calls] == [(seed, REPLY_SCHEMA) for seed in (7, 8, 9)]
    assert model.calls[0][0] == rewrite_messages(task)


def test_first_drafts_are_made_with_and_without_modifiers_in_turn() -> None:
    model = ScriptedLanguageModel(lambda messages, seed: says(f"{'calm beach' in messages[1]['content']} {seed}"))
    drafts = LLMRewriter(model).rewrite(RewriteTask("a cat", modifiers=(BEACH,), n=2))
    assert [(draft.text, draft.origin) for draft in drafts] == [("True 0", "retrieval"), ("False 1", "instruction")]
    assert drafts[1].modifiers == ()


def test_the_same_text_twice_is_one_draft_that_cost_two_calls() -> None:
    (draft,) = LLMRewriter(ScriptedLanguageModel([says("A cat.")] * 2)).rewrite(RewriteTask("a cat", n=2))
    assert draft.llm_calls == 2


def test_an_unknown_cost_stays_unknown() -> None:
    replies = [Reply(text=says("A cat."), tokens_in=5, tokens_out=5), Reply(text=says("A cat."))]
    (draft,) = LLMRewriter(ScriptedLanguageModel(replies)).rewrite(RewriteTask("a cat", n=2))
    assert draft.tokens_in is None


@pytest.mark.parametrize(
    ("reply", "told"),
    [
        (Reply(text="", refusal="No."), "refused: No"),
        (Reply(text="A c", finish_reason="content_filter"), "content filter"),
        (Reply(text=says("A cat with a very"), finish_reason="length"), "token limit"),
        ("I'm sorry, but I can't help with that.", "refused"),
        (says("As an AI language model, I cannot."), "refused"),
        ("", "empty"),
        (says("  "), "empty"),
    ],
)
def test_what_is_no_rewrite_is_marked_unusable_and_its_cost_is_kept(reply: Reply | str, told: str) -> None:
    (draft,) = LLMRewriter(ScriptedLanguageModel([reply])).rewrite(RewriteTask("a cat"))
    assert told in (draft.unusable or "")
    assert draft.llm_calls == 1


def test_one_failed_call_does_not_cost_the_others() -> None:
    model = ScriptedLanguageModel([ModelError("timeout"), says("A cat.")])
    assert [draft.text for draft in LLMRewriter(model).rewrite(RewriteTask("a cat", n=2))] == ["A cat."]


def test_when_all_calls_fail_the_first_reason_is_told() -> None:
    model = ScriptedLanguageModel([ModelError("timeout"), ModelError("later")])
    with pytest.raises(ModelError, match="timeout"):
        LLMRewriter(model).rewrite(RewriteTask("a cat", n=2))


def test_a_wrong_key_ends_it_at_once() -> None:
    model = ScriptedLanguageModel([UsageError("wrong key"), says("A cat.")])
    with pytest.raises(UsageError):
        LLMRewriter(model).rewrite(RewriteTask("a cat", n=2))


KINDS = ("scene", "subject", "action", "atmosphere")
OF_EACH_KIND = tuple(Modifier(f"a {kind} phrase", kind, 0.8, "beach", 3) for kind in KINDS)
STEPWISE = RewriteTask("a cat", modifiers=OF_EACH_KIND, style="wan", seed=5)


def stepwise(model: ScriptedLanguageModel, task: RewriteTask = STEPWISE) -> list[Draft]:
    return LLMRewriter(model, compose="stepwise").rewrite(task)


def test_stepwise_each_kind_is_merged_into_what_the_last_step_left_and_then_the_style_comes() -> None:
    model = ScriptedLanguageModel([says(f"Cat {n}.", rationale=f"reason {n}.") for n in range(5)])
    (draft,) = stepwise(model)
    asked = [messages[1]["content"] for messages, _, _ in model.calls]
    assert ["<text>" in text for text in asked] == [True] * 5
    for step, kind in enumerate(KINDS):
        assert [f"a {other} phrase" in asked[step] for other in KINDS] == [other == kind for other in KINDS]
        assert f"<text>\n{'a cat' if step == 0 else f'Cat {step - 1}.'}\n</text>" in asked[step]
    assert "Aim for 80 to 100 words" in asked[4]
    assert "Aim for" not in "".join(asked[:4])
    assert {seed for _, seed, _ in model.calls} == {5}
    assert (draft.text, draft.origin) == ("Cat 4.", "retrieval")
    assert draft.modifiers == tuple(modifier.text for modifier in OF_EACH_KIND)
    assert draft.rationale == "reason 0. reason 1. reason 2. reason 3. reason 4."


def test_stepwise_counts_the_tokens_of_all_calls() -> None:
    replies = [Reply(text=says(f"Cat {n}."), tokens_in=100, tokens_out=10) for n in range(5)]
    (draft,) = stepwise(ScriptedLanguageModel(replies))
    assert (draft.tokens_in, draft.tokens_out, draft.llm_calls) == (500, 50, 5)


def test_a_step_that_fails_leaves_what_is_there_and_is_paid_for_where_it_replied() -> None:
    model = ScriptedLanguageModel(
        [says("Cat 0."), ModelError("timeout"), says(""), "I'm sorry, but I can't help with that.", says("Cat 4.")]
    )
    (draft,) = stepwise(model)
    assert "<text>\nCat 0.\n</text>" in model.calls[4][0][1]["content"]
    assert (draft.text, draft.unusable, draft.llm_calls) == ("Cat 4.", None, 4)
    assert draft.modifiers == ("a scene phrase",)


def test_when_the_last_step_fails_the_merged_text_is_the_draft() -> None:
    model = ScriptedLanguageModel([*(says(f"Cat {n}.") for n in range(4)), ModelError("timeout")])
    (draft,) = stepwise(model)
    assert (draft.text, draft.llm_calls) == ("Cat 3.", 4)


def test_when_all_steps_fail_the_first_reason_is_told() -> None:
    with pytest.raises(ModelError, match="first"):
        stepwise(ScriptedLanguageModel([ModelError("first"), *[ModelError("later")] * 4]))
    (draft,) = stepwise(ScriptedLanguageModel([Reply(text="", refusal="No."), ModelError("x"), *[says("")] * 3]))
    assert "refused: No" in (draft.unusable or "")
    assert draft.llm_calls == 4


def test_stepwise_is_for_first_candidates_with_modifiers_only() -> None:
    for task in (RewriteTask("a cat"), RewriteTask("a cat", modifiers=(BEACH,), history=(TRIED,), champion="0")):
        model = ScriptedLanguageModel([says("A cat.")])
        stepwise(model, task)
        assert model.calls[0][0] == rewrite_messages(task)
        assert len(model.calls) == 1


ASKED = tuple(make_checklist("a red circle moves to the left"))
FAILED = Attempt(
    Candidate(id="3", iteration=0, text="a red circle", origin="prompt"),
    0.4,
    critique="It stands still.",
    failing=(ASKED[-1].id,),
)
REFINEMENT = RewriteTask("a red circle moves to the left", ASKED, history=(FAILED,), champion="3", n=2, seed=9)
FINDING = f'{{"findings": [{{"question": "{ASKED[-1].id}", "change": "Say it first.", "fault": "prompt"}}]}}'


def critical(replies: list) -> tuple[ScriptedLanguageModel, list[Draft]]:
    model = ScriptedLanguageModel(replies)
    return model, LLMRewriter(model, critique=True).rewrite(REFINEMENT)


def test_a_critique_is_asked_once_and_goes_into_every_refinement_and_its_record() -> None:
    model, drafts = critical([FINDING, says("Left goes the circle."), says("The circle goes left.")])
    assert [schema for _, _, schema in model.calls] == [CRITIQUE_SCHEMA, REPLY_SCHEMA, REPLY_SCHEMA]
    assert "measured: It stands still." in model.calls[0][0][1]["content"]
    for messages, _, _ in model.calls[1:]:
        assert f"{ASKED[-1].text} Say it first. (at fault: prompt)" in messages[1]["content"]
    assert {draft.advice for draft in drafts} == {f"{ASKED[-1].text} Say it first. (at fault: prompt)"}
    assert [draft.llm_calls for draft in drafts] == [2, 1]


@pytest.mark.parametrize(("reply", "calls"), [(ModelError("timeout"), 2), ("Looks fine to me.", 3)])
def test_a_critique_that_fails_is_logged_and_left_out(
    reply: str | ModelError, calls: int, caplog: pytest.LogCaptureFixture
) -> None:
    model, drafts = critical([reply, says("Left goes the circle."), says("The circle goes left.")])
    assert model.calls[1][0] == rewrite_messages(REFINEMENT)
    assert {draft.advice for draft in drafts} == {""}
    assert sum(draft.llm_calls for draft in drafts) == calls
    assert "refining without a critique" in caplog.text


def test_the_price_of_a_critique_is_kept_when_the_draft_after_it_fails() -> None:
    _, (draft,) = critical([FINDING, ModelError("timeout"), says("The circle goes left.")])
    assert draft.llm_calls == 2


def test_nothing_is_criticised_where_nothing_failed_or_there_is_no_history() -> None:
    for task in (RewriteTask("a cat"), RewriteTask("a cat", history=(TRIED,), champion="0")):
        model = ScriptedLanguageModel([says("A cat.")])
        LLMRewriter(model, critique=True).rewrite(task)
        assert len(model.calls) == 1


def test_a_draft_with_advice_comes_back_from_state_and_trajectory() -> None:
    _, drafts = critical([FINDING, says("Left goes the circle."), says("The circle goes left.")])
    written = EVENTS["drafts"].dump_json(Drafts(drafts=drafts))
    assert EVENTS["drafts"].validate_json(written).drafts == drafts


class TestStepwiseAndCritical(RewriterConformance):
    """The rewriter with both switched on, as any other."""

    @pytest.fixture
    def rewriter(self) -> Rewriter:
        def reply(messages, seed) -> str:
            return FINDING if "<failing>" in messages[1]["content"] else says(f"A text for seed {seed}.")

        return LLMRewriter(ScriptedLanguageModel(reply), compose="stepwise", critique=True)
