"""Scenes that say nearly the same become one, and nothing else changes."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graph_store.build import add_to_folder, build_folder, build_table
from graph_store.export import to_networkx
from graph_store.folder import read_graph
from graph_store.merge import merge_scenes
from graph_store.records import KINDS, TaggedCaption
from graph_store.table import RelationTable

DIRECTIONS = {
    "in a park": (1.0, 0.0),
    "in the park": (0.95, 0.3),
    "by the park": (0.6, 0.8),
    "at sea": (0.0, 1.0),
    "on the sea": (0.05, 1.0),
}


class Compass:
    """Embeds by a table of directions, all other texts by one more axis."""

    name = "compass"
    dimension = 3

    def encode(self, texts):
        rows = np.array([(*DIRECTIONS[text], 0) if text in DIRECTIONS else (0, 0, 1) for text in texts], np.float32)
        return rows.reshape(-1, 3) / np.linalg.norm(rows.reshape(-1, 3), axis=1, keepdims=True)


def captions(*scenes_and_actions):
    return [TaggedCaption("x", (scene,), (), (action,)) for scene, action in scenes_and_actions]


PARKS = captions(("in the park", "running"), ("in a park", "running"), ("in a park", "sitting"), ("at sea", "sailing"))


def test_the_rarer_scene_joins_the_more_frequent_one_with_its_edges_and_counts():
    table, report = build_table(PARKS, Compass(), merge_at=0.9)
    assert list(table.texts["scene"]) == ["in a park", "at sea"]
    assert (list(table.merged), table.merged_into.tolist(), report.merged) == (["in the park"], [0], 1)
    graph = to_networkx(table)
    assert graph.nodes["scene: in a park"]["count"] == 3
    assert graph.edges["scene: in a park", "action: running"]["count"] == 2
    assert graph.edges["scene: in a park", "action: sitting"]["count"] == 1
    np.testing.assert_array_equal(table.vectors[: table.scenes], Compass().encode(["in a park", "at sea"]))


def test_scenes_join_one_that_stands_for_itself_and_not_in_a_chain():
    near_both = captions(("in a park", "a"), ("in a park", "a"), ("in the park", "b"), ("by the park", "c"))
    table, _ = build_table(near_both, Compass(), merge_at=0.8)  # by - in a: 0.6, by - in the: 0.81
    assert list(table.texts["scene"]) == ["in a park", "by the park"]


def test_a_scene_merged_once_is_known_when_captions_are_added(tmp_path):
    build_folder(PARKS, Compass(), tmp_path, merge_at=0.9)
    report = add_to_folder(tmp_path, captions(("In The Park", "singing"), ("on the sea", "sailing")), Compass())
    assert report.encoded == 2  # "singing" and "on the sea"
    table = read_graph(tmp_path)
    assert list(table.merged) == ["in the park", "on the sea"]
    graph = to_networkx(table)
    assert graph.nodes["scene: in a park"]["count"] == 4
    assert graph.edges["scene: in a park", "action: singing"]["count"] == 1
    assert graph.edges["scene: at sea", "action: sailing"]["count"] == 2


def test_scenes_of_the_graph_stay_when_captions_are_added(tmp_path):
    build_folder(captions(("in the park", "running")), Compass(), tmp_path, merge_at=0.9)
    add_to_folder(tmp_path, captions(*[("in a park", "running")] * 5), Compass())
    assert list(read_graph(tmp_path).texts["scene"]) == ["in the park"]


def random_table(seed, scenes):
    rng = np.random.default_rng(seed)
    found = [
        TaggedCaption("x", (f"scene {rng.integers(scenes)}",), (), (f"action {rng.integers(9)}",)) for _ in range(60)
    ]

    class Random:
        name, dimension = "random", 3

        def encode(self, texts):
            rows = np.random.default_rng(seed).normal(size=(len(texts), 3)).astype(np.float32)
            return rows / np.linalg.norm(rows, axis=1, keepdims=True)

    return build_table(found, Random())[0]


@settings(deadline=None)
@given(seed=st.integers(0, 1000), scenes=st.integers(1, 30), block=st.sampled_from([1, 3, 256]))
def test_merging_keeps_every_caption_counted_and_ends_with_no_two_scenes_alike(seed, scenes, block):
    table = random_table(seed, scenes)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("graph_store.merge.BLOCK", block)
        merged = merge_scenes(table, 0.8)
    assert merged.scenes + len(merged.merged) == table.scenes
    assert merged.counts[: merged.scenes].sum() == table.counts[: table.scenes].sum()
    assert merged.together.sum() == table.together.sum()
    assert [list(merged.texts[kind]) for kind in KINDS[1:]] == [list(table.texts[kind]) for kind in KINDS[1:]]
    rows = merged.vectors[: merged.scenes]
    assert (rows @ rows.T - np.eye(merged.scenes) < 0.8).all()
    stands_for = vector_of(merged, merged.texts["scene"])
    for text, scene in zip(merged.merged, merged.merged_into.tolist(), strict=True):
        assert vector_of(table, [text])[0] @ stands_for[scene] >= 0.8


def vector_of(table: RelationTable, scenes):
    numbers = {text: number for number, text in enumerate(table.texts["scene"])}
    return np.array([table.vectors[numbers[text]] for text in scenes])
