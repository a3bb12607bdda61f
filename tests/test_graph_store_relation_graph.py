import json
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest
from conformance_modifier_store import CAPTIONS, PROMPTS, check_answer, check_modifier_store
from hypothesis import given, settings
from hypothesis import strategies as st

from graph_store import scene_index
from graph_store.build import build_folder
from graph_store.captions import read_captions
from graph_store.embedders import open_embedder
from graph_store.errors import GraphStoreError
from graph_store.folder import write_graph
from graph_store.hashing_embedder import HashingEmbedder
from graph_store.phrases import clean_phrases
from graph_store.records import KINDS, TaggedCaption
from graph_store.relation_graph import RelationGraph, memory_graph
from graph_store.retrieve import Rule, choose
from graph_store.scene_index import FaissIndex, FlatIndex, index_scenes, with_scene_index
from graph_store.starter import read_starter

RAPO = Path(__file__).parents[1].parent / "shared" / "data" / "rapo"


@pytest.fixture(scope="module")
def minilm():
    pytest.importorskip("sentence_transformers", reason="sentence-transformers is not installed")
    try:
        return open_embedder("minilm")
    except GraphStoreError as error:
        pytest.skip(str(error))


@pytest.fixture(params=["hashing", "minilm"])
def embedder(request):
    return HashingEmbedder() if request.param == "hashing" else request.getfixturevalue("minilm")


@pytest.mark.parametrize("mode", ["pooled", "knn"])
def test_a_graph_in_memory_conforms(embedder, mode):
    check_modifier_store(memory_graph(CAPTIONS, embedder, Rule(mode=mode)))


@pytest.mark.parametrize("float16", [False, True])
def test_a_graph_on_disk_conforms(embedder, tmp_path, float16):
    build_folder(CAPTIONS, embedder, tmp_path, float16=float16)
    check_modifier_store(RelationGraph.open(tmp_path, embedder))


def test_the_reference_mode_conforms():
    store = memory_graph(CAPTIONS, HashingEmbedder(), Rule(mode="reference"))
    for prompt in PROMPTS:
        check_answer(store, prompt)


def test_disk_and_memory_answer_alike(tmp_path):
    build_folder(read_starter(), HashingEmbedder(), tmp_path)
    on_disk = RelationGraph.open(tmp_path, HashingEmbedder())
    in_memory = memory_graph(read_starter(), HashingEmbedder())
    for prompt in PROMPTS:
        assert on_disk.retrieve(prompt) == in_memory.retrieve(prompt)


@pytest.mark.parametrize("mode", ["pooled", "reference"])
def test_an_exact_index_of_faiss_and_numpy_answer_alike(minilm, mode):
    faiss = pytest.importorskip("faiss", reason="faiss is not installed")
    table = memory_graph(read_starter(), minilm).table
    flat = faiss.IndexFlatIP(table.dimension)
    flat.add(np.asarray(table.vectors[: table.scenes]))
    for query in minilm.encode([*PROMPTS, "a lighthouse at dusk", "q"]):
        answers = [
            choose(table, index, query, dict.fromkeys(KINDS, 8), Rule(mode=mode))
            for index in (FaissIndex(flat), FlatIndex(table.vectors[: table.scenes]))
        ]
        assert answers[0] == answers[1]


def test_more_scenes_than_are_searched_exactly_are_searched_by_hnsw_and_its_recall_is_told(tmp_path):
    pytest.importorskip("faiss", reason="faiss is not installed")
    table = memory_graph(read_starter(), HashingEmbedder()).table
    assert (with_scene_index(table).recall, len(with_scene_index(table).scene_index)) == (None, 0)
    write_graph(tmp_path, with_scene_index(table, exact_scenes=100))
    graph = RelationGraph.open(tmp_path, HashingEmbedder())
    assert isinstance(graph._index, FaissIndex)
    assert graph.table.recall is not None
    assert graph.table.recall > 0.9
    assert graph.retrieve("a man rides a bicycle in a park") == RelationGraph(table, HashingEmbedder()).retrieve(
        "a man rides a bicycle in a park"
    )


