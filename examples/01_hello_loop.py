"""The loop in one call: shoot, look, rewrite, shoot again, and check the gain on seeds that nothing was chosen by.

Run it:  python examples/01_hello_loop.py
Prints the text that did best, the scores of the prompt as typed and of that text (0..1), the gain on unseen seeds, and
where the report is: open it in a browser, it plays the videos. The small model that ships with Retake makes them.
"""

import retake

PROMPT = "crimson ball drifting rightwards"


def show(score: float | None) -> str:
    """A score for people. Unknown is not 0."""
    return "unknown" if score is None else f"{score:.3f}"


config = retake.LoopConfig.model_validate(
    {
        "retrieve": {"embedder": "hashing"},  # starts at once; without this line MiniLM is used where it is installed
        "verify": {"seeds": 2},
    }
)
# A second call finds the run folder and returns at once. Another prompt or config needs another run_id, or none.
result = retake.optimize(PROMPT, config, output_dir="runs", run_id="hello")

print(f"prompt         {result.prompt}")
print(f"best text      {result.best.text}")
print(f"score          {show(result.original_score)} as typed, {show(result.best_score)} now")
print(f"verified gain  {show(result.verified_gain)}")
print("report         runs/hello/report.html")
