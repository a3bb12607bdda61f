import pytest

from agent.errors import ModelError, UsageError
from agent.language_model import Reply
from agent.llm.scripted import ScriptedLanguageModel
from agent.prompts import REPLY_SCHEMA, Rewrite, rewrite_messages, write_reply
from agent.records import Candidate
from agent.rewriter import Attempt, RewriteTask
from agent.rewriters.llm import LLMRewriter
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
