"""Texts that are nearly the same, and that no prompt stands on both sides of the split."""

import json
from itertools import combinations
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from finetune.data.near import group_near, near_pairs, similarity
from finetune.data.rows import item_id
from finetune.data.split import held_out_items

words = st.sampled_from(["red", "ball", "left", "moves", "a", "Big", "blue."])
texts = st.lists(words, min_size=1, max_size=8).map(" ".join)
thresholds = st.sampled_from([0.5, 0.7, 0.9, 1.0])


@given(texts, texts)
def test_similarity_is_symmetric_and_1_for_the_same_words(one: str, other: str) -> None:
    assert similarity(one, other) == similarity(other, one)
    assert similarity(one, one.upper() + "!") == 1.0
    assert 0.0 <= similarity(one, other) <= 1.0


@pytest.mark.parametrize(
    ("one", "other", "is_near"),
    [
        ("A red ball moves to the left.", "a red ball, moves to the left", True),
        ("A red ball moves to the left.", "A red ball moves to the right.", False),
        ("two cats", "three cats", False),
        ("一只红色的猫在草地上奔跑", "一只红色的猫在草地上奔跑。", True),
        ("一只红色的猫在草地上奔跑", "一只蓝色的狗在沙滩上奔跑", False),
        ("🐈", "🐈", True),
        ("🐈", "🐕", False),
    ],
)
def test_near_is_the_same_but_for_case_and_punctuation_not_another_word(one: str, other: str, is_near: bool) -> None:
    assert (similarity(one, other) >= 0.9) == is_near


def test_a_word_more_in_a_long_text_is_near() -> None:
    long = " ".join(f"word{n}" for n in range(60))
    assert similarity(long, f"{long} more") >= 0.9


@given(st.lists(texts, max_size=12), thresholds)
def test_the_quick_search_finds_what_comparing_all_with_all_finds(found: list[str], threshold: float) -> None:
    slow = {(a, b) for a, b in combinations(range(len(found)), 2) if similarity(found[a], found[b]) >= threshold}
    assert set(near_pairs(found, threshold)) == slow


@given(st.lists(texts, max_size=12), thresholds)
def test_who_is_near_is_in_one_group_and_groups_are_named_by_their_first(found: list[str], threshold: float) -> None:
    groups = group_near(found, threshold)
    assert all(groups[a] == groups[b] for a, b in near_pairs(found, threshold))
    assert all(groups[first] == first <= position for position, first in enumerate(groups))


@given(st.lists(texts, max_size=20), st.floats(0, 1), st.integers(0, 5), thresholds)
def test_no_prompt_is_in_both_splits_nor_one_that_is_nearly_the_same(
    prompts: list[str], share: float, seed: int, near: float
) -> None:
    held_out = held_out_items(prompts, share, seed, near)
    assert held_out <= {item_id(prompt) for prompt in prompts}
    for one, other in combinations(prompts, 2):
        if similarity(one, other) >= near:
            assert (item_id(one) in held_out) == (item_id(other) in held_out)


@given(st.lists(texts, max_size=20), st.floats(0, 1), st.integers(0, 5))
def test_the_split_does_not_depend_on_order_and_leaves_something_to_train_on(
    prompts: list[str], share: float, seed: int
) -> None:
    held_out = held_out_items(prompts, share, seed, 1.0)
    assert held_out == held_out_items(sorted(prompts, key=item_id), share, seed, 1.0)
    ids = {item_id(prompt) for prompt in prompts}
    assert not ids or held_out < ids
    assert bool(held_out) == (share > 0 and len(ids) > 1)


def test_about_the_share_is_held_out_and_stays_so_when_the_set_grows() -> None:
    prompts = [f"prompt {n} about thing {n * 7} and {n * 13}" for n in range(2000)]
    before, after = (held_out_items(prompts[:count], 0.1, 0, 0.9) for count in (1000, 2000))
    assert 70 <= len(before) <= 130
    assert before == after & {item_id(prompt) for prompt in prompts[:1000]}
    assert held_out_items(prompts, 0.1, 1, 0.9) != after


def test_ids_do_not_change() -> None:
    assert item_id("A red ball, moving!") == item_id("  a RED ball moving ") == "507a55b59e5e5505"


def test_real_queries_differ(shared_data: Path) -> None:
    queries: list[str] = json.loads((shared_data / "vpo" / "queries_sample.json").read_text(encoding="utf-8"))
    assert len(list(near_pairs(queries, 0.9))) < 20
    assert 0.05 < len(held_out_items(queries, 0.1, 0, 0.9)) / len(queries) < 0.15
