"""Disguised spellings are read as the words they stand for, and nothing else in a text is changed."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.principles.unmask import DIGITS, LOOK_ALIKES, Disguises

WORDS = ("naked", "torture", "suicide", "cocaine", "hitler", "minor", "porn", "sex")
DISGUISES = Disguises(WORDS)
DIGIT_FOR = {letter: sign for sign, letter in DIGITS.items() if sign.isdecimal()} | {"l": "1"}
LOOK_ALIKE_FOR = {letter: sign for sign, letter in LOOK_ALIKES.items()}
INVISIBLE = "\u200b\u00ad\u2060\u0301"


def swap(word: str, signs: dict[str, str], at: int) -> str:
    places = [place for place, char in enumerate(word) if char in signs]
    place = places[at % len(places)]
    return word[:place] + signs[word[place]] + word[place + 1 :]


@st.composite
def disguised(draw: st.DrawFn) -> tuple[str, str]:
    """A listed word, and one way to hide it."""
    word = draw(st.sampled_from(WORDS))
    at = draw(st.integers(0, 20))
    inside = at % (len(word) - 1) + 1
    way = draw(st.sampled_from(["digit", "look-alike", "spaced", "dotted", "invisible", "stretched", "wide", "large"]))
    hidden = {
        "digit": swap(word, DIGIT_FOR, at),
        "look-alike": swap(word, LOOK_ALIKE_FOR, at),
        "spaced": " ".join(word),
        "dotted": word[:inside] + draw(st.sampled_from(".-~^'")) + word[inside:],
        "invisible": word[:inside] + draw(st.sampled_from(INVISIBLE)) + word[inside:],
        "stretched": word[:inside] + word[inside - 1] * draw(st.integers(2, 9)) + word[inside:],
        "wide": "".join(chr(ord(char) + 0xFEE0) for char in word),
        "large": word.upper(),
    }
    return word, hidden[way]


@settings(max_examples=400, deadline=None)
@given(disguised(), st.sampled_from(["", "the ", "A man, ", "«"]), st.sampled_from(["", " there", ", at night", "!"]))
def test_a_disguised_word_is_read_and_its_place_is_known(pair: tuple[str, str], before: str, after: str) -> None:
    word, hidden = pair
    text = before + hidden + after
    unmasked = DISGUISES.unmask(text)
    at = unmasked.text.find(word)
    assert at >= 0, unmasked.text
    start, end = unmasked.span(at, at + len(word))
    assert text[start:end].strip(INVISIBLE) == hidden.strip(INVISIBLE)


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=80))
def test_any_text_is_read_and_every_character_has_its_place(text: str) -> None:
    unmasked = DISGUISES.unmask(text)
    assert len(unmasked.text) == len(unmasked.starts) == len(unmasked.ends)
    assert all(0 <= start < end <= len(text) for start, end in zip(unmasked.starts, unmasked.ends, strict=True))


@settings(max_examples=200, deadline=None)
@given(st.lists(disguised() | st.sampled_from([("", "a cat"), ("", "4k"), ("", "on 5th street")]), max_size=6))
def test_what_is_unmasked_stays_as_it_is(pairs: list[tuple[str, str]]) -> None:
    once = DISGUISES.unmask(" and ".join(hidden for _, hidden in pairs)).text
    assert DISGUISES.unmask(once).text == once


@settings(max_examples=200, deadline=None)
@given(st.lists(st.from_regex(r"[a-z]{4,9}", fullmatch=True), max_size=8).map(" ".join))
def test_plain_words_are_left_alone(text: str) -> None:
    stretched = any(a == b == c for a, b, c in zip(text, text[1:], text[2:], strict=False))
    assert stretched or DISGUISES.unmask(text).text == text


@pytest.mark.parametrize(
    "text",
    ["4k 1080p footage of the 80's", "the u.s.a. in 1999", "a b c d e f g", "5 men, 3 women, 16:9", "e.g. 3d, 24fps",
     "s u s s e x", "w-o-r-d", "what a six!", "n** n*** **"],
)  # fmt: skip
def test_what_only_looks_disguised_is_left_alone(text: str) -> None:
    assert DISGUISES.unmask(text).text == text


def test_words_apart_by_more_than_their_letters_are_two() -> None:
    assert "naked" in DISGUISES.unmask("a  n a k e d  c a t").text


def test_a_letter_that_is_left_out_is_guessed_and_most_of_a_word_is_not() -> None:
    assert DISGUISES.unmask("s*x and p#rn").text == "sex and porn"
    assert DISGUISES.unmask("p***").text == "p***"


def test_an_empty_part_comes_from_nowhere() -> None:
    with pytest.raises(IndexError, match="empty part"):
        DISGUISES.unmask("naked").span(2, 2)
