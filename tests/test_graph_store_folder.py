import hashlib
import json
import shutil
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from itertools import chain, product

import networkx as nx
import numpy as np
import pytest
from conformance_modifier_store import CAPTIONS
from hypothesis import given, settings
from hypothesis import strategies as st

from graph_store import folder as folder_module
from graph_store.build import add_to_folder, build_folder, build_table
from graph_store.errors import GraphStoreError
from graph_store.export import to_networkx
from graph_store.folder import read_graph
from graph_store.hashing_embedder import HashingEmbedder
from graph_store.records import KINDS, TaggedCaption
from graph_store.relation_graph import RelationGraph


class CountingEmbedder(HashingEmbedder):
    """Remembers what it was asked to embed."""

    def __init__(self):
        self.calls = []

    def encode(self, texts):
        self.calls.append(list(texts))
        return super().encode(texts)


@pytest.fixture
def built(tmp_path):
    build_folder(CAPTIONS, HashingEmbedder(), tmp_path / "graph")
    return tmp_path / "graph"


def contents(folder):
    return {file.relative_to(folder): file.read_bytes() for file in sorted(folder.rglob("*")) if file.is_file()}


def test_counts_are_of_captions_not_of_mentions():
    captions = [
        TaggedCaption("1", scenes=("in a park", "on a path"), actions=("running",)),
        TaggedCaption("2", scenes=("In a Park",), actions=("Running",)),
        TaggedCaption("3", actions=("running",)),
    ]
    table, report = build_table(captions, HashingEmbedder())
    assert report.without_scene == 1
    graph = to_networkx(table)
    assert set(graph.nodes) == {"scene: in a park", "scene: on a path", "action: running"}
    assert graph.nodes["action: running"]["count"] == 2
    assert graph.edges["scene: in a park", "action: running"]["count"] == 2
    assert graph.edges["scene: on a path", "action: running"]["count"] == 1


def test_one_phrase_in_two_roles_is_two_nodes_but_embedded_once():
    embedder = CountingEmbedder()
    table, report = build_table([TaggedCaption("x", scenes=("sitting",), actions=("sitting",))], embedder)
    assert table.nodes == 2
    assert report.encoded == 1
    assert embedder.calls == [["sitting"]]


PHRASES = st.lists(st.sampled_from(["a", "A", "b", "c", "in a park", "On a path"]), max_size=3).map(tuple)


@settings(deadline=None)
@given(st.lists(st.builds(TaggedCaption, st.just("x"), PHRASES, PHRASES, PHRASES, PHRASES), max_size=12))
def test_what_is_counted_is_what_stood_together_in_captions(captions):
    table, report = build_table(captions, HashingEmbedder())
    graph = to_networkx(table)
    entered = [
        {f"{kind}: {text}".casefold() for kind in KINDS for text in getattr(caption, f"{kind}s")}
        for caption in captions
        if caption.scenes
    ]
    assert report.kept == graph.graph["captions"] == len(entered)
    assert {node.casefold(): data["count"] for node, data in graph.nodes.data()} == Counter(chain(*entered))
    pairs = Counter(
        frozenset((one, other))
        for nodes in entered
        for one, other in product(nodes, nodes)
        if one.startswith("scene") and not other.startswith("scene")
    )
    assert {frozenset((a.casefold(), b.casefold())): count for a, b, count in graph.edges.data("count")} == pairs


@settings(deadline=None)
@given(st.lists(st.builds(TaggedCaption, st.just("x"), PHRASES, PHRASES, PHRASES), max_size=8), st.integers(0, 8))
def test_counting_on_from_a_table_is_counting_all_at_once(captions, first):
    old, _ = build_table(captions[:first], HashingEmbedder())
    added, _ = build_table(captions[first:], HashingEmbedder(), old=old)
    at_once, _ = build_table(captions, HashingEmbedder())
    assert nx.utils.graphs_equal(to_networkx(added), to_networkx(at_once))


def test_the_report_tells_what_became_of_the_captions(tmp_path):
    progress = []
    report = build_folder(CAPTIONS, HashingEmbedder(), tmp_path, on_progress=lambda *args: progress.append(args))
    assert (report.captions, report.kept, report.without_scene) == (5, 4, 1)
    assert report.nodes == {"scene": 3, "subject": 3, "action": 5, "atmosphere": 3}
    assert report.encoded == 14
    assert progress == [(14, 14)]


