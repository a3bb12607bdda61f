from hypothesis import given
from hypothesis import strategies as st

from agent.word_diff import diff_words


def without_space(text: str) -> str:
    return "".join(text.split())


@given(before=st.text(max_size=80), after=st.text(max_size=80))
def test_the_changes_read_as_either_text_but_for_spacing(before, after):
    changes = diff_words(before, after)
    assert "".join(change.text for change in changes if change.kind != "del") == after.strip()
    assert without_space("".join(change.text for change in changes if change.kind != "ins")) == without_space(before)


def test_only_the_words_that_differ_are_marked():
    changes = diff_words("a red ball, moving left", "a red  ball, rolling slowly left")
    assert [tuple(change) for change in changes] == [
        ("same", "a red  ball, "),
        ("del", "moving "),
        ("ins", "rolling slowly "),
        ("same", "left"),
    ]


def test_equal_texts_have_no_change():
    assert {change.kind for change in diff_words("a cat’s tail", "a cat’s tail ")} == {"same"}


def test_text_without_spaces_between_words_is_compared_by_character():
    assert [tuple(change) for change in diff_words("红球向左", "红色球向左")] == [
        ("same", "红"),
        ("ins", "色"),
        ("same", "球向左"),
    ]


def test_a_rewrite_of_ten_thousand_characters_is_compared():
    before = " ".join(f"word{number % 700}" for number in range(1400))
    changes = diff_words(before, "🎬" * 5000 + before)
    assert sum(len(change.text) for change in changes if change.kind == "ins") >= 5000
