import importlib
import json
import re
import shutil
import subprocess
import sys
from itertools import product
from pathlib import Path
from xml.sax.saxutils import quoteattr

import numpy as np
import pytest
import typer
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

pytest.importorskip("ijson", reason="needs the extra rapo")
pytest.importorskip("defusedxml", reason="needs the extra rapo")

from graph_store.build import build_table
from graph_store.captions import read_captions
from graph_store.embedder import DEFAULT_MODEL
from graph_store.errors import GraphStoreError
from graph_store.folder import read_graph, write_graph
from graph_store.hashing_embedder import HashingEmbedder
from graph_store.import_rapo import import_rapo
from graph_store.import_rapo_command import import_rapo_command
from graph_store.rapo_files import CHUNK, KIND_FILES, NEEDED
from graph_store.records import TaggedCaption
from graph_store.relation_graph import RelationGraph
from graph_store.retrieve import Rule

RAPO = Path(__file__).parents[1].parent / "shared" / "data" / "rapo"
WORDS = {"scene": "place", "action": "verb", "atmosphere": "scenario"}
CAPTIONS = [
    TaggedCaption("1", ("in a park",), (), ("running", "barking"), ("sunny",)),
    TaggedCaption("2", ("in a park", "on a path"), (), ("running",), ("at dusk", "calm & quiet")),
    TaggedCaption("3", ("standing on a pier",), (), ("standing on a pier", "fishing"), ("at dusk",)),
]


def write_rapo(folder, captions, embedder=None):
    """A directory as RAPO's construct_graph.py leaves it: lists with repeats, ids in order of appearance."""
    embedder = embedder or HashingEmbedder()
    rows = {kind: {} for kind in WORDS}
    sentences = {kind: {} for kind in WORDS}
    edges = {kind: {} for kind in WORDS}
    for number, caption in enumerate(captions):
        for scene in caption.scenes:
            for kind, phrases in (("atmosphere", caption.atmospheres), ("action", caption.actions)):
                for phrase in phrases:
                    rows[kind].setdefault(phrase, len(rows[kind]))
                    sentences[kind].setdefault(phrase, []).append(number)
                    edges[kind].setdefault(frozenset((scene, phrase)), (scene, phrase))
            rows["scene"].setdefault(scene, len(rows["scene"]))
            sentences["scene"].setdefault(scene, []).append(number)
    folder.mkdir(parents=True, exist_ok=True)
    for kind, names in KIND_FILES.items():
        put(folder, names.rows, rows[kind])
        put(folder, names.sentences, sentences[kind])
        put(folder, names.vectors, embedder.encode(list(rows[kind])).tolist())
        if names.edges:
            put_edges(folder, names.edges, edges[kind].values())
    counts = {f"{WORDS[kind][0]}_idx": len(rows[kind]) for kind in WORDS}
    put(folder, "data_info.json", {"valid_sentence": len(captions), **counts})
    return folder


def put(folder, name, content):
    (folder / name).write_text(json.dumps(content, indent=4), encoding="utf-8")


def put_edges(folder, name, edges):
    edges = list(edges)
    nodes = "".join(
        f"    <node id={quoteattr(node)} />\n" for node in dict.fromkeys(end for edge in edges for end in edge)
    )
    lines = "".join(f"    <edge source={quoteattr(a)} target={quoteattr(b)} />\n" for a, b in edges)
    (folder / name).write_text(
        "<?xml version='1.0' encoding='utf-8'?>\n"
        '<graphml xmlns="http://graphml.graphdrawing.org/xmlns">\n'
        f'  <graph edgedefault="undirected">\n{nodes}{lines}  </graph>\n</graphml>\n',
        encoding="utf-8",
    )


def change(folder, name, do):
    content = json.loads((folder / name).read_text(encoding="utf-8"))
    put(folder, name, do(content) or content)


