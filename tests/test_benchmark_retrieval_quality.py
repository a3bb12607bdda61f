import numpy as np
import pytest
from typer.testing import CliRunner

from benchmarks import retrieval_quality
from benchmarks.retrieval_quality import Question, Remembered, join_phrases, make_question, score
from graph_store.hashing_embedder import HashingEmbedder
from graph_store.records import TaggedCaption
from graph_store.starter import read_starter

QUESTION = Question(
    caption=0,
    prompt="in a city park",
    targets=(
        ("subject", "an old man in a coat"),
        ("action", "feeding grey pigeons"),
        ("action", "reading a newspaper"),
    ),
)


def test_a_target_counts_as_found_when_half_of_its_content_words_are_retrieved_in_its_own_kind():
    answer = {
        "subject": ["feeding grey pigeons"],
        "action": ["feeds the pigeons", "reading by the window of a train"],
        "atmosphere": ["an old man in a coat"],
    }
    sums = score(QUESTION, answer, Remembered(HashingEmbedder()))
    targets, found = sums[:, 0].tolist(), sums[:, 1].tolist()
    assert targets == [1, 2, 0]
    assert found == [0, 1, 0]


def test_what_is_retrieved_word_for_word_scores_full_marks_and_nothing_scores_nothing():
    embedder = Remembered(HashingEmbedder())
    whole = {kind: [text for other, text in QUESTION.targets if other == kind] for kind in ("subject", "action")}
    assert score(QUESTION, {**whole, "atmosphere": []}, embedder) == pytest.approx(
        np.array([[1, 1, 1, 1], [2, 2, 2, 2], [0, 0, 0, 0]])
    )
    assert not score(QUESTION, {"subject": [], "action": [], "atmosphere": []}, embedder)[:, 1:].any()


def test_a_prompt_reads_as_a_caption_and_shares_no_phrase_with_its_targets():
    assert (
        join_phrases(
            [("atmosphere", "soft light"), ("scene", "in a park"), ("action", "running"), ("subject", "a dog")]
        )
        == "a dog running in a park, soft light"
    )
    caption = TaggedCaption("", ("in a park",), ("a dog", "a small dog"), ("running",), ("soft light", "light rain"))
    question = make_question(0, caption, 0.5, np.random.default_rng(0))
    assert question is not None
    assert not any(text in question.prompt or kind == "scene" for kind, text in question.targets)


def test_the_command_compares_all_rules_and_gives_the_baseline_no_difference(tmp_path, monkeypatch):
    monkeypatch.setattr(retrieval_quality, "read_starter", lambda: read_starter()[:20])
    monkeypatch.setattr(retrieval_quality, "RESAMPLES", 50)
    file = tmp_path / "figures.json"
    app = retrieval_quality.typer.Typer()
    app.command()(retrieval_quality.main)
    result = CliRunner().invoke(app, ["--embedder", "hashing", "--json", str(file)])
    assert result.exit_code == 0, result.output
    rows = retrieval_quality.json.loads(file.read_text())["rows"]
    assert {row["rule"] for row in rows} == set(retrieval_quality.VARIANTS)
    for row in rows:
        if row["rule"] == retrieval_quality.BASELINE:
            assert row["words"]["difference"] == row["words"]["low"] == row["words"]["high"] == 0
        assert 0 <= row["nearest"]["share"] <= 1
