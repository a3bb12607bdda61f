"""How far drafts of the pocket model can be trusted, and what they save.

    python benchmarks/drafts.py [--prompts 20] [--candidates 4] [--seeds 2]

Every candidate of every prompt is rendered in full and in each way to draft, by turns in this process. A row gives the
rank correlation of the draft's scores with the full render's, over pairs of candidates on the same seed (Kendall's
tau-b), and how many times faster it was.
"""

import argparse
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from agent.config_file import make_config
from agent.draft_order import add_orders, compare_orders
from agent.parts import Parts, open_parts
from agent.records import PairOrders
from agent.renderer import RenderRequest
from agent.rewriter import RewriteTask
from feedback.checklist import make_checklist
from feedback.combine import combine_feedback
from feedback.gather import gather_feedback

PROMPTS = Path(__file__).parents[1] / "examples" / "loose_prompts.txt"
FULL_STEPS = 12


class Way(NamedTuple):
    """One way to render."""

    steps: int
    step_cache: float | None = None

    def __str__(self) -> str:
        cache = f", step cache {self.step_cache:g}" if self.step_cache else ""
        return f"{self.steps} steps{cache}"


FULL = Way(FULL_STEPS)
DRAFTS = (Way(8), Way(6), Way(4), Way(3), Way(2), Way(FULL_STEPS, 0.1), Way(FULL_STEPS, 0.2), Way(6, 0.1))


def main() -> None:
    """Renders every candidate in every way and prints a row a way."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--prompts", type=int, default=20, help="how many of examples/loose_prompts.txt")
    parser.add_argument("--candidates", type=int, default=4, help="of each prompt, the prompt itself among them")
    parser.add_argument("--seeds", type=int, default=2)
    arguments = parser.parse_args()
    parts = open_parts(make_config({}))
    orders: dict[Way, list[PairOrders]] = {way: [] for way in DRAFTS}
    seconds: dict[Way, float] = dict.fromkeys((FULL, *DRAFTS), 0.0)
    for prompt in PROMPTS.read_text(encoding="utf-8").splitlines()[: arguments.prompts]:
        texts = write_candidates(prompt, parts, arguments.candidates)
        scores = {way: score_all(prompt, texts, way, range(arguments.seeds), parts, seconds) for way in seconds}
        for way in DRAFTS:
            orders[way].append(compare_orders(scores[way], scores[FULL]))
    print_table(orders, seconds)


def write_candidates(prompt: str, parts: Parts, count: int) -> list[str]:
    """The prompt and what the rules make of it."""
    store = parts.store
    modifiers = tuple(store.retrieve(prompt, 5).modifiers) if store else ()
    task = RewriteTask(prompt, tuple(make_checklist(prompt)), modifiers, n=count - 1)
    return [prompt, *(draft.text for draft in parts.rewriter.rewrite(task))]


def score_all(
    prompt: str, texts: Sequence[str], way: Way, seeds: Sequence[int], parts: Parts, seconds: dict[Way, float]
) -> dict[tuple[str, int], float]:
    """Overall score by candidate and seed; the time of rendering is added to `seconds`."""
    checklist = make_checklist(prompt)
    scores = {}
    for number, text in enumerate(texts):
        for seed in seeds:
            request = RenderRequest(text=text, seed=seed, num_inference_steps=way.steps, step_cache=way.step_cache)
            started = time.perf_counter()
            clip = parts.renderer.render(parts.renderer.resolve(request))
            seconds[way] += time.perf_counter() - started
            overall = combine_feedback(gather_feedback(parts.sources, clip, prompt, checklist), checklist).overall
            if overall is not None:
                scores[str(number), seed] = overall
    return scores


def print_table(orders: dict[Way, list[PairOrders]], seconds: dict[Way, float]) -> None:
    """One row a way: rank correlation, pairs told apart, those the other way round, and the ratio of render times."""
    print(f"{'draft':<26} {'tau-b':>6} {'agree':>6} {'oppose':>6} {'tied':>5} {'full / draft':>12}")
    for way, found in orders.items():
        order = add_orders(found)
        tau = order.rank_correlation
        tied = order.pairs - order.agreeing - order.opposing
        shown = f"{tau:6.3f}" if tau is not None else "     —"
        ratio = seconds[FULL] / seconds[way]
        print(f"{way!s:<26} {shown} {order.agreeing:>6} {order.opposing:>6} {tied:>5} {ratio:>11.2f}x")


if __name__ == "__main__":
    main()
