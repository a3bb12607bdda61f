"""What an ablation keeps from the rewriter, and what it leaves."""

from pathlib import Path

from command import FAST, retake

from agent.config import RewriteConfig
from agent.item_memory import ItemMemory, Trial
from agent.prompts import critique_messages, rewrite_messages
from agent.records import Candidate
from agent.rewriter import Attempt, RewriteTask
from agent.run_folder import RunFolder
from agent.withheld import withhold
from feedback.records import Question

QUESTIONS = (
    Question(id="q1", kind="object", text="Is there a cat?", phrase="a cat", subject="cat"),
    Question(id="q2", kind="action", text="Does the cat jump?", phrase="jumps", subject="cat", value="jumps"),
)


def attempt(candidate_id: str, text: str, failing: tuple[str, ...] = ("q2",)) -> Attempt:
    candidate = Candidate(id=candidate_id, iteration=0, text=text, origin="refine")
    return Attempt(candidate, 0.4, {"alignment": 0.4}, critique="it sits", failing=failing)


TASK = RewriteTask(
    "a cat jumps",
    QUESTIONS,
    history=(attempt("0", "a cat jumps"), attempt("1", "a cat leaps up"), attempt("2", "a tom cat springs")),
    tried=("a cat jumps", "a cat leaps up", "a tom cat springs"),
    champion="1",
    items=(
        ItemMemory(QUESTIONS[0], (Trial("0", "a cat jumps", ("cat",), (0,), (0.9,)),)),
        ItemMemory(
            QUESTIONS[1], (Trial("1", "a cat leaps up", ("cat", "leaps", "up"), (0, 1), (0.3, 0.1), ("sits",)),)
        ),
    ),
)


def told(task: RewriteTask) -> str:
    return rewrite_messages(task)[1]["content"]


def test_a_rewriter_with_memory_is_told_what_became_of_what_fails_and_of_nothing_else() -> None:
    text = told(withhold(TASK, RewriteConfig()))
    assert "Does the cat jump? asked 1 way in 2 renders, held in 0" in text
    assert "nearest, with P(yes) 0.20: cat leaps up; seen instead: sits" in text
    assert "Is there a cat? asked" not in text
    critique = critique_messages(TASK, TASK.history[1], QUESTIONS[1:])[1]["content"]
    assert "Does the cat jump? asked 1 way in 2 renders, held in 0" in critique


def test_what_is_given_up_is_shown_as_such() -> None:
    task = RewriteTask(**{**vars(TASK), "unreachable": ("q1",)})
    assert "Is there a cat? asked 1 way in 1 renders, held in 1" in told(task)
    assert "keep it as the prompt says it" in told(task)
    assert "keep it as the prompt says it" not in told(TASK)


def test_without_memory_it_sees_the_leader_and_its_critique_alone() -> None:
    task = withhold(TASK, RewriteConfig(remember=False))
    text = told(task)
    assert "a cat leaps up" in text
    assert "it sits" in text
    for hidden in ("a tom cat springs", "held in", "<memory>"):
        assert hidden not in text
    assert task.tried == TASK.tried


def test_without_critiques_it_sees_scores_alone() -> None:
    text = told(withhold(TASK, RewriteConfig(critique=False)))
    assert "a tom cat springs" in text
    assert "score: 0.40" in text
    for hidden in ("it sits", "failed:", "held in", "critique:"):
        assert hidden not in text


def test_nothing_is_withheld_unless_it_is_asked_for() -> None:
    assert withhold(TASK, RewriteConfig()) == TASK
    assert withhold(TASK, RewriteConfig(critique=True)) == TASK


def test_each_ablation_is_a_flag_and_stands_in_the_saved_config(tmp_path: Path) -> None:
    flags = ("--no-memory", "--no-critique", "--no-gate", "--no-retrieval", "--select=pareto")
    done = retake("run", "a red ball", *FAST, *flags, "--output-dir", str(tmp_path), "--run-id", "bare")
    assert done.returncode == 0, done.stderr
    _, saved = RunFolder(tmp_path / "bare").saved_config()
    assert (saved.rewrite.remember, saved.rewrite.critique) == (False, False)
    assert (saved.select.gate, saved.select.rule) == (False, "pareto")
    assert saved.retrieve.graph == "none"


def test_no_retrieval_beside_a_graph_is_refused_in_one_line() -> None:
    done = retake("run", "a red ball", "--no-retrieval", "--graph", "starter")
    assert done.returncode == 2
    assert "--no-retrieval is --graph none, found --graph starter" in done.stderr
