"""What all tests share: no network but loopback, a cache of their own, small configs that run in seconds."""

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["LANGSMITH_TRACING"] = "false"
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")


# How long an example takes says more of the machine than of the code.
settings.register_profile("calm", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("calm")


@pytest.fixture(autouse=True, scope="session")
def own_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Graphs that tests build are cached apart from the person's own, once a session."""
    folder = tmp_path_factory.mktemp("cache")
    os.environ["RETAKE_CACHE_DIR"] = str(folder)
    return folder


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Real inputs beside the checkout; a test that asks for them skips where they are absent."""
    folder = Path(__file__).parents[1].parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("no shared/data beside the checkout")
    return folder


@pytest.fixture(scope="session")
def tiny_llama(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A chat model of 50,000 random weights."""
    from tiny_training import save_tiny_llama

    return save_tiny_llama(tmp_path_factory.mktemp("llama") / "model")


@pytest.fixture(scope="session")
def training_rows(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Rows of SFT and DPO, as `retake distill pairs` writes them."""
    from tiny_training import write_data

    return write_data(tmp_path_factory.mktemp("rows") / "data")


@pytest.fixture(scope="session")
def sft_rewriter(tiny_llama: Path, training_rows: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An adapter that three updates of SFT left, at a rate that changes it visibly."""
    from tiny_training import sft

    return sft(training_rows, tmp_path_factory.mktemp("sft") / "out", tiny_llama, max_steps=3, learning_rate=0.01)
