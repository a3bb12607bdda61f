"""The rule-made checklist, the model-made one, and the intent gate."""

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from feedback.checklist import checklist_with, concepts, make_checklist, missing_concepts

VBENCH = Path(__file__).parents[1].parent / "shared" / "data" / "vbench" / "all_dimension.txt"


def asked(prompt: str) -> set[tuple[str, str, str, str]]:
    return {(q.kind, q.subject, q.value, q.object) for q in make_checklist(prompt)}


def lost(prompt: str, text: str) -> list[str]:
    return [f"{q.kind} {q.value}".strip() for q in missing_concepts(make_checklist(prompt), text)]


def test_a_short_prompt_becomes_its_atomic_questions():
    assert asked("red ball moving right, left of a blue box") == {
        ("object", "red ball", "", ""),
        ("count", "red ball", "1", ""),
        ("attribute", "red ball", "red", ""),
        ("action", "red ball", "moving right", ""),
        ("relation", "red ball", "left of", "blue box"),
        ("object", "blue box", "", ""),
        ("count", "blue box", "1", ""),
        ("attribute", "blue box", "blue", ""),
    }


@pytest.mark.parametrize(
    ("prompt", "text"),
    [
        ("a red ball", "Is there a red ball?"),
        ("a red ball", "Is the ball red?"),
        ("two boxes", "Are there two boxes?"),
        ("a red ball left of the blue box", "Is the red ball to the left of the blue box?"),
        ("a red ball moves right", "Does the red ball move to the right?"),
        ("an orange on the table", "Is the orange on the table?"),
        ("Turtle swimming in ocean.", "Is the turtle swimming?"),
        ("a square on a black background", "Is the background black?"),
        ("a cat on a beach", "Is the scene on a beach?"),
    ],
)
def test_questions_read_naturally(prompt, text):
    assert text in [q.text for q in make_checklist(prompt)]


@pytest.mark.parametrize(
    ("prompt", "question"),
    [
        ("a red circle and a blue square, the circle rises", ("action", "red circle", "rises", "")),
        ("A red circle and a blue square move left", ("action", "red circle", "move left", "")),
        ("A red circle and a blue square move left", ("action", "blue square", "move left", "")),
        ("a dog and a cat. It sleeps.", ("action", "cat", "sleeps", "")),
        ("a disc above a box that does not move", ("action", "box", "staying still", "")),
        ("a stationary blue square", ("action", "blue square", "stationary", "")),
        ("left of the box, a green disc falls", ("relation", "green disc", "left of", "box")),
        ("the background is black", ("scene", "", "black background", "")),
        ("a ball, both rolling", ("action", "ball", "rolling", "")),
        ("an astronaut flying in space, pan left", ("camera", "", "pan left", "")),
        ("a panda in a cafe, watercolor painting", ("style", "", "watercolor painting", "")),
        ("an apple on the bottom of a sandwich, front view", ("relation", "apple", "below", "sandwich")),
        ("a couple of dogs", ("count", "dogs", "2", "")),
        ("exactly one blue square", ("count", "blue square", "1", "")),
        ("a red and blue circle", ("attribute", "red and blue circle", "red", "")),
        ("a red and blue circle", ("attribute", "red and blue circle", "blue", "")),
        ("a cute, happy Corgi", ("attribute", "cute, happy Corgi", "cute", "")),
        ("a motionless, shiny pool", ("object", "shiny pool", "", "")),
        ("a video of a red ball that moves up", ("action", "red ball", "moves up", "")),
        ("a red ball moving fast to the left", ("action", "red ball", "moving fast to the left", "")),
        ("a ball moves left then to the right", ("action", "ball", "moves left then to the right", "")),
        ("a red ball moves up then stays still", ("action", "red ball", "stays still", "")),
    ],
)
def test_who_does_what_is_resolved(prompt, question):
    assert question in asked(prompt)


@pytest.mark.parametrize(
    ("prompt", "things"),
    [
        ("exactly one blue square", ["blue square"]),
        ("a red and blue circle", ["red and blue circle"]),
        ("a red ball moving fast", ["red ball"]),
        ("a circle moves to the left then to the right", ["circle"]),
        ("a red ball moves up then stays still", ["red ball"]),
        ("there is a square too", ["square"]),
    ],
)
def test_words_about_things_are_taken_for_no_things(prompt, things):
    assert [q.subject for q in make_checklist(prompt) if q.kind == "object"] == things


def test_a_motion_has_its_direction_however_fast_it_is():
    assert concepts("a red ball moves fast to the left") == concepts("a red ball moves to the left")


def test_what_is_absent_by_wish_is_not_asked_for():
    assert not any("people" in q.text for q in make_checklist("a beach with no people"))


def test_ids_follow_the_text_and_repeat():
    questions = make_checklist("a red ball and two blue boxes on a white background")
    assert [q.id for q in questions] == [f"q{n}" for n in range(1, len(questions) + 1)]
    assert questions == make_checklist("a red ball and two blue boxes on a white background")


def test_a_long_prompt_keeps_every_kind_of_question():
    prompt = ", ".join(f"a {colour} cat and a dog" for colour in ("red", "green", "blue", "white")) + ", " + ", ".join(
        f"an item{chr(97 + n)}" for n in range(26)
    )  # fmt: skip
    questions = make_checklist(prompt + ", two boxes on a beach, pan left")
    assert len(questions) == 20
    assert {"object", "count", "scene", "camera"} <= {q.kind for q in questions}


@pytest.mark.parametrize("prompt", ["", "   ", "\n", "!!!", "🙂🙂", "--ar 16:9", "<br>"])
def test_no_words_no_questions(prompt):
    assert make_checklist(prompt) == []


