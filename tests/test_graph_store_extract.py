import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graph_store.captions import read_captions
from graph_store.extract import Accuracy, extract_with, measure_extraction, tag_untagged
from graph_store.records import KINDS, TaggedCaption
from graph_store.rules import tag_caption
from graph_store.starter import STARTER_FILE

OWN = (
    TaggedCaption(
        "A young woman in a red coat walks along a snowy street, holding an umbrella in soft evening light.",
        ("along a snowy street",),
        ("a young woman in a red coat",),
        ("walking", "holding an umbrella"),
        ("soft evening light",),
    ),
    TaggedCaption(
        "Two children are building a sandcastle on a beach under a cloudy sky.",
        ("on a beach",),
        ("two children",),
        ("building a sandcastle",),
        ("cloudy sky",),
    ),
    TaggedCaption(
        "On a mountain trail, a hiker with a backpack stops and drinks from a bottle, wide shot.",
        ("on a mountain trail",),
        ("a hiker with a backpack",),
        ("stopping", "drinking from a bottle"),
        ("wide shot",),
    ),
    TaggedCaption(
        "A black cat sleeps on a cushion in a living room while thick fog drifts past the window.",
        ("in a living room",),
        ("a black cat",),
        ("sleeping on a cushion",),
        ("thick fog",),
    ),
)


def test_verbs_become_participles_and_places_keep_their_preposition():
    tags = tag_caption("A man rides a horse in a park and waves his hat.")
    assert tags.scenes == ("in a park",)
    assert tags.subjects == ("a man",)
    assert tags.actions == ("riding a horse", "waving his hat")


def test_clothes_and_times_are_not_places():
    assert tag_caption("A man in a tweed coat waits in the morning light.").scenes == ()


def test_a_caption_without_a_known_place_falls_back_on_what_stands_after_a_preposition():
    assert tag_caption("A cat sleeps on a velvet cushion.").scenes == ("on a velvet cushion",)


def test_camera_light_and_mood_are_atmosphere():
    tags = tag_caption("A slow pan over a lake, golden hour light, calm mood, in slow motion.")
    assert {"slow pan", "golden hour light", "calm mood", "slow motion"} <= set(tags.atmospheres)


def test_the_rules_find_most_of_what_a_reader_finds():
    accuracy = measure_extraction(OWN)
    for kind, least in {"scene": 0.7, "subject": 0.7, "action": 0.5, "atmosphere": 0.7}.items():
        assert (accuracy[kind].precision or 0) >= least, kind
        assert (accuracy[kind].recall or 0) >= least, kind


def test_the_rules_hold_up_on_the_starter_captions():
    accuracy = measure_extraction(read_captions(STARTER_FILE).captions)
    for kind, least in {"scene": 0.75, "subject": 0.6, "action": 0.45, "atmosphere": 0.7}.items():
        assert (accuracy[kind].precision or 0) >= least, kind
        assert (accuracy[kind].recall or 0) >= least, kind


def test_nothing_to_measure_is_unknown_and_not_zero():
    assert measure_extraction([]) == dict.fromkeys(KINDS, Accuracy(None, None))


@given(st.text())
def test_any_text_is_tagged_without_a_crash(text):
    try:
        tags = tag_caption(text)
    except ValueError:
        pytest.fail("the rules raised")
    assert tags.text == text


def test_captions_that_came_with_tags_keep_them():
    tagged = TaggedCaption("A dog runs in a park.", scenes=("elsewhere",))
    assert tag_untagged([tagged, TaggedCaption("A dog runs in a park.")]) == (
        tagged,
        tag_caption("A dog runs in a park."),
    )


def test_a_model_that_replies_json_is_believed_and_others_are_counted():
    reply = {"scenes": ["in a park"], "subjects": ["a dog"], "actions": ["running"], "atmospheres": []}
    replies = iter([json.dumps(reply), f"```json\n{json.dumps(reply)}\n```", "Sure! Here it is", '{"scenes": "park"}'])
    asked = []

    def ask(messages, schema):
        asked.append((messages, schema))
        return next(replies)

    extraction = extract_with(ask, ["A dog runs in a park."] * 4)
    assert extraction.fallbacks == 2
    assert extraction.captions[0].actions == ("running",)
    assert extraction.captions[1] == extraction.captions[0]
    assert extraction.captions[2] == tag_caption("A dog runs in a park.")
    assert asked[0][0][-1]["content"] == "A dog runs in a park."
    assert set(asked[0][1]["required"]) == {"scenes", "subjects", "actions", "atmospheres"}