def describe(table):
    """A graph without its order: counts of phrases, and of phrases together."""
    nodes = {
        (kind, text): int(table.counts[table.spans[kind][at]])
        for kind in WORDS
        for at, text in enumerate(table.texts[kind])
    }
    scenes = np.repeat(np.arange(table.scenes), np.diff(table.offsets)).tolist()
    edges = {
        (table.text_of(scene), table.kind_of(node), table.text_of(node)): count
        for scene, node, count in zip(scenes, table.neighbours.tolist(), table.together.tolist(), strict=True)
    }
    return nodes, edges


def told(report):
    return {mismatch.what: mismatch for mismatch in report.mismatches}


def find(report, words):
    """The one mismatch of which these words are told."""
    (mismatch,) = (mismatch for mismatch in report.mismatches if words in mismatch.what)
    return mismatch


@pytest.fixture
def published(tmp_path):
    return write_rapo(tmp_path / "graph_data", CAPTIONS)


def load(folder):
    return import_rapo(folder, "hashing")


def test_phrases_edges_and_counts_are_those_of_a_graph_built_from_the_same_captions(published):
    table, report = load(published)
    assert describe(table) == describe(build_table(CAPTIONS, HashingEmbedder())[0])
    assert report.captions == table.captions == 3
    assert report.nodes == {"scene": 3, "subject": 0, "action": 4, "atmosphere": 3}
    assert report.edges == len(table.neighbours) == 11
    assert set(told(report)) == {
        "graph_place_verb.graphml: phrases joined to themselves; read as a scene and its action"
    }


def test_vectors_belong_to_their_phrases_and_are_kept_to_the_bit(published):
    table, _ = load(published)
    texts = [table.text_of(node) for node in range(table.nodes)]
    np.testing.assert_array_equal(table.vectors, HashingEmbedder().encode(texts))
    assert table.vectors.dtype == np.float32


def test_neighbours_ascend_within_a_scene(published):
    table, _ = load(published)
    for scene in range(table.scenes):
        nodes = table.neighbours[table.offsets[scene] : table.offsets[scene + 1]].tolist()
        assert nodes == sorted(set(nodes))


PHRASES = st.lists(
    st.sampled_from(["a", "A", "b", "c", "d e", "D  e", "f"]), min_size=1, max_size=3, unique_by=str.casefold
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    captions=st.lists(
        st.builds(TaggedCaption, st.just(""), PHRASES.map(tuple), st.just(()), PHRASES.map(tuple), PHRASES.map(tuple)),
        min_size=1,
        max_size=6,
    )
)
def test_whatever_the_captions_the_import_equals_the_build(tmp_path, captions):
    table, report = load(write_rapo(tmp_path, captions))
    cleaned = [
        TaggedCaption(
            "",
            *(
                tuple(dict.fromkeys(" ".join(text.split()).casefold() for text in texts))
                for texts in (c.scenes, (), c.actions, c.atmospheres)
            ),
        )
        for c in captions
    ]
    nodes, edges = describe(table)
    built_nodes, built_edges = describe(build_table(cleaned, HashingEmbedder())[0])
    assert {(kind, text.casefold()): count for (kind, text), count in nodes.items()} == built_nodes
    assert {(a.casefold(), kind, b.casefold()): count for (a, kind, b), count in edges.items()} == built_edges
    assert report.captions == len(captions)
    assert {mismatch.what.partition("; ")[2] for mismatch in report.mismatches} <= {
        "made one", "read as a scene and its action", "read as a scene and its atmosphere",
    }  # fmt: skip


def test_an_imported_graph_is_written_opened_and_queried(published, tmp_path):
    write_graph(tmp_path / "graph", load(published)[0])
    graph = RelationGraph.open(tmp_path / "graph", HashingEmbedder())
    found = graph.retrieve("a dog running in a park")
    assert found.of_kind("scene")[0].text == "in a park"
    assert found.of_kind("action")[0].text == "running"
    assert found.of_kind("action")[0].count == 2
    assert {modifier.text for modifier in found.of_kind("atmosphere")} == {"sunny", "at dusk", "calm & quiet"}


