"""The rule-backed rewriter: it says what the prompt says, in the graph's words, and never a text twice."""

from dataclasses import replace
from itertools import product

import pytest
from conformance_rewriter import RewriterConformance
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agent.item_memory import ItemMemory, Trial
from agent.llm.scripted import ScriptedLanguageModel
from agent.prompts import Rewrite, write_reply
from agent.records import Candidate
from agent.renderers.painter_grammar import painter_captions, understand
from agent.rewriter import Attempt, Draft, RewriteTask, same_words
from agent.rewriters.llm import LLMRewriter
from agent.rewriters.rules import RulesRewriter
from agent.screen import screen_text
from feedback.checklist import make_checklist, missing_concepts
from graph_store.hashing_embedder import HashingEmbedder
from graph_store.relation_graph import RelationGraph, memory_graph
from graph_store.starter import read_starter

COLOURS = {"red": "crimson", "blue": "azure", "green": "emerald", "yellow": "golden", "purple": "violet"}
SHAPES = {"circle": "ball", "square": "box", "triangle": "pyramid"}
MOTIONS = {
    "left": ("moves to the left", "drifting leftwards"),
    "right": ("moves right", "gliding to the right"),
    "up": ("rising", "slides upwards"),
    "down": ("falling down", "sinks"),
    "still": ("stays still", "motionless"),
}
RELATIONS = ("left of", "to the right of", "above", "under")
SCENES = ("", "on a black background", "on a white backdrop", "against a gray background")
NUMBERS = ("a", "one", "two", "three")
OPEN_PROMPTS = (
    "a man rides a bicycle",
    "a cat on a beach at sunset, cinematic",
    "two children play chess in the rain",
    "a dog chases a butterfly in a meadow",
    "an old man in a green raincoat slowly walking his dog on the beach at sunset, camera pans left",
    "a steaming cup of coffee on a wooden table, close-up",
)


@pytest.fixture(scope="module")
def painter_graph() -> RelationGraph:
    return memory_graph(list(painter_captions()), HashingEmbedder())


@pytest.fixture(scope="module")
def starter_graph() -> RelationGraph:
    return memory_graph(list(read_starter()), HashingEmbedder())


def first_task(prompt: str, graph: RelationGraph | None, n: int = 3) -> RewriteTask:
    modifiers = graph.retrieve(prompt, 5).modifiers if graph else ()
    return RewriteTask(prompt, tuple(make_checklist(prompt)), modifiers, n=n)


def refine_task(prompt: str, graph: RelationGraph | None, failing: set[str] | None = None, n: int = 20) -> RewriteTask:
    """After the prompt itself failed on the questions of these kinds, or on all."""
    first = first_task(prompt, graph)
    ids = tuple(q.id for q in first.checklist if failing is None or q.kind in failing)
    history = (Attempt(Candidate(id="0", iteration=0, text=prompt, origin="prompt"), 0.3, failing=ids),)
    return RewriteTask(prompt, first.checklist, first.modifiers, history, champion="0", iteration=1, n=n)


def texts(drafts: list[Draft]) -> list[str]:
    return [draft.text for draft in drafts]


class TestRulesWithGraph(RewriterConformance):
    @pytest.fixture
    def rewriter(self, painter_graph: RelationGraph) -> RulesRewriter:
        return RulesRewriter(painter_graph)


class TestRulesWithoutGraph(RewriterConformance):
    @pytest.fixture
    def rewriter(self) -> RulesRewriter:
        return RulesRewriter()


class TestLanguageModel(RewriterConformance):
    @pytest.fixture
    def rewriter(self) -> LLMRewriter:
        return LLMRewriter(
            ScriptedLanguageModel(lambda _, seed: write_reply(Rewrite(f"Two red circles, take {seed}.")))
        )


@st.composite
def shape_prompts(draw: st.DrawFn) -> str:
    """One or two things of different colours, as a person may word them; motion, relation and scene or not."""
    kinds = draw(st.lists(st.sampled_from(sorted(COLOURS)), min_size=1, max_size=2, unique=True))
    parts = [_thing(draw, colour) for colour in kinds]
    motion = draw(st.sampled_from(["", *MOTIONS]))
    said = f"{parts[0]} {draw(st.sampled_from(MOTIONS[motion]))}" if motion else parts[0]
    if len(parts) == 2:
        said += f" {draw(st.sampled_from(('and', *RELATIONS)))} {parts[1]}"
    return f"{said} {draw(st.sampled_from(SCENES))}".strip()


