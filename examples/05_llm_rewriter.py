"""A language model as the rewriter: any server that speaks OpenAI's API, e.g. vLLM, Ollama, LM Studio or OpenAI itself.

Run it:  python examples/05_llm_rewriter.py --base-url http://127.0.0.1:11434/v1 --model qwen3:8b
Prints every candidate with who wrote it and why, and what the model cost. A server that wants a key gets it from the
environment variable RETAKE_API_KEY. When the model fails in the middle of a run, the rules write instead.
"""

import argparse
from pathlib import Path

import retake

parser = argparse.ArgumentParser(description="The loop with a language model as the rewriter.")
parser.add_argument("--base-url", required=True, help="the server's URL; most end in /v1")
parser.add_argument("--model", required=True, help="the model's name on that server")
parser.add_argument("--prompt", default="crimson ball drifting leftwards")
given = parser.parse_args()

config = retake.LoopConfig.model_validate(
    {
        "retrieve": {"embedder": "hashing"},
        "rewrite": {"rewriter": "llm", "base_url": given.base_url, "model": given.model},
        "stop": {"max_iterations": 1},
        "verify": {"seeds": 2},
    }
)
result = retake.optimize(given.prompt, config, run_id="llm")

for candidate in retake.read_trajectory(Path("runs/llm")).candidates:
    print(f"{candidate.id} ({candidate.origin}) {candidate.text}")
    for remark in filter(None, (candidate.rationale, candidate.dropped)):
        print(f"    {remark}")
gain = "not verified" if result.verified_gain is None else f"verified gain {result.verified_gain:+.3f}"
print(f"best: {result.best.id}, {gain}")
print(f"{result.totals.llm_calls} calls, {result.totals.tokens_in} tokens in, {result.totals.tokens_out} out")