@pytest.mark.parametrize("mode", ["pooled", "reference", "knn"])
def test_retrieval_answers_as_on_the_graph_built_from_the_same_captions(published, mode):
    graphs = [
        RelationGraph(table, HashingEmbedder(), Rule(mode=mode))
        for table in (load(published)[0], build_table(CAPTIONS, HashingEmbedder())[0])
    ]
    for prompt in ("a man fishing at dusk", "dogs in a park"):
        imported, built = (graph.retrieve(prompt, 2) for graph in graphs)
        assert imported == built


@pytest.mark.skipif(not RAPO.exists(), reason="../shared/data/rapo is not here")
def test_the_published_tables_give_the_same_graph_by_way_of_the_published_format(tmp_path):
    captions = [
        caption for name in ("graph_test1", "graph_test2") for caption in read_captions(RAPO / f"{name}.csv").captions
        if caption.scenes and caption.actions and caption.atmospheres
    ]  # fmt: skip
    table, _ = load(write_rapo(tmp_path, captions))
    built, _ = build_table(captions, HashingEmbedder())
    assert describe(table) == describe(built)


@pytest.mark.parametrize("above", [".", "..", "../.."])
def test_a_folder_above_will_do(tmp_path, above):
    home = write_rapo(tmp_path / "relation_graph" / "graph_data", CAPTIONS)
    _, report = load(home / above)
    assert report.folder.resolve() == home


def test_two_graphs_below_are_not_guessed_between(tmp_path):
    for name in ("graph_test1", "graph_test2"):
        write_rapo(tmp_path / "graph" / name, CAPTIONS)
    with pytest.raises(GraphStoreError, match=r"several .* name one: .*graph_test1, .*graph_test2"):
        load(tmp_path)


@pytest.mark.parametrize("name", NEEDED)
def test_a_missing_file_is_named_and_what_was_found(published, name):
    (published / name).unlink()
    with pytest.raises(GraphStoreError, match=rf"lacks {re.escape(name)}; found data_info.json, "):
        load(published)


def test_what_is_no_such_directory_is_refused(tmp_path):
    with pytest.raises(GraphStoreError, match="there is no directory"):
        load(tmp_path / "nowhere")
    (tmp_path / "notes.txt").touch()
    with pytest.raises(GraphStoreError, match=r"holds no relation graph .* found notes\.txt"):
        load(tmp_path)


@pytest.mark.parametrize("name", [name for name in NEEDED if name.endswith(".json")])
@pytest.mark.parametrize("share", [0, 0.5, 0.999])
def test_a_file_that_breaks_off_is_refused_with_where(published, name, share):
    whole = (published / name).read_bytes()
    (published / name).write_bytes(whole[: int(len(whole) * share)])
    with pytest.raises(
        GraphStoreError, match=rf"{name}' \([\d,]+ bytes\) is not whole JSON after \d+ whole entries"
    ) as refused:
        load(published)
    assert "\n" not in str(refused.value)


def test_graphml_that_breaks_off_or_defines_entities_is_refused(published):
    path = published / "graph_place_verb.graphml"
    whole = path.read_text(encoding="utf-8")
    for text in (
        whole[:-20], whole.replace('id="running"', 'id="run&#8;ning"'), "",
        whole.replace("<graphml", '<!DOCTYPE x [<!ENTITY a "b">]>\n<graphml'),
    ):  # fmt: skip
        path.write_text(text, encoding="utf-8")
        with pytest.raises(GraphStoreError, match="not GraphML that can be read: ") as refused:
            load(published)
        assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("vector", "reason"),
    [
        ([0.1] * 511, "has 511 numbers and the rows before 512"),
        ([float("nan")] * 512, "NaN or a number too large"),
        ([float("inf")] * 512, "NaN or a number too large"),
        ([1e300] * 512, "NaN or a number too large"),
        (["0.1"] * 512, "is not a list of numbers"),
        ([[0.1], [0.1, 0.2]], "is not a list of numbers"),
        ([None] * 512, "is not a list of numbers"),
        ([], "is not a list of numbers"),
        (0.5, "is not a list of numbers"),
    ],
)
def test_vectors_that_are_none_are_refused_with_their_row(published, vector, reason):
    change(published, "verb_words_embed.json", lambda rows: rows.__setitem__(2, vector))
    with pytest.raises(GraphStoreError, match=rf"verb_words_embed.json'(, row 2,)? .*{reason}"):
        load(published)


