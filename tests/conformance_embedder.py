"""What every Embedder must do. A test file runs `check_embedder` on its implementation."""

import numpy as np

from graph_store.embedder import Embedder

TEXTS = ["a red ball", "a blue cube on a table", "", "雨の夜", "🚲", "x" * 5000, "\ud800 lone surrogate"]


def check_embedder(embedder: Embedder) -> None:
    vectors = embedder.encode(TEXTS)
    assert embedder.name
    assert vectors.dtype == np.float32
    assert vectors.shape == (len(TEXTS), embedder.dimension)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    assert embedder.encode([]).shape == (0, embedder.dimension)

    np.testing.assert_allclose(embedder.encode(TEXTS[::-1])[::-1], vectors, atol=1e-5)
    alone = np.concatenate([embedder.encode([text]) for text in TEXTS])
    np.testing.assert_allclose(alone, vectors, atol=1e-5)
    np.testing.assert_array_equal(embedder.encode(TEXTS), vectors)

    ball, other_ball, car = embedder.encode(["a red ball", "the red balls", "driving through fog"])
    assert ball @ other_ball > ball @ car + 0.2