def test_markup_and_generator_flags_are_not_asked_for():
    texts = [q.text for q in make_checklist("<b>a dog</b> &amp; a cat --ar 16:9 -neg (blurry, sketch)")]
    assert texts == ["Is there a dog?", "Is there a cat?"]


WORDS = (
    "a the two red ball balls box moves moving to left right of on in and , . is are it both that not with above black "
    "background while stays still who 🙂 שלום <b> -- ' pan"
)


@settings(max_examples=150, deadline=None)
@given(st.one_of(st.text(max_size=300), st.lists(st.sampled_from(WORDS.split()), max_size=30).map(" ".join)))
def test_any_text_is_read(prompt):
    questions = make_checklist(prompt)
    assert len(questions) <= 20
    assert questions == make_checklist(prompt)
    assert len({q.text.lower() + q.kind for q in questions}) == len(questions)
    concepts(prompt)
    missing_concepts(questions, prompt[::-1])


@pytest.mark.parametrize("piece", ["a red ball moves left and ", "שלום עולם ", "<p>", "very, ", "a" * 997 + " "])
def test_twenty_thousand_characters_are_read(piece):
    assert len(make_checklist((piece * 20_000)[:20_000])) <= 20


@pytest.mark.skipif(not VBENCH.exists(), reason="the VBench prompts are not here")
def test_every_real_prompt_gives_questions_and_keeps_its_own_intent():
    prompts = VBENCH.read_text(encoding="utf-8").split("\n")
    for prompt in filter(None, prompts[::5]):
        questions = make_checklist(prompt)
        assert questions, prompt
        assert missing_concepts(questions, prompt) == [], prompt


def test_concepts_are_the_same_in_other_words():
    assert concepts("a crimson disc drifting rightwards") == concepts("A red circle moves to the right.")
    assert concepts("a red ball left of a blue box") == concepts("A blue square to the right of a red circle.")
    assert concepts("a pair of lime orbs") == concepts("two green circles")
    assert concepts("a red ball and a blue box, both rising") == concepts("a red circle rises, a blue square rises")


def test_concepts_tell_apart_who_moves():
    first = concepts("a red ball moves right and a blue box moves left")
    assert first != concepts("a red ball moves left and a blue box moves right")


KEPT = [
    ("red ball moving right, left of a blue box", "A blue square right of a red circle. The circle drifts right."),
    ("red ball", "A red circle on the left, moving to the right, on a plain black background. Nothing else moves."),
    ("two red boxes", "A pair of crimson squares stays still on a black background."),
    ("red ball and blue box", "Two things: a red circle above a blue square, both moving left."),
    ("a cat on a beach", "A fluffy cat strolls along a sandy beach at golden hour, cinematic shot."),
    ("a cat on the right of a dog", "A dog with a cat to the right of the dog, on a lawn."),
    ("a person is roller skating", "A young woman is roller-skating on a sunny street"),
]


@pytest.mark.parametrize(("prompt", "text"), KEPT)
def test_a_faithful_rewrite_loses_nothing(prompt, text):
    assert lost(prompt, text) == []


@pytest.mark.parametrize(
    ("prompt", "text", "missing"),
    [
        ("two red boxes", "three red squares", ["count 2"]),
        ("two red boxes", "red squares", ["count 2"]),
        ("one red box", "two red squares", ["count 1"]),
        ("red ball left of a blue box", "a red circle right of a blue square", ["relation left of"]),
        ("red ball moves left", "a red circle slides to the right", ["action moves left"]),
        ("red ball moves left", "a red circle", ["action moves left"]),
        ("red ball moves left and a blue box", "a still red circle, a blue square moves left", ["action moves left"]),
        ("a ball on a black background", "a circle on a white background", ["scene black background"]),
        ("a cat on a beach", "a dog on a beach", ["object"]),
        ("a dog and a cat", "a dog without a cat", ["object"]),
    ],
)
def test_what_a_rewrite_lost_is_named(prompt, text, missing):
    assert lost(prompt, text) == missing


@pytest.mark.parametrize(
    ("prompt", "text"),
    [
        ("a red and blue line on a wall", "A red and blue line on a wall in the evening"),
        ("a panda in a cafe", "A panda sits in a small café."),
        ("a beach in spring", "A beach in the springtime."),
        ("a tranquil tableau of a barn", "A peaceful scene of a barn."),
    ],
)
def test_a_text_that_says_it_in_another_way_loses_nothing(prompt, text):
    assert missing_concepts(make_checklist(prompt), text) == []


def test_a_changed_colour_loses_the_thing():
    assert "attribute red" in lost("a red ball", "a green circle and a red square")


def reply(*questions: dict) -> str:
    return json.dumps({"questions": questions})


def test_the_model_makes_the_checklist_when_its_reply_can_be_used():
    one = {"kind": "object", "text": "Is there a cat?", "phrase": "a cat", "subject": "cat"}
    questions, how = checklist_with(lambda messages, schema: f"Sure!\n```json\n{reply(one, one)}\n```", "a cat")
    assert how == "model"
    assert [(q.id, q.text) for q in questions] == [("q1", "Is there a cat?")]


@pytest.mark.parametrize("text", ["", "Looks great!", "{", '{"questions": []}', '{"questions": [{"kind": "mood"}]}'])
def test_an_unusable_reply_leaves_it_to_the_rules(text):
    questions, how = checklist_with(lambda messages, schema: text, "a cat")
    assert (questions, how) == (make_checklist("a cat"), "rules")


def test_a_model_that_fails_leaves_it_to_the_rules():
    def ask(messages, schema):
        raise TimeoutError("no answer in 60 s")

    assert checklist_with(ask, "a cat") == (make_checklist("a cat"), "rules")