def test_vectors_of_another_dimension_than_the_embedder_gives_are_refused(published):
    with pytest.raises(GraphStoreError, match=r"has 512 numbers and '.*MiniLM-L6-v2' gives 384; .* --embedder"):
        import_rapo(published)


def test_vectors_that_are_not_of_unit_length_are_made_so_and_told(published):
    def spoil(rows):
        rows[0] = (2.5 * np.array(rows[0])).tolist()
        rows[1] = (1.000001 * np.array(rows[1])).tolist()

    change(published, "place_embed.json", spoil)
    table, report = load(published)
    assert find(report, "not of unit length").examples == ("row 0: 2.5",)
    np.testing.assert_allclose(table.vectors[0], HashingEmbedder().encode([table.text_of(0)])[0], rtol=1e-6)


def test_a_phrase_without_a_vector_is_left_out_with_its_edges(published):
    change(published, "verb_words_embed.json", lambda rows: rows[:-1])
    change(published, "scenario_words_embed.json", lambda rows: rows.__setitem__(0, [0.0] * 512))
    table, report = load(published)
    assert table.texts["action"] == ("running", "barking", "standing on a pier")
    assert table.texts["atmosphere"] == ("at dusk", "calm & quiet")
    assert find(report, "not as many vectors as verb_to_idx.json").examples == ("3 vectors, 4 phrases",)
    assert find(report, "vectors not of unit length; their phrases are left out").examples == ("row 0: 0",)
    assert told(report)["phrases without a vector; left out"].examples == ("action 'fishing'", "atmosphere 'sunny'")
    expected = describe(build_table(CAPTIONS, HashingEmbedder())[0])
    gone = {("action", "fishing"), ("atmosphere", "sunny")}
    assert describe(table) == (
        {node: count for node, count in expected[0].items() if node not in gone},
        {edge: count for edge, count in expected[1].items() if edge[1:] not in gone},
    )
    for node in range(table.nodes):
        np.testing.assert_array_equal(table.vectors[node], HashingEmbedder().encode([table.text_of(node)])[0])


def test_numbers_that_are_missing_double_or_none_are_told_and_the_rest_is_used(published):
    change(
        published, "verb_to_idx.json", lambda ids: {"barking": 1, "running": 1, "fishing": "3", "standing on a pier": 2}
    )
    table, report = load(published)
    assert table.texts["action"] == ("barking", "standing on a pier")
    assert find(report, "rows that two phrases have").examples == ("'running': 1",)
    assert find(report, "numbers that are no row").examples == ("'fishing': '3'",)
    assert find(report, "rows that no phrase has").examples == ("row 0", "row 3")
    assert find(report, "verb_in_sentence.json: phrases not in verb_to_idx.json").count == 2
    assert find(report, "edges between unknown or left-out phrases").count == 3


def test_phrases_that_are_one_after_cleaning_are_merged_and_so_are_their_sentences(tmp_path):
    captions = [
        TaggedCaption("1", ("in a park",), (), ("running",), ("calm",)),
        TaggedCaption("2", (" In a  park",), (), ("Running ",), ("calm",)),
        TaggedCaption("3", ("In a Park",), (), ("barking",), ("calm",)),
    ]
    table, report = load(write_rapo(tmp_path, captions))
    nodes, edges = describe(table)
    assert nodes == {
        ("scene", "in a park"): 3, ("action", "running"): 2, ("action", "barking"): 1, ("atmosphere", "calm"): 3,
    }  # fmt: skip
    assert edges["in a park", "action", "running"] == 2
    assert edges["in a park", "atmosphere", "calm"] == 3
    assert find(report, "place_to_idx.json: phrases that differ only in case or white space; made one").count == 2


