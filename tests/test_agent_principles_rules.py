"""Accurate and helpful, by rules: what contradicts a prompt, and what is of no use to a generator."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.principles.accurate import find_contradictions
from agent.principles.helpful import find_unhelpful
from agent.records import Finding


def details(findings: list[Finding]) -> str:
    return "; ".join(finding.detail for finding in findings)


@pytest.mark.parametrize(
    ("prompt", "text", "said"),
    [
        ("three dogs run on a beach", "Five dogs run along a sunny beach.", "3 dog, the text for 5"),
        ("a red car drives past", "A shiny blue car drives past.", "a red car, the text for a blue one"),
        ("a car drives to the left", "A car drives quickly to the right.", "sends the car left, the text right"),
        ("a cat left of a dog", "A cat sits to the right of a dog.", "the other way round"),
        ("a bird above a tree", "A bird below a tree.", "the other way round"),
        ("a street without people", "People walk down a wide street.", "wants no people"),
        ("a room, no chairs", "A room with old chairs.", "wants no chairs"),
        ("a dog runs on a beach", "No dog runs on the wide beach.", "asks for dog, the text says there is none"),
        ("a dog and a cat", "A dog without a cat.", "asks for cat"),
        ("a river, pan right", "A wide river, the camera pans slowly to the left.", "camera goes right (pan)"),
        ("a river, zoom in", "Zooming out from a wide river.", "camera goes in (zoom)"),
        ("a man in front of a statue", "A man stands behind a statue.", "the other way round"),
    ],
)
def test_a_text_that_says_something_else_is_found_out(prompt: str, text: str, said: str) -> None:
    findings = find_contradictions(prompt, text)
    assert said in details(findings)
    assert {finding.rule for finding in findings} == {"accurate"}


@pytest.mark.parametrize(
    ("prompt", "text"),
    [
        ("three dogs run on a beach", "Two dogs and one dog run on a beach."),
        ("three dogs run on a beach", "Three brown dogs run along a sunny beach with a red ball."),
        ("dogs run", "Five dogs run."),
        ("a red car", "A car gleams, red in the evening sun."),
        ("a black cat and a white cat", "A white cat and a black cat."),
        ("a cat left of a dog", "A dog sits to the right of a cat."),
        ("a car drives to the left, then to the right", "A car drives to the right."),
        ("a street without people", "An empty street without any people."),
        ("no time to lose", "A man looks at his watch."),
        ("a man rides a bicycle", "A man without a helmet rides a bicycle."),
        ("a dog", "A brown dog, no other dog around."),
        ("a river, pan right", "The camera pans left, then pans right along a river."),
        ("a man behind a statue", "A statue in front of a man."),
    ],
)
def test_what_says_the_same_or_only_more_is_no_contradiction(prompt: str, text: str) -> None:
    assert find_contradictions(prompt, text) == []


def test_what_a_flag_leaves_out_must_not_be_there() -> None:
    assert "wants no people" in details(
        find_contradictions("a street", "A street with people.", negative="blur, people")
    )
    assert find_contradictions("a street", "A quiet street.", negative="blur, people") == []


def test_what_the_prompt_asks_for_is_not_left_out_by_a_list_made_for_all_prompts() -> None:
    listed = "overexposed, static, many people in the background, walking backwards"
    assert find_contradictions("a crowd of people on a street", "People fill a street.", negative=listed) == []
    assert find_contradictions("a street", "People fill a street.", negative=listed) != []


def test_a_text_without_spaces_between_its_words_is_not_too_short() -> None:
    assert find_unhelpful("两个红色的圆在蓝色方块上方向左移动。", "two red circles move left above a square") == []


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from(["two red dogs", "a cat", "run", "left of", "moves right", ",", "."]), max_size=9))
def test_no_prompt_contradicts_itself(words: list[str]) -> None:
    prompt = " ".join(words)
    assert find_contradictions(prompt, prompt) == []


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("The video opens with a grey cat on a mat.", "tells of a video"),
        ("A clip of a grey cat on a mat.", "tells of a video"),
        ("A grey cat sits on a mat while we see the sun set.", "tells of a video"),
        ("A grey cat sits on a mat. Soft music plays in the background, with a voiceover.", "sound"),
        ("A grey cat sits on a mat, with the sound of purring.", "sound"),
        ("A grey cat sits on a mat, mp4 format.", "format"),
        ("A 10-second video, a grey cat sits on a mat.", "format"),
        ("Imagine a grey cat on a mat.", "speaks to the reader"),
        ("A grey cat sits on a mat. Make sure it looks real.", "speaks to the reader"),
        ("A grey cat sits on a mat -ar 16:9", "aspect_ratio"),
        ("cat", "1 word"),
        ("Something very nice and beautiful", "can be seen"),
    ],
)
def test_what_is_of_no_use_to_a_generator_is_found(text: str, why: str) -> None:
    findings = find_unhelpful(text, "a grey cat sits on a mat")
    assert why in details(findings)
    assert {finding.rule for finding in findings} == {"helpful"}


@pytest.mark.parametrize(
    "text",
    [
        "A grey cat sits on a woven mat in warm evening light, its tail curling slowly.",
        "A man watches a video of a cat on a mat.",
        "A DJ plays loud music in a crowded club, a cat on a mat beside him.",
        "A woman designs a mat with a grey cat on it; a slow-motion close-up.",
        "A music box plays on a mat beside a grey cat.",
    ],
)
def test_a_plain_description_is_helpful(text: str) -> None:
    assert find_unhelpful(text, "a grey cat sits on a mat") == []


def test_a_rewrite_much_shorter_than_its_prompt_is_told() -> None:
    prompt = "an old fisherman repairs a torn green net on a pier at dawn while gulls circle above"
    assert "the prompt" in details(find_unhelpful("A fisherman on a pier.", prompt))


def test_the_persons_own_way_to_speak_is_excused() -> None:
    prompt = "the video shows a cat, mp4, something nice"
    assert find_unhelpful(prompt, prompt) == []


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=120), st.text(max_size=40))
def test_any_texts_are_read(text: str, prompt: str) -> None:
    find_unhelpful(text, prompt)
    find_contradictions(prompt, text)