def test_a_graph_with_a_stored_index_is_searched_exactly_without_faiss(monkeypatch):
    pytest.importorskip("faiss", reason="faiss is not installed")
    table = with_scene_index(memory_graph(read_starter(), HashingEmbedder()).table, exact_scenes=100)
    monkeypatch.setattr(scene_index, "faiss", None)
    assert isinstance(index_scenes(table), FlatIndex)
    with pytest.raises(GraphStoreError, match=r"scenes are searched by faiss: pip install"):
        with_scene_index(table, exact_scenes=100)


def test_vectors_that_are_not_numbers_are_refused_by_the_search():
    rows = np.eye(4, dtype=np.float32)
    rows[2] = np.nan
    with pytest.raises(GraphStoreError, match="not numbers"):
        FlatIndex(rows).near(np.ones(4, np.float32), 2)


def test_every_modifier_of_a_small_graph_can_be_reached():
    found = memory_graph(CAPTIONS, HashingEmbedder()).retrieve("zebra", 99)
    assert {modifier.text for modifier in found.of_kind("action")} == {
        "riding a bicycle",
        "running",
        "cooking soup",
        "stirring a pot",
        "riding a horse",
    }
    assert found.scenes_searched == 3


def test_only_the_nearest_scenes_lend_their_modifiers():
    graph = memory_graph(CAPTIONS, HashingEmbedder(), Rule(scenes=1))
    found = graph.retrieve("somebody in a kitchen", 99)
    assert {modifier.via for modifier in found.modifiers} == {"in a kitchen"}
    assert {modifier.text for modifier in found.of_kind("scene")} == {"in a kitchen"}


def test_a_modifier_of_several_scenes_is_credited_to_the_nearest_with_that_count():
    captions = [
        *(TaggedCaption(f"{n}", scenes=("in a kitchen",), subjects=("a cook",)) for n in range(3)),
        TaggedCaption("x", scenes=("on a beach", "in a harbor"), subjects=("a cook",)),
    ]
    for mode in ("pooled", "knn", "reference"):
        graph = memory_graph(captions, HashingEmbedder(), Rule(mode=mode))
        by_prompt = {prompt: graph.retrieve(prompt, {"subject": 1}).modifiers[0] for prompt in ("kitchen", "beach")}
        assert (by_prompt["kitchen"].via, by_prompt["kitchen"].count) == ("in a kitchen", 3)
        assert (by_prompt["beach"].via, by_prompt["beach"].count) == ("on a beach", 1)


def test_near_duplicates_are_held_back_for_variety():
    phrases = ("red ball bouncing", "red ball bouncing up", "red ball bouncing down", "red paper kite")
    captions = [TaggedCaption("x", scenes=("in a park",), actions=phrases)]
    plain = memory_graph(captions, HashingEmbedder(), Rule(mmr=1.0)).retrieve("red ball bouncing", {"action": 2})
    varied = memory_graph(captions, HashingEmbedder(), Rule(mmr=0.3)).retrieve("red ball bouncing", {"action": 2})
    assert "red paper kite" not in {modifier.text for modifier in plain.modifiers}
    assert {modifier.text for modifier in varied.modifiers} == {"red ball bouncing", "red paper kite"}


def test_knn_finds_modifiers_that_no_near_scene_has():
    captions = [
        TaggedCaption("x", scenes=("in a kitchen",), actions=("stirring a pot",)),
        TaggedCaption("x", scenes=("on the moon",), actions=("cooking soup in a pot",)),
    ]
    pooled = memory_graph(captions, HashingEmbedder(), Rule(scenes=1)).retrieve("cooking soup in a kitchen")
    knn = memory_graph(captions, HashingEmbedder(), Rule(mode="knn", scenes=1)).retrieve("cooking soup in a kitchen")
    assert [modifier.text for modifier in pooled.of_kind("action")] == ["stirring a pot"]
    assert knn.of_kind("action")[0].text == "cooking soup in a pot"
    assert knn.of_kind("action")[0].via == "on the moon"


def test_similarity_is_the_cosine_of_every_pair(embedder):
    similarity = memory_graph(CAPTIONS, embedder).similarity(["a dog", "a car"], ["a dog", "a truck", "rain"])
    assert similarity.dtype == np.float32
    assert similarity.shape == (2, 3)
    assert similarity[0, 0] == pytest.approx(1, abs=1e-5)
    assert memory_graph(CAPTIONS, embedder).similarity([], ["x"]).shape == (0, 1)