def test_phrases_that_no_caption_could_hold_are_left_out(published):
    odd = {"": 0, "a\u0007b": 1, "x" * 201: 2, " \n": 3}
    change(published, "verb_to_idx.json", lambda _: odd)
    table, report = load(published)
    assert table.texts["action"] == ()
    assert len(table.texts["atmosphere"]) == 3
    assert find(report, "verb_to_idx.json: empty phrases").count == 2
    assert find(report, "too long or not plain text").examples == (
        r"'a\x07b': control character U+0007", f"'{'x' * 60}': a phrase of 201 characters (at most 200)",
    )  # fmt: skip
    assert "rows that no phrase has" not in " ".join(told(report))


def test_edges_are_told_where_they_fit_no_kind_or_no_sentence(published):
    put_edges(
        published, "graph_place_scene.graphml",
        [("in a park", "sunny"), ("at dusk", "on a path"), ("in a park", "on a path"), ("in a park", "nowhere"),
         ("on a path", "sunny"), ("in a park", "in a park")],
    )  # fmt: skip
    table, report = load(published)
    atmospheres = {edge: count for edge, count in describe(table)[1].items() if edge[1] == "atmosphere"}
    assert atmospheres == {
        ("in a park", "atmosphere", "sunny"): 1,
        ("on a path", "atmosphere", "at dusk"): 1,
        ("on a path", "atmosphere", "sunny"): 1,
    }
    assert find(report, "edges that no sentence bears out").examples == ("'on a path' - 'sunny'",)
    assert find(report, "two scenes or two atmospheres").examples == (
        "'in a park' - 'on a path'", "'in a park' - 'in a park'",
    )  # fmt: skip
    assert find(report, "unknown or left-out").examples == ("'in a park' - 'nowhere'",)


def test_an_edge_that_can_be_read_both_ways_is_read_as_the_sentences_say(tmp_path):
    captions = [
        TaggedCaption("1", ("walking",), (), ("standing",), ("calm",)),
        TaggedCaption("2", ("standing",), (), ("sitting",), ("calm",)),
        TaggedCaption("3", ("sitting",), (), ("walking",), ("calm",)),
    ]
    home = write_rapo(tmp_path, captions)
    actions = {(scene, text) for scene, kind, text in describe(load(home)[0])[1] if kind == "action"}
    assert actions == {("walking", "standing"), ("standing", "sitting"), ("sitting", "walking")}
    put_edges(home, "graph_place_verb.graphml", [("walking", "walking")])
    table, report = load(home)
    assert describe(table)[1]["walking", "action", "walking"] == 1
    assert find(report, "edges that no sentence bears out").count == 1


def test_sentence_lists_that_do_not_fit_are_told(published):
    def spoil(sentences):
        sentences["unheard of"] = [1, 2]
        sentences["barking"] = "0"
        del sentences["fishing"]

    change(published, "verb_in_sentence.json", spoil)
    table, report = load(published)
    assert find(report, "phrases not in verb_to_idx.json").examples == ("'unheard of'",)
    assert find(report, "phrases without a list of sentence numbers").examples == ("'barking'",)
    assert find(report, "phrases that stand in no sentence; counted once").count == 2
    assert find(report, "edges that no sentence bears out").count == 2
    nodes, edges = describe(table)
    assert nodes["action", "fishing"] == edges["in a park", "action", "barking"] == 1


def test_what_the_info_file_says_is_compared(published):
    change(published, "data_info.json", lambda info: info | {"v_idx": 7, "valid_sentence": None})
    mismatch = find(load(published)[1], "data_info.json")
    assert mismatch.examples == ("valid_sentence: None, not 3", "v_idx: 7, not 4")
    (published / "data_info.json").unlink()
    assert find(load(published)[1], "data_info.json").count == 4


def test_only_the_first_examples_are_kept(published):
    put_edges(published, "graph_place_verb.graphml", product(["in a park"], map(str, range(20))))
    mismatch = find(load(published)[1], "unknown")
    assert mismatch.count == 20
    assert len(mismatch.examples) == 3


@pytest.mark.parametrize("content", [{}, [], 3])
@pytest.mark.parametrize(
    "name", ["place_to_idx.json", "scenario_to_idx.json", "place_embed.json", "verb_words_embed.json"]
)
def test_a_file_with_nothing_of_what_belongs_in_it_is_refused(published, name, content):
    put(published, name, content)
    with pytest.raises(GraphStoreError, match=rf"{name}' holds no (phrases|vectors) in RAPO's form"):
        load(published)


