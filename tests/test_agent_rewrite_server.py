"""A distilled rewriter behind `transformers serve`, asked by `retake rewrite` over its OpenAI-compatible API."""

from pathlib import Path

from command import retake
from serve import transformers_serve
from tiny_rewriters import BRIEF, LEARNED, train_tiny_rewriter

from agent.caption_styles import CAPTION_STYLES


def test_a_served_rewriter_answers_as_it_does_in_this_process(tmp_path: Path) -> None:
    brief = BRIEF.model_copy(update={"style": "pocket"})
    assert brief.style in CAPTION_STYLES
    model = train_tiny_rewriter(tmp_path / "model", brief=brief)
    prompt, learned = next(iter(LEARNED.items()))
    with transformers_serve(tmp_path / "server", model) as (base_url, name):
        where = ["--rewriter", base_url, "--rewriter-model", name, "--caption-style=pocket", "--max-tokens=64"]
        done = retake("rewrite", prompt, *where)
    assert (done.returncode, done.stdout) == (0, f"{learned}\n"), done.stderr
