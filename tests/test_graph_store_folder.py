import hashlib
import json
import shutil

import numpy as np
import pytest
from conformance_modifier_store import CAPTIONS

from graph_store import folder as folder_module
from graph_store.build import add_to_folder, build_folder, relate, restore, tabulate
from graph_store.errors import GraphStoreError
from graph_store.folder import read_graph
from graph_store.hashing_embedder import HashingEmbedder
from graph_store.records import TaggedCaption
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
    graph, left_out = relate(captions)
    assert left_out == 1
    assert set(graph.nodes) == {("scene", "in a park"), ("scene", "on a path"), ("action", "running")}
    assert graph.nodes["action", "running"]["count"] == 2
    assert graph.edges[("scene", "in a park"), ("action", "running")]["count"] == 2
    assert graph.edges[("scene", "on a path"), ("action", "running")]["count"] == 1


def test_one_phrase_in_two_roles_is_two_nodes_but_embedded_once():
    embedder = CountingEmbedder()
    table, encoded = tabulate(relate([TaggedCaption("x", scenes=("sitting",), actions=("sitting",))])[0], embedder)
    assert table.nodes == 2
    assert encoded == 1
    assert embedder.calls == [["sitting"]]


def test_a_table_gives_back_its_graph():
    graph, _ = relate(CAPTIONS)
    again = restore(tabulate(graph, HashingEmbedder())[0])
    assert dict(again.nodes.data()) == dict(graph.nodes.data())
    assert {(frozenset(edge), count) for *edge, count in again.edges.data("count")} == {
        (frozenset(edge), count) for *edge, count in graph.edges.data("count")
    }
    assert again.graph == graph.graph


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
    assert added.texts == at_once.texts
    assert added.captions == at_once.captions
    for array in ("counts", "offsets", "neighbours", "together", "vectors"):
        np.testing.assert_array_equal(getattr(added, array), getattr(at_once, array))
    assert [path.name for path in sorted(built.iterdir())] == ["data-000002", "graph.json"]


def test_adding_keeps_half_precision(tmp_path):
    build_folder(CAPTIONS, HashingEmbedder(), tmp_path, float16=True)
    add_to_folder(tmp_path, [TaggedCaption("x", ("in a lake",))], HashingEmbedder())
    assert read_graph(tmp_path).vectors.dtype == np.float16


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
    "later version": (change_manifest(version=2), "of version 2"),
    "wrong type": (change_manifest(files=[]), "wrong files"),
    "path outside": (change_manifest(data="../../etc"), "wrong data"),
    "missing file": (lambda folder: (folder / "data-000001" / "offsets.npy").unlink(), "offsets.npy is missing"),
    "missing folder": (lambda folder: shutil.rmtree(folder / "data-000001"), "is missing"),
    "torn nodes": (truncate("data-000001/nodes.json"), "nodes.json has another size"),
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


def test_large_files_are_only_checked_by_size_unless_asked(built, monkeypatch):
    monkeypatch.setattr(folder_module, "READ_WHOLE_BYTES", 0)
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
    assert isinstance(read_graph(built).vectors, np.memmap)
