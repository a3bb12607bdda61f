"""The starter corpus keeps its promises: whole rows, distinct captions, tags found in their captions, shared scenes."""

import json
import re
from collections import Counter
from pathlib import Path

import pytest

CORPUS = Path(__file__).parents[1] / "graph_store" / "data" / "starter.jsonl"
TAG_KEYS = ("scenes", "subjects", "actions", "atmospheres")
MOST_TAGS = {"scenes": 2, "subjects": 2, "actions": 3, "atmospheres": 3}
TOPICS = {"people", "animals", "food", "vehicles", "architecture", "landscape", "sport", "lifestyle"}


@pytest.fixture(scope="module")
def rows() -> list[dict]:
    return [json.loads(line) for line in CORPUS.read_text(encoding="utf-8").splitlines()]


def stem(word: str) -> str:
    """Returns the first four letters of a word, or what is left of a short verb without its -ing."""
    return re.sub(r"(\w)\1?ing$", r"\1", word)[:4]


def found_share(tag: str, caption: str) -> float:
    """Returns the share, 0 to 1, of a tag's words over three letters that the caption has in some form."""
    in_caption = re.findall(r"\w+", caption.lower())
    wanted = [word for word in re.findall(r"\w+", tag.lower()) if len(word) > 3]
    found = [word for word in wanted if any(other.startswith(stem(word)) for other in in_caption)]
    return len(found) / len(wanted) if wanted else 1.0


def test_there_are_at_least_400_rows_and_50_of_each_topic(rows):
    counts = Counter(row["topic"] for row in rows)

    assert len(rows) >= 400
    assert set(counts) == TOPICS
    assert min(counts.values()) >= 50


def test_every_row_has_a_caption_a_topic_and_the_four_kinds_of_tags(rows):
    for row in rows:
        assert set(row) == {"caption", "topic", *TAG_KEYS}
        assert isinstance(row["caption"], str)
        for key in TAG_KEYS:
            assert isinstance(row[key], list)
            assert 1 <= len(row[key]) <= MOST_TAGS[key], row["caption"]
            assert all(isinstance(tag, str) for tag in row[key])


def test_captions_are_dense_sentences_of_18_to_45_words(rows):
    for row in rows:
        assert 18 <= len(row["caption"].split()) <= 45, row["caption"]
        assert row["caption"].endswith("."), row["caption"]


def test_no_two_captions_are_alike(rows):
    captions = Counter(" ".join(re.findall(r"\w+", row["caption"].lower())) for row in rows)

    assert captions.most_common(1)[0][1] == 1


def test_no_tag_is_empty_padded_or_given_twice_in_a_row(rows):
    for row in rows:
        for key in TAG_KEYS:
            assert all(tag and tag == " ".join(tag.split()) for tag in row[key]), row["caption"]
            assert len(set(row[key])) == len(row[key]), row["caption"]


def test_actions_start_with_an_ing_verb(rows):
    verbs = {action.split()[0] for row in rows for action in row["actions"]}

    assert [verb for verb in sorted(verbs) if not verb.endswith("ing")] == []


def test_the_words_of_a_tag_occur_in_its_caption(rows):
    strays = [
        (tag, row["caption"])
        for row in rows
        for key in TAG_KEYS
        for tag in row[key]
        if found_share(tag, row["caption"]) < 0.6
    ]

    assert strays == []


def test_scenes_are_shared_between_captions(rows):
    uses = Counter(scene for row in rows for scene in row["scenes"])

    assert sum(count >= 2 for count in uses.values()) >= 60