def _thing(draw: st.DrawFn, colour: str) -> str:
    number = draw(st.sampled_from(NUMBERS))
    shape = draw(st.sampled_from([*SHAPES, *SHAPES.values()]))
    name = f"{draw(st.sampled_from([colour, COLOURS[colour]]))} {shape}"
    if number in ("two", "three"):
        return f"{number} {name}{'es' if shape == 'box' else 's'}"
    return f"an {name}" if number == "a" and name[0] in "ae" else f"{number} {name}"


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(prompt=shape_prompts())
def test_what_a_prompt_of_shapes_asks_for_is_in_every_draft(painter_graph: RelationGraph, prompt: str) -> None:
    rewriter, checklist = RulesRewriter(painter_graph), make_checklist(prompt)
    for task in (first_task(prompt, painter_graph), refine_task(prompt, painter_graph, n=8)):
        for text in texts(rewriter.rewrite(task)):
            assert not missing_concepts(checklist, text), text
            screened = screen_text(text, prompt=prompt, checklist=checklist)
            assert screened.dropped is None
            assert not [finding for finding in screened.findings if finding.rule in ("intent", "count")], text


@pytest.mark.parametrize(("colour", "shape"), list(product(COLOURS, SHAPES)))
def test_loose_words_become_the_words_the_painter_knows(painter_graph: RelationGraph, colour: str, shape: str) -> None:
    rewriter = RulesRewriter(painter_graph)
    for direction, motions in MOTIONS.items():
        for motion in motions:
            prompt = f"one {COLOURS[colour]} {SHAPES[shape]} {motion} on a white backdrop"
            understood = understand(rewriter.rewrite(first_task(prompt, painter_graph, n=1))[0].text)
            (thing,) = understood.things
            assert (thing.count, thing.colour, thing.shape, understood.background) == (1, colour, shape, "white")
            assert thing.motion is not None
            assert direction in thing.motion


@pytest.mark.parametrize("prompt", OPEN_PROMPTS)
def test_an_open_prompt_is_kept_whole_and_added_to(starter_graph: RelationGraph, prompt: str) -> None:
    checklist = make_checklist(prompt)
    drafts = RulesRewriter(starter_graph).rewrite(first_task(prompt, starter_graph))
    assert drafts
    for draft in drafts:
        assert same_words(draft.text[: len(prompt)], prompt)
        assert not missing_concepts(checklist, draft.text)
        assert draft.modifiers
    for text in texts(RulesRewriter(starter_graph).rewrite(refine_task(prompt, starter_graph))):
        assert not missing_concepts(checklist, text), text


def test_no_text_is_ever_proposed_twice_and_the_ideas_run_out(painter_graph: RelationGraph) -> None:
    prompt = "two azure balls drifting leftwards on a black background"
    task, tried = refine_task(prompt, painter_graph, n=2), [prompt]
    for round_number in range(1, 50):
        drafts = RulesRewriter(painter_graph).rewrite(task)
        if not drafts:
            break
        for draft in drafts:
            assert not any(same_words(draft.text, text) for text in tried)
            tried.append(draft.text)
        attempts = [
            Attempt(Candidate(id=str(i), iteration=round_number, text=text, origin="refine"), 0.3)
            for i, text in enumerate(tried[1:], start=1)
        ]
        task = RewriteTask(prompt, task.checklist, task.modifiers, (task.history[0], *attempts), champion="0", n=2)
    else:
        pytest.fail("it never ran out of ideas")
    assert len(tried) > 3


def test_without_a_graph_the_first_round_has_nothing_to_say() -> None:
    assert RulesRewriter().rewrite(first_task("a red ball drifting leftwards", None)) == []


def test_without_a_graph_a_refinement_restates_what_failed() -> None:
    prompt = "two red balls drifting leftwards above a blue box"
    said = " ".join(texts(RulesRewriter().rewrite(refine_task(prompt, None, {"count", "action", "relation"}))))
    assert "Exactly 2 red balls." in said
    assert "The red balls are drifting leftwards." in said
    assert "The red balls are above the blue box." in said
    assert "One single blue box." in said


