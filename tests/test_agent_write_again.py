"""What the screen drops is written again: with another seed, knowing what was tried, and not for ever."""

import pytest

from agent.errors import ModelError
from agent.rewriter import Draft, RewriteTask
from agent.write_again import write_until_passed


class Writing:
    """Gives what it was made with, call by call, and notes what it was asked."""

    def __init__(self, *given: list[str] | ModelError) -> None:
        self._given = list(given)
        self.asked: list[RewriteTask] = []

    def __call__(self, task: RewriteTask) -> list[Draft]:
        self.asked.append(task)
        given = self._given[len(self.asked) - 1]
        if isinstance(given, ModelError):
            raise given
        return [Draft(text) for text in given]


def write(writing: Writing, tries: int = 4, **task: object) -> list[str]:
    drafts = write_until_passed(writing, RewriteTask("a cat", **task), lambda draft: "cat" in draft.text, tries)  # type: ignore[arg-type]
    return [draft.text for draft in drafts]


def test_a_text_that_passes_ends_it_and_costs_no_further_call() -> None:
    writing = Writing(["A dog."], ["A cow.", "A cat."], ["A cat sits."])
    assert write(writing) == ["A dog.", "A cow.", "A cat."]
    assert len(writing.asked) == 2


def test_each_call_has_seeds_of_its_own_and_knows_what_was_tried() -> None:
    writing = Writing(["A dog.", "A cow."], ["A pig.", "A hen."], ["A cat."])
    write(writing, n=2, seed=5, tried=("a cat",))
    assert [task.seed for task in writing.asked] == [5, 7, 9]
    assert writing.asked[0].is_first
    assert writing.asked[2].tried == ("a cat", "A dog.", "A cow.", "A pig.", "A hen.")


def test_it_ends_after_its_tries_and_where_a_writer_has_nothing_to_say() -> None:
    assert write(Writing(["A dog."], ["A cow."], ["A pig."]), tries=2) == ["A dog.", "A cow."]
    assert write(Writing(["A dog."], [], ["A cat."])) == ["A dog."]


def test_a_later_call_that_fails_loses_nothing_and_a_first_one_is_told() -> None:
    assert write(Writing(["A dog."], ModelError("away"))) == ["A dog."]
    with pytest.raises(ModelError, match="away"):
        write(Writing(ModelError("away"), ["A cat."]))
