"""Packed texts come back as they went in."""

from hypothesis import given
from hypothesis import strategies as st

from graph_store.text_list import TextList, pack_texts

TEXTS = st.lists(st.text(st.characters(exclude_categories=["Cs"])), max_size=20)


@given(TEXTS)
def test_packed_texts_come_back(texts):
    packed = TextList(*pack_texts(texts))
    assert list(packed) == texts
    assert len(packed) == len(texts)


@given(TEXTS, st.integers(0, 20), st.integers(0, 20))
def test_a_part_is_numbered_from_its_own_beginning(texts, start, stop):
    part = TextList(*pack_texts(texts))[start:stop]
    assert list(part) == texts[start:stop]
    assert [part[at] for at in range(-len(part), 0)] == texts[start:stop]


def test_a_lone_surrogate_becomes_a_mark_and_harms_no_other_text():
    assert list(TextList(*pack_texts(["a", "\ud800", "b"]))) == ["a", "?", "b"]
