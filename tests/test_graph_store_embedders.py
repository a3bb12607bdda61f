import subprocess
import sys
import types

import numpy as np
import pytest
from conformance_embedder import TEXTS, check_embedder
from hypothesis import given
from hypothesis import strategies as st

from graph_store.embedders import open_embedder
from graph_store.errors import GraphStoreError
from graph_store.hashing_embedder import HashingEmbedder
from graph_store.minilm import MiniLM
from graph_store.minilm_onnx import FOLDER, MODEL, TOKENIZER
from graph_store.sentence_embedder import SentenceEmbedder


@pytest.fixture(scope="module")
def minilm():
    pytest.importorskip("sentence_transformers", reason="sentence-transformers is not installed")
    try:
        return open_embedder("minilm")
    except GraphStoreError as error:
        pytest.skip(str(error))


def test_hashing_conforms():
    check_embedder(HashingEmbedder())


def test_minilm_conforms(minilm):
    check_embedder(minilm)


def test_minilm_gives_the_published_cosines(minilm):
    sentences = ["The weather is lovely today.", "It's so sunny outside!", "He drove to the stadium."]
    vectors = minilm.encode(sentences)
    cosines = vectors @ vectors.T
    np.testing.assert_allclose([cosines[0, 1], cosines[0, 2], cosines[1, 2]], [0.6660, 0.1046, 0.1411], atol=1e-4)


def test_minilm_has_the_name_of_its_weights_wherever_they_came_from(minilm):
    assert minilm.name == "sentence-transformers/all-MiniLM-L6-v2"
    assert open_embedder("auto").name == minilm.name


def test_onnx_runtime_and_torch_give_the_same_vectors(minilm):
    pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")
    assert isinstance(minilm, MiniLM)
    texts = ["A dog.", "A dog runs over a beach at sunset, " * 9, "word " * 400, "雨の夜"]
    by_torch = open_embedder("sentence-transformers/all-MiniLM-L6-v2")
    assert isinstance(by_torch, SentenceEmbedder)
    np.testing.assert_allclose(minilm.encode(texts), by_torch.encode(texts), atol=1e-5)


def test_bfloat16_is_near_enough_to_read_the_same_graphs(minilm):
    half = open_embedder("minilm-bf16")
    texts = [*TEXTS, "a lighthouse in the fog at dawn"]
    assert half.name == minilm.name
    assert (half.encode(texts) * minilm.encode(texts)).sum(axis=1).min() > 0.995


def test_the_exported_model_is_opened_without_torch(minilm):
    pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")
    script = (
        "import sys; from graph_store.embedders import open_embedder; open_embedder('minilm').encode(['a']);"
        "heavy = {'torch', 'transformers', 'sentence_transformers'}; sys.exit(' '.join(heavy & set(sys.modules)) or 0)"
    )
    subprocess.run([sys.executable, "-c", script], check=True)


@pytest.mark.parametrize("threads", ["", "2,1"])
def test_any_setting_of_openmp_is_lived_with(minilm, monkeypatch, threads):
    pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")
    monkeypatch.setenv("OMP_NUM_THREADS", threads)
    assert isinstance(open_embedder("minilm"), MiniLM)


def test_a_damaged_export_is_made_anew(minilm, tmp_path, monkeypatch):
    pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")
    monkeypatch.setenv("RETAKE_CACHE_DIR", str(tmp_path))
    folder = tmp_path / "embedders" / FOLDER
    folder.mkdir(parents=True)
    (folder / MODEL).write_bytes(b"torn")
    np.testing.assert_array_equal(open_embedder("minilm").encode(["a dog"]), minilm.encode(["a dog"]))
    assert {file.name for file in folder.iterdir()} == {MODEL, TOKENIZER}


def test_where_the_cache_can_not_be_written_torch_embeds(minilm, tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("RETAKE_CACHE_DIR", str(tmp_path / "file"))
    assert isinstance(open_embedder("minilm"), SentenceEmbedder)


def test_changed_weights_are_refused(tmp_path, minilm):
    from graph_store.sentence_embedder import PACKAGED_SHA256, check_weights

    file = tmp_path / "model.safetensors"
    file.write_bytes(b"not the weights")
    with pytest.raises(GraphStoreError, match="not the genuine ones"):
        check_weights(file, PACKAGED_SHA256)
    with pytest.raises(GraphStoreError, match="can't read"):
        check_weights(tmp_path / "missing", PACKAGED_SHA256)


def test_a_model_that_can_not_be_had_is_named_with_a_cure(minilm, monkeypatch):
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(GraphStoreError, match="nobody/no-such-model"):
        open_embedder("nobody/no-such-model")


@given(st.text())
def test_any_text_has_a_unit_vector(text):
    vector = HashingEmbedder().encode([text])[0]
    assert abs(float(np.linalg.norm(vector)) - 1) < 1e-5


def test_function_words_weigh_little():
    query, same, other = HashingEmbedder().encode(["a ball on the floor", "ball floor", "a man on the moon"])
    assert query @ same > query @ other + 0.4


def test_a_class_of_the_users_own_is_opened_by_name(monkeypatch):
    module = types.ModuleType("their_embedder")
    module.Theirs = HashingEmbedder
    module.Wrong = dict
    monkeypatch.setitem(sys.modules, "their_embedder", module)
    assert isinstance(open_embedder("their_embedder:Theirs"), HashingEmbedder)
    with pytest.raises(GraphStoreError, match="lacks name, dimension, encode"):
        open_embedder("their_embedder:Wrong")
    with pytest.raises(GraphStoreError, match="can't open the embedder"):
        open_embedder("their_embedder:Missing")


def test_an_unknown_name_lists_the_known_ones():
    with pytest.raises(GraphStoreError, match=r"auto, hashing, minilm"):
        open_embedder("hashign")