def test_what_did_not_fail_is_not_restated() -> None:
    drafts = RulesRewriter().rewrite(refine_task("a red ball drifting leftwards above a blue box", None, {"action"}))
    assert texts(drafts)[0] == ("The red ball is drifting leftwards. A red ball drifting leftwards above a blue box.")
    assert RulesRewriter().rewrite(refine_task("a red ball drifting leftwards", None, set())) == []


def test_what_failed_is_reworded_and_the_rest_keeps_the_graphs_words(painter_graph: RelationGraph) -> None:
    task = refine_task("a crimson ball drifting leftwards", painter_graph, {"action"})
    worded = [text for text in texts(RulesRewriter(painter_graph).rewrite(task)) if text.count(".") == 1]
    assert "A red circle drifting leftwards." in worded
    assert "A red circle moves to the left." in worded
    assert all(text.startswith("A red circle") for text in worded)


@pytest.mark.parametrize("number", ["two", "three"])
@pytest.mark.parametrize("shape", SHAPES)
def test_verbs_agree_with_their_subjects(painter_graph: RelationGraph, number: str, shape: str) -> None:
    rewriter = RulesRewriter(painter_graph)
    many = f"{number} red {shape}s moving right above a blue box"
    assert texts(rewriter.rewrite(first_task(many, painter_graph)))[0] == (
        f"{number.capitalize()} red {shape}s move to the right and a blue square. "
        f"The red {shape}s are above the blue square."
    )
    for text in texts(rewriter.rewrite(refine_task(many, painter_graph))):
        assert f"{shape}s moves" not in text
        assert f"{shape}s is " not in text
    for text in texts(rewriter.rewrite(refine_task(f"a red {shape} moving right above a blue box", painter_graph))):
        assert f"{shape} move " not in text
        assert f"{shape} are " not in text


def test_half_a_relation_is_never_added(painter_graph: RelationGraph) -> None:
    task = first_task("a cat on a beach", painter_graph, n=20)
    assert any(modifier.text.endswith((" of", " above", " below")) for modifier in task.modifiers)
    assert not [text for text in texts(RulesRewriter(painter_graph).rewrite(task)) if text.endswith(("of.", "below."))]


def test_two_things_that_mean_the_same_are_left_in_the_users_words(painter_graph: RelationGraph) -> None:
    prompt = "a crimson box left of a red box"
    for task in (first_task(prompt, painter_graph), refine_task(prompt, painter_graph)):
        for draft in RulesRewriter(painter_graph).rewrite(task):
            assert "crimson box left of a red box" in draft.text


def remembered(task: RewriteTask, *shown: tuple[str, float]) -> RewriteTask:
    """The task after these texts were rendered, each with this P(yes) of every question, on two seeds."""
    items = tuple(
        ItemMemory(q, tuple(Trial(str(n), text, (), (0, 1), (p, p)) for n, (text, p) in enumerate(shown)))
        for q in task.checklist
    )
    return replace(task, items=items, tried=tuple(text for text, _ in shown))


def test_words_that_were_not_tried_come_before_words_that_failed(painter_graph: RelationGraph) -> None:
    task = refine_task("a crimson ball drifting leftwards", painter_graph, {"action"}, n=1)
    (blind,) = texts(RulesRewriter(painter_graph).rewrite(task))
    failed = remembered(task, (task.prompt, 0.1), (blind, 0.2))
    (draft,) = texts(RulesRewriter(painter_graph).rewrite(failed))
    verbs = blind.removeprefix("A red circle ")
    assert verbs != blind
    assert verbs not in draft


def test_words_that_held_are_kept_for_what_no_longer_fails(painter_graph: RelationGraph) -> None:
    task = refine_task("a crimson ball drifting leftwards", painter_graph, {"object"}, n=3)
    held = remembered(task, (task.prompt, 0.9), ("A red circle moves to the left.", 0.1))
    for text in texts(RulesRewriter(painter_graph).rewrite(held)):
        assert "drifting leftwards" in text
        assert "moves to the left" not in text


def test_what_is_given_up_is_said_but_no_longer_worked_on(painter_graph: RelationGraph) -> None:
    task = refine_task("a crimson ball drifting leftwards", painter_graph, {"action"})
    champion = replace(task.history[0], failing=())
    drafts = RulesRewriter(painter_graph).rewrite(replace(task, history=(champion,), unreachable=("q3",)))
    assert drafts
    for draft in drafts:
        assert "failed" not in draft.rationale
        assert not missing_concepts(task.checklist, draft.text)