def test_wrong_wishes_are_refused_with_what_is_known():
    graph = memory_graph(CAPTIONS, HashingEmbedder())
    with pytest.raises(GraphStoreError, match="scene, subject, action, atmosphere"):
        graph.retrieve("x", {"place": 3})
    with pytest.raises(GraphStoreError, match="0 or more, not -1"):
        graph.retrieve("x", -1)
    with pytest.raises(GraphStoreError, match="pooled, reference, knn"):
        Rule(mode="nearest")


def test_an_empty_graph_has_no_modifiers_and_says_so():
    found = memory_graph([], HashingEmbedder()).retrieve("a dog")
    assert found.modifiers == ()
    assert found.notes == ("the graph holds no scenes",)


SMALL = memory_graph(CAPTIONS, HashingEmbedder())


@given(st.text())
def test_any_prompt_is_answered(prompt):
    check_answer(SMALL, prompt)


PHRASES = st.lists(st.text(max_size=20), max_size=3).map(
    lambda texts: clean_phrases("".join(c for c in text if c.isprintable()) for text in texts)
)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.builds(TaggedCaption, st.text(), PHRASES, PHRASES, PHRASES, PHRASES), max_size=6), st.text())
def test_any_captions_make_a_graph_that_answers(captions, prompt):
    for mode in ("pooled", "reference", "knn"):
        check_answer(memory_graph(captions, HashingEmbedder(), Rule(mode=mode)), prompt)


@pytest.mark.skipif(not RAPO.exists(), reason="../shared/data/rapo is not here")
@pytest.mark.parametrize("tables", [["graph_test1"], ["graph_test1", "graph_test2"]])
def test_the_reference_mode_equals_what_was_measured_on_the_reference(minilm, tables):
    golden = json.loads((RAPO / "golden_stage1.json").read_text(encoding="utf-8"))[tables[-1]]["exact"]
    captions = [caption for name in tables for caption in read_captions(RAPO / f"{name}.csv").captions]
    complete = [caption for caption in captions if caption.scenes and caption.actions and caption.atmospheres]
    graph = memory_graph(complete, minilm, Rule(mode="reference"))
    for expected in golden:
        found = graph.retrieve(expected["sentence"], 99)
        for kind, groups in (
            ("scene", [expected["places"]]),
            ("action", expected["action"]),
            ("atmosphere", expected["atmos"]),
        ):
            cosines = {text: cosine for group in groups for text, cosine in group}
            assert {modifier.text for modifier in found.of_kind(kind)} == set(cosines), expected["sentence"]
            for modifier in found.of_kind(kind):
                assert modifier.cosine == pytest.approx(cosines[modifier.text], abs=5e-6)
        assert [modifier.text for modifier in found.of_kind("scene")] == [text for text, _ in expected["places"]]


def test_importing_the_package_is_light():
    code = (
        "import sys, graph_store, graph_store.cli, graph_store.store, graph_store.records;"
        "heavy = {'torch', 'transformers', 'faiss', 'networkx', 'sentence_transformers'};"
        "print(sorted(heavy & sys.modules.keys()))"
    )
    root = Path(__file__).parents[1]
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_nothing_here_warns():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        memory_graph(CAPTIONS, HashingEmbedder()).retrieve("a dog")


def test_what_is_likely_in_such_scenes_is_preferred_to_what_only_sounds_near():
    captions = [
        TaggedCaption("x", ("in a park",), (), (action,), atmospheres=("soft light",))
        for action in ("jogging", "jogging", "jogging", "parking in a park")
    ]
    near = memory_graph(captions, HashingEmbedder(), Rule(likelihood=0, mmr=1))
    assert [m.text for m in near.retrieve("in a park", {"action": 1}).modifiers] == ["parking in a park"]
    heavy = memory_graph(captions, HashingEmbedder(), Rule(likelihood=1, mmr=1))
    assert [m.text for m in heavy.retrieve("in a park", {"action": 1}).modifiers] == ["jogging"]