def test_the_same_captions_give_the_same_bytes(tmp_path):
    for name in ("a", "b"):
        build_folder(CAPTIONS, HashingEmbedder(), tmp_path / name)
    assert contents(tmp_path / "a") == contents(tmp_path / "b")


def test_adding_equals_building_at_once_and_embeds_only_what_is_new(tmp_path, built):
    more = [TaggedCaption("A dog swims in a lake.", ("in a lake", "IN A KITCHEN"), ("a dog",), ("swimming",))]
    embedder = CountingEmbedder()
    report = add_to_folder(built, more, embedder)
    assert [sorted(texts) for texts in embedder.calls] == [["in a lake", "swimming"]]
    assert report.encoded == 2

    build_folder([*CAPTIONS, *more], HashingEmbedder(), tmp_path / "at_once")
    added, at_once = read_graph(built), read_graph(tmp_path / "at_once")
    assert all(list(added.texts[kind]) == list(at_once.texts[kind]) for kind in KINDS)
    assert added.captions == at_once.captions
    for array in ("counts", "offsets", "neighbours", "together", "vectors"):
        np.testing.assert_array_equal(getattr(added, array), getattr(at_once, array))
    assert [path.name for path in sorted(built.iterdir())] == ["add.lock", "data-000002", "graph.json"]


def test_adding_keeps_half_precision(tmp_path):
    build_folder(CAPTIONS, HashingEmbedder(), tmp_path, float16=True)
    add_to_folder(tmp_path, [TaggedCaption("x", ("in a lake",))], HashingEmbedder())
    assert read_graph(tmp_path).vectors.dtype == np.float16


def test_readers_are_not_disturbed_and_nothing_is_lost_while_several_add_at_once(built):
    def add(number):
        add_to_folder(built, [TaggedCaption("x", (f"place {number}",), ("a dog",))], HashingEmbedder())

    with ThreadPoolExecutor(4) as pool:
        done = [pool.submit(add, number) for number in range(12)]
        while not all(adding.done() for adding in done):
            assert RelationGraph.open(built, HashingEmbedder()).retrieve("a dog").modifiers
        for adding in done:
            adding.result()
    assert {f"place {number}" for number in range(12)} <= set(read_graph(built).texts["scene"])


@pytest.mark.parametrize("stage", ["_describe", "_flush"])
def test_a_writer_that_dies_leaves_the_old_graph(built, monkeypatch, stage):
    before = RelationGraph.open(built, HashingEmbedder()).retrieve("a dog")

    def die(*args):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(folder_module, stage, die)
        with pytest.raises(KeyboardInterrupt):
            add_to_folder(built, [TaggedCaption("x", ("in a lake",), ("a dog",))], HashingEmbedder())
    assert RelationGraph.open(built, HashingEmbedder()).retrieve("a dog") == before
    add_to_folder(built, [TaggedCaption("x", ("in a lake",), ("a dog",))], HashingEmbedder())
    assert "in a lake" in read_graph(built).texts["scene"]


def rewrite(folder, name, array):
    """Puts another array in and corrects its checksum, so that only its content is wrong."""
    manifest = json.loads((folder / "graph.json").read_text(encoding="utf-8"))
    file = folder / manifest["data"] / name
    np.save(file, array)
    manifest["files"][name] = {
        "bytes": file.stat().st_size,
        "sha256": hashlib.sha256(file.read_bytes()).hexdigest(),
    }
    (folder / "graph.json").write_text(json.dumps(manifest), encoding="utf-8")


def change_manifest(**changes):
    def damage(folder):
        manifest = json.loads((folder / "graph.json").read_text(encoding="utf-8"))
        (folder / "graph.json").write_text(json.dumps(manifest | changes), encoding="utf-8")

    return damage


def flip_a_bit(folder):
    file = folder / "data-000001" / "vectors.npy"
    content = bytearray(file.read_bytes())
    content[-7] ^= 1
    file.write_bytes(content)


def truncate(name, share=0.5):
    def damage(folder):
        file = folder / name
        file.write_bytes(file.read_bytes()[: int(file.stat().st_size * share)])

    return damage


def put_nan(folder):
    vectors = np.load(folder / "data-000001" / "vectors.npy")
    vectors[1, 1] = np.nan
    rewrite(folder, "vectors.npy", vectors)


