import multiprocessing

import pytest
from conformance_modifier_store import CAPTIONS

from graph_store.errors import GraphStoreError
from graph_store.hashing_embedder import HashingEmbedder
from graph_store.starter import cached_graph, find_cache_dir, open_starter


class NeverAsked(HashingEmbedder):
    def encode(self, texts):
        raise AssertionError("the cached graph was built again")


def graphs(cache):
    return sorted(path.name for path in (cache / "graphs").iterdir())


def test_the_starter_knows_modifiers_for_everyday_prompts(tmp_path):
    graph = open_starter(HashingEmbedder(), tmp_path)
    found = graph.retrieve("a man walking on a beach", 3)
    assert "on a beach" in {modifier.text for modifier in found.of_kind("scene")}
    assert all(len(found.of_kind(kind)) == 3 for kind in ("scene", "subject", "action", "atmosphere"))


def test_a_second_use_takes_the_graph_from_the_cache(tmp_path):
    cached_graph("mine", CAPTIONS, HashingEmbedder(), tmp_path)
    cached_graph("mine", CAPTIONS, NeverAsked(), tmp_path)
    assert len(graphs(tmp_path)) == 1


def test_other_captions_or_another_embedder_are_another_graph(tmp_path):
    class Other(HashingEmbedder):
        name = "other"

    cached_graph("mine", CAPTIONS, HashingEmbedder(), tmp_path)
    cached_graph("mine", CAPTIONS[:2], HashingEmbedder(), tmp_path)
    cached_graph("mine", CAPTIONS, Other(), tmp_path)
    assert len(graphs(tmp_path)) == 3


def test_a_damaged_graph_in_the_cache_is_built_anew(tmp_path):
    before = cached_graph("mine", CAPTIONS, HashingEmbedder(), tmp_path).retrieve("a dog")
    next((tmp_path / "graphs").glob("*/data-*/offsets.npy")).unlink()
    assert cached_graph("mine", CAPTIONS, HashingEmbedder(), tmp_path).retrieve("a dog") == before
    assert len(graphs(tmp_path)) == 1


def build_once(cache):
    return cached_graph("mine", CAPTIONS, HashingEmbedder(), cache).retrieve("a dog")


def test_processes_that_build_at_once_do_not_disturb_each_other(tmp_path):
    with multiprocessing.get_context("spawn").Pool(3) as pool:
        answers = pool.map(build_once, [tmp_path] * 6)
    assert answers == [build_once(tmp_path)] * 6
    assert len(graphs(tmp_path)) == 1


def test_a_cache_that_can_not_be_written_costs_only_time(tmp_path):
    (tmp_path / "graphs").write_text("in the way", encoding="utf-8")
    assert cached_graph("mine", CAPTIONS, HashingEmbedder(), tmp_path).retrieve("a dog").modifiers


def test_the_cache_is_where_the_environment_says(tmp_path, monkeypatch):
    monkeypatch.setenv("RETAKE_CACHE_DIR", str(tmp_path))
    assert find_cache_dir() == tmp_path
    assert find_cache_dir(tmp_path / "other") == tmp_path / "other"
    monkeypatch.delenv("RETAKE_CACHE_DIR")
    assert find_cache_dir().parts[-2:] == (".cache", "retake")


def test_a_name_never_becomes_a_path(tmp_path):
    with pytest.raises(GraphStoreError, match="small letters"):
        cached_graph("../mine", CAPTIONS, HashingEmbedder(), tmp_path)
