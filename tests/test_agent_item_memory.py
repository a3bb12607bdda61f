"""What the loop remembers of each question, and when it gives one up: pure, no clips."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.item_memory import describe_item, describe_unreachable, find_unreachable, recall_items
from agent.records import Assessed, Candidate, Purpose, Render, Unreachable
from feedback.combine import combine_feedback
from feedback.intent import wording_of
from feedback.records import Feedback, Question, Score, Verdict

QUESTION = Question(
    id="q1", kind="action", text="Does the red ball move left?", phrase="red ball moves left", subject="red ball",
    value="moves left",
)  # fmt: skip
WORDINGS = (
    "A red ball moves left.",
    "A red circle is drifting leftwards.",
    "A crimson disc slides to the left.",
    "A scarlet orb glides left.",
)


class Past:
    """A history under construction: texts, and what their renders came to."""

    def __init__(self) -> None:
        self.candidates: list[Candidate] = []
        self.renders: list[Render] = []
        self.assessed: list[Assessed] = []

    def shoot(self, text: str, *p_yes: float | None, seen: str = "", purpose: Purpose = "loop") -> "Past":
        """One text, rendered on the seeds 0, 1, …, with these answers to the question."""
        candidate = Candidate(id=str(len(self.candidates)), iteration=0, text=text, origin="refine")
        self.candidates.append(candidate)
        for seed, answer in enumerate(p_yes):
            render = Render(candidate=candidate.id, seed=seed, iteration=0, purpose=purpose, path="x.mp4")
            verdict = Verdict(question_id="q1", p_yes=answer, seen=seen)
            score = Score(name="alignment", value=answer, why="" if answer is not None else "can't tell")
            feedback = Feedback(source="alignment", scores=[score], verdicts=[verdict])
            self.renders.append(render)
            self.assessed.append(Assessed(render=render.id, assessment=combine_feedback([feedback], [QUESTION])))
        return self

    def recall(self, *purposes: Purpose):
        (item,) = recall_items([QUESTION], self.candidates, self.renders, self.assessed, purposes or ("loop",))
        return item

    def give_up(self, wordings: int = 3, renders: int = 4) -> list[Unreachable]:
        return find_unreachable([self.recall()], wordings, renders)


def test_other_words_for_the_same_thing_are_another_wording_and_words_for_other_things_are_not() -> None:
    said = {frozenset(wording_of(QUESTION, text)) for text in WORDINGS}
    assert len(said) == len(WORDINGS)
    more = "A red ball moves left and a blue box. The blue box is on a table. On a white background."
    assert set(wording_of(QUESTION, more)) == set(wording_of(QUESTION, WORDINGS[0]))
    assert set(wording_of(QUESTION, f"{WORDINGS[0]} The red ball moves left.")) == set(
        wording_of(QUESTION, WORDINGS[0])
    )


@pytest.mark.parametrize(
    ("question", "text", "words"),
    [
        (
            Question(id="q", kind="object", text="Is there a blue box?", phrase="a blue box", subject="blue box"),
            "A red circle rolls left past an azure square.",
            {"azure", "square"},
        ),
        (
            Question(
                id="q", kind="relation", text="?", phrase="left of", subject="ball", value="left of", object="box"
            ),
            "A ball and a box. The ball is to the left of the box.",
            {"ball", "box", "to", "left", "of"},
        ),
        (
            Question(id="q", kind="scene", text="?", phrase="on a white background", value="white background"),
            "A ball moves left on a white background.",
            {"white", "background"},
        ),
        (
            Question(id="q", kind="action", text="?", phrase="rides a bicycle", subject="man", value="rides a bicycle"),
            "An owl sleeps.",
            set(),
        ),
    ],
)
def test_a_wording_is_the_words_of_the_text_for_what_is_asked(question: Question, text: str, words: set[str]) -> None:
    assert set(wording_of(question, text)) == words


def test_ways_renders_and_the_nearest_text_are_counted() -> None:
    past = Past().shoot(WORDINGS[0], 0.1, 0.2, seen="it moves right").shoot(WORDINGS[1], 0.6, 0.3)
    item = past.shoot(f"{WORDINGS[0]} On a table.", 0.0).recall()
    assert (item.wordings, item.renders, item.held) == (2, 5, 1)
    assert item.nearest is not None
    assert (item.nearest.candidate, item.nearest.seeds) == ("1", (0, 1))
    assert item.nearest.mean == pytest.approx(0.45)
    line = describe_item(item)
    assert "asked 2 ways in 5 renders, held in 1" in line
    assert "P(yes) 0.45" in line
    assert "it moves right" in line


def test_a_render_that_no_source_could_judge_is_no_failure() -> None:
    past = Past()
    for text in WORDINGS:
        past.shoot(text, None, None, seen="the picture is black")
    assert past.recall().renders == 0
    assert past.recall().nearest is None
    assert past.give_up(1, 1) == []


def test_what_fails_in_every_wording_on_every_seed_is_given_up_with_the_evidence() -> None:
    past = Past()
    for text in WORDINGS[:3]:
        past.shoot(text, 0.1, 0.3, seen="it stands still")
    (found,) = find_unreachable([past.recall()], 3, 4, {QUESTION.text: "generator"})
    assert (found.question, found.wordings, found.renders, found.seeds) == ("q1", 3, 6, 2)
    assert found.best_p_yes == pytest.approx(0.2)
    assert (found.seen, found.fault) == ("it stands still", "generator")
    line = describe_unreachable(found)
    assert "none of 6 renders, asked 3 ways on 2 seeds" in line
    assert line.endswith("the rewriter blames the generator")


def test_one_render_that_shows_it_is_enough_to_go_on() -> None:
    past = Past()
    for text in WORDINGS[:3]:
        past.shoot(text, 0.1, 0.1)
    assert past.give_up()
    assert past.shoot(WORDINGS[3], 0.0, 0.5).give_up() == []


def test_more_texts_with_the_same_words_for_it_are_no_more_evidence_of_wordings() -> None:
    past = Past()
    for scene in ("", " On a table.", " In the rain.", " A blue box stays still."):
        past.shoot(WORDINGS[0] + scene, 0.0, 0.0)
    assert past.recall().wordings == 1
    assert past.give_up() == []


def test_giving_up_can_be_turned_off() -> None:
    past = Past()
    for text in WORDINGS:
        past.shoot(text, 0.0, 0.0)
    assert past.give_up(wordings=4)
    assert past.give_up(wordings=0) == []


def test_renders_on_unseen_seeds_are_remembered_only_when_asked_for() -> None:
    past = Past().shoot(WORDINGS[0], 0.0).shoot(WORDINGS[1], 1.0, purpose="verify")
    assert past.recall().held == 0
    assert past.recall("loop", "verify").held == 1


answers = st.lists(st.one_of(st.none(), st.floats(0, 1)), max_size=3)
pasts = st.lists(st.tuples(st.sampled_from(WORDINGS), answers), max_size=8)


@given(pasts, st.integers(1, 5), st.integers(1, 9))
def test_nothing_is_given_up_that_ever_held_or_was_tried_less_than_asked(
    shots: list[tuple[str, list[float | None]]], wordings: int, renders: int
) -> None:
    past = Past()
    for text, p_yes in shots:
        past.shoot(text, *p_yes)
    known = [(text, p) for text, p_yes in shots for p in p_yes if p is not None]
    expected = all(p < 0.5 for _, p in known) and len({text for text, _ in known}) >= wordings and len(known) >= renders
    assert bool(past.give_up(wordings, renders)) == expected


@given(pasts)
def test_the_memory_adds_up_and_the_order_of_the_texts_does_not_matter(
    shots: list[tuple[str, list[float | None]]],
) -> None:
    there, back = Past(), Past()
    for text, p_yes in shots:
        there.shoot(text, *p_yes)
    for text, p_yes in reversed(shots):
        back.shoot(text, *p_yes)
    item, other = there.recall(), back.recall()
    assert (item.wordings, item.renders, item.held) == (other.wordings, other.renders, other.held)
    assert item.renders == sum(p is not None for _, p_yes in shots for p in p_yes)
    assert 0 <= item.held <= item.renders
    assert (item.nearest is None) == (item.renders == 0)