def put_pickle(folder):
    manifest = json.loads((folder / "graph.json").read_text(encoding="utf-8"))
    file = folder / manifest["data"] / "counts.npy"
    np.save(file, np.array([{"a": 1}], dtype=object), allow_pickle=True)
    rewritten = {"bytes": file.stat().st_size, "sha256": hashlib.sha256(file.read_bytes()).hexdigest()}
    manifest["files"]["counts.npy"] = rewritten
    (folder / "graph.json").write_text(json.dumps(manifest), encoding="utf-8")


DAMAGES = {
    "no manifest": (lambda folder: (folder / "graph.json").unlink(), "there is no graph"),
    "torn manifest": (truncate("graph.json"), "not whole JSON"),
    "foreign manifest": (change_manifest(format="other"), "not of the format"),
    "later version": (change_manifest(version=3), "of version 3"),
    "wrong type": (change_manifest(files=[]), "wrong files"),
    "path outside": (change_manifest(data="../../etc"), "wrong data"),
    "missing file": (lambda folder: (folder / "data-000001" / "offsets.npy").unlink(), "offsets.npy is missing"),
    "missing folder": (lambda folder: shutil.rmtree(folder / "data-000001"), "is missing"),
    "an earlier version": (change_manifest(version=1), "of version 1"),
    "torn texts": (truncate("data-000001/texts.npy"), "texts.npy has another size"),
    "texts without bounds": (lambda f: rewrite(f, "bounds.npy", np.arange(3)), "bounds.npy has the shape"),
    "changed vectors": (flip_a_bit, "vectors.npy has changed"),
    "wrong dimension": (change_manifest(dimension=7), "vectors.npy has the shape"),
    "wrong dtype": (change_manifest(dtype="float16"), "holds float32, not float16"),
    "missing row": (lambda f: rewrite(f, "vectors.npy", np.zeros((3, 512), np.float32)), "vectors.npy has the shape"),
    "edges outside": (lambda f: rewrite(f, "neighbours.npy", np.full(14, 99, np.int32)), "neighbours.npy"),
    "offsets astray": (lambda f: rewrite(f, "offsets.npy", np.array([0, 9, 3, 4])), "offsets.npy does not divide"),
    "not numbers": (put_nan, "not numbers"),
    "a pickle": (put_pickle, "counts.npy"),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_folder_is_refused_by_name_with_the_cure(built, damage):
    break_it, message = DAMAGES[damage]
    break_it(built)
    with pytest.raises(GraphStoreError, match=message) as caught:
        RelationGraph.open(built, HashingEmbedder())
    assert str(built) in str(caught.value)
    assert "retake graph build" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_large_graph_is_only_checked_by_size_unless_asked(built, monkeypatch):
    monkeypatch.setattr(folder_module, "VERIFIED_BYTES", 0)
    flip_a_bit(built)
    read_graph(built)
    with pytest.raises(GraphStoreError, match=r"vectors\.npy has changed"):
        read_graph(built, verify=True)


def test_another_embedder_is_refused_with_both_names(built):
    class Other(HashingEmbedder):
        name = "other"

    with pytest.raises(GraphStoreError, match=r"'hashing'.*'other'"):
        RelationGraph.open(built, Other())
    with pytest.raises(GraphStoreError, match=r"'hashing'.*'other'"):
        add_to_folder(built, CAPTIONS, Other())


def test_an_embedder_of_another_dimension_is_refused(built):
    class Short(HashingEmbedder):
        dimension = 9

    with pytest.raises(GraphStoreError, match="9 numbers"):
        RelationGraph.open(built, Short())


def test_broken_vectors_are_never_written(tmp_path):
    class Broken(HashingEmbedder):
        def encode(self, texts):
            return super().encode(texts) * np.float32(np.nan)

    with pytest.raises(GraphStoreError, match="not numbers"):
        build_folder(CAPTIONS, Broken(), tmp_path / "graph")
    assert not (tmp_path / "graph").exists()


def test_captions_without_any_scene_build_nothing(tmp_path):
    with pytest.raises(GraphStoreError, match="none of the 1 captions has a scene"):
        build_folder([TaggedCaption("x", actions=("y",))], HashingEmbedder(), tmp_path / "graph")


def test_vectors_are_mapped_and_not_loaded(built):
    assert isinstance(read_graph(built).vectors.base, np.memmap)
