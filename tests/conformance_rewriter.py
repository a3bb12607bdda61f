"""What every Rewriter must do."""

from typing import get_args

from hypothesis import given, settings
from hypothesis import strategies as st

from agent.records import Candidate, Fault
from agent.rewriter import Attempt, Draft, Rewriter, RewriteTask, same_words
from agent.state import draft_rows
from agent.trajectory import EVENTS, Drafts
from feedback.checklist import make_checklist
from graph_store.records import Modifier

PROMPT = "two crimson balls drifting leftwards on a black background"
MODIFIERS = (
    Modifier("on a black background", "scene", 0.9, "on a black background", 9),
    Modifier("two red circles", "subject", 0.8, "on a black background", 7),
    Modifier("move to the left", "action", 0.7, "on a black background", 5),
)
FIRST = RewriteTask(PROMPT, tuple(make_checklist(PROMPT)), MODIFIERS, n=3, seed=4)
ATTEMPTS = (
    Attempt(Candidate(id="0", iteration=0, text=PROMPT, origin="prompt"), 0.2, {"motion": None}, "it stands still"),
    Attempt(
        Candidate(id="1", iteration=0, text="Two red circles, nothing else.", origin="retrieval"),
        0.4,
        {"motion": 0.1, "alignment": None},
        "nothing moves",
        tuple(question.id for question in FIRST.checklist),
    ),
)
REFINEMENT = RewriteTask(PROMPT, FIRST.checklist, MODIFIERS, ATTEMPTS, champion="1", iteration=1, n=3, seed=1004)
EVOLUTION = RewriteTask(**{**vars(REFINEMENT), "parents": ("1", "0")})


class RewriterConformance:
    """Mixed into a test class that has a fixture `rewriter`: one that can write any number of drafts."""

    def test_writes_no_more_than_was_asked_for(self, rewriter: Rewriter) -> None:
        for n in (1, 2, 5):
            for task in (FIRST, REFINEMENT, EVOLUTION):
                assert len(rewriter.rewrite(_with(task, n=n))) <= n

    def test_same_task_same_drafts(self, rewriter: Rewriter) -> None:
        for task in (FIRST, REFINEMENT, EVOLUTION):
            assert rewriter.rewrite(task) == rewriter.rewrite(task)

    def test_no_two_drafts_say_the_same(self, rewriter: Rewriter) -> None:
        for task in (REFINEMENT, EVOLUTION):
            texts = [draft.text for draft in rewriter.rewrite(_with(task, n=5))]
            assert not [(a, b) for i, a in enumerate(texts) for b in texts[:i] if same_words(a, b)]

    def test_a_usable_draft_has_words(self, rewriter: Rewriter) -> None:
        assert all(draft.text.strip() or draft.unusable for draft in rewriter.rewrite(FIRST))

    def test_drafts_say_where_they_come_from(self, rewriter: Rewriter) -> None:
        assert {draft.origin for draft in rewriter.rewrite(FIRST)} <= {"retrieval", "instruction", "distilled"}
        refined = rewriter.rewrite(REFINEMENT)
        assert {draft.origin for draft in refined} <= {"refine", "distilled"}
        assert {draft.parent for draft in refined} <= {None, "0", "1"}
        assert {draft.fault for draft in refined} <= set(get_args(Fault))

    def test_drafts_come_back_from_state_and_trajectory_as_they_were(self, rewriter: Rewriter) -> None:
        drafts = rewriter.rewrite(REFINEMENT)
        written = EVENTS["drafts"].dump_json(Drafts(drafts=drafts))
        assert EVENTS["drafts"].validate_json(written).drafts == drafts
        assert all(Draft(**{**row, "modifiers": tuple(row["modifiers"])}) in drafts for row in draft_rows(drafts))

    def test_the_task_may_hold_nothing_but_a_prompt(self, rewriter: Rewriter) -> None:
        assert len(rewriter.rewrite(RewriteTask("something"))) <= 1

    def test_any_prompt_can_be_given(self, rewriter: Rewriter) -> None:
        @settings(max_examples=40, deadline=None)
        @given(prompt=st.text(max_size=200))
        def check(prompt: str) -> None:
            task = RewriteTask(prompt, tuple(make_checklist(prompt)), MODIFIERS, n=3)
            original = Candidate(id="0", iteration=0, text=prompt, origin="prompt")
            history = (Attempt(original, None, failing=("q1", "q2")),)
            for asked in (task, _with(task, history=history, champion="0", iteration=1)):
                assert len(rewriter.rewrite(asked)) <= 3

        check()


def _with(task: RewriteTask, **changes: object) -> RewriteTask:
    return RewriteTask(**{**vars(task), **changes})  # type: ignore[arg-type]