def test_a_graph_without_a_single_usable_place_is_refused(published):
    change(published, "place_embed.json", lambda rows: [[0.0] * 512 for _ in rows])
    with pytest.raises(GraphStoreError, match=r"none of the places in .* has a vector"):
        load(published)


def test_files_of_several_chunks_are_read_whole_and_progress_ends_at_the_end(tmp_path):
    captions = [TaggedCaption("", (f"in place {n}",), (), (f"doing {n}",), ("calm",)) for n in range(200)]
    home = write_rapo(tmp_path, captions)
    assert (home / "place_embed.json").stat().st_size > CHUNK
    progress = []
    table, report = import_rapo(home, "hashing", lambda *step: progress.append(step))
    assert not report.mismatches
    assert table.nodes == 401
    total = sum(file.stat().st_size for file in home.iterdir())
    assert progress[-1] == (total, total)
    assert [done for done, _ in progress] == sorted(done for done, _ in progress)


def test_repeats_in_the_lists_count_once(published):
    lists = json.loads((published / "place_in_sentence.json").read_text(encoding="utf-8"))
    put(published, "place_in_sentence.json", {phrase: numbers * 3 for phrase, numbers in lists.items()})
    assert describe(load(published)[0])[0]["scene", "in a park"] == 2


def run(*arguments):
    app = typer.Typer()
    app.command()(import_rapo_command)
    result = CliRunner().invoke(app, [str(argument) for argument in arguments], env={"COLUMNS": "200"})
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result.stdout


def test_the_command_writes_the_graph_and_tells_every_mismatch(published, tmp_path):
    shown = run(published, "--out", tmp_path / "graph", "--embedder", "hashing", "--float16")
    assert "1 graph_place_verb.graphml: phrases joined to themselves" in shown
    assert "'standing on a pier'" in shown
    assert "3 sentences: 3 scenes, 4 actions, 3 atmospheres; 11 edges" in shown
    table = read_graph(tmp_path / "graph", "hashing", verify=True)
    assert table.vectors.dtype == np.float16
    with pytest.raises(GraphStoreError, match="holds a graph already"):
        run(published, "--out", tmp_path / "graph", "--embedder", "hashing")
    run(published, "--out", tmp_path / "graph", "--embedder", "hashing", "--force")


def test_a_refused_import_leaves_the_graph_that_was_there(published, tmp_path):
    out = tmp_path / "graph"
    run(published, "--out", out, "--embedder", "hashing")
    before = {file: file.read_bytes() for file in out.rglob("*") if file.is_file()}
    shutil.copy(published / "place_to_idx.json", published / "verb_words_embed.json")
    with pytest.raises(GraphStoreError):
        run(published, "--out", out, "--embedder", "hashing", "--force")
    assert {file: file.read_bytes() for file in out.rglob("*") if file.is_file()} == before


def test_vectors_of_the_default_model_are_named_after_it(tmp_path):
    class Cut(HashingEmbedder):
        def encode(self, texts):
            vectors = super().encode(texts)[:, :384]
            return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)

    table, _ = import_rapo(write_rapo(tmp_path, CAPTIONS, Cut()))
    assert (table.embedder, table.dimension) == (DEFAULT_MODEL, 384)


@pytest.mark.parametrize("library", ["ijson", "defusedxml.ElementTree"])
def test_without_its_libraries_the_import_says_what_to_install(monkeypatch, library):
    monkeypatch.setitem(sys.modules, library, None)
    monkeypatch.delitem(sys.modules, "graph_store.rapo_files")
    with pytest.raises(GraphStoreError, match=re.escape('pip install "retake[rapo]"')):
        importlib.import_module("graph_store.rapo_files")


def test_the_command_is_there_without_its_libraries():
    code = "import sys, graph_store.import_rapo_command; print(sorted({'ijson', 'defusedxml'} & sys.modules.keys()))"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=Path(__file__).parents[1], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"
