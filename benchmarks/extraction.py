"""How well do the rules tag captions? Measured against tags that a reader gave: those of the packaged captions.

    python benchmarks/extraction.py [CAPTIONS ...]

Precision is the share of the phrases found that the reader gave, recall the share of the reader's that were found; two
phrases are the same when half of their content words agree. The 95 % intervals resample captions with replacement.
"""

import argparse
import time
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from graph_store.captions import read_captions
from graph_store.extract import is_tagged, measure_extraction
from graph_store.records import KINDS
from graph_store.rules import tag_caption
from graph_store.starter import read_starter

RESAMPLES = 2000


def interval(part: NDArray[np.int64], whole: NDArray[np.int64], random: np.random.Generator) -> tuple[float, float]:
    """The 2.5 and 97.5 percentiles of a share, each caption's part and whole, int64 [captions], drawn together."""
    drawn = random.integers(len(part), size=(RESAMPLES, len(part)))
    wholes = whole[drawn].sum(1)
    shares = part[drawn].sum(1)[wholes > 0] / wholes[wholes > 0]
    low, high = np.percentile(shares, [2.5, 97.5])
    return float(low), float(high)


def main() -> None:
    """Prints precision and recall by kind with intervals, and seconds for 1,000 captions."""
    parser = argparse.ArgumentParser()
    parser.add_argument("captions", nargs="*", type=Path, help="tagged captions; the packaged ones unless given")
    files = parser.parse_args().captions
    read = [caption for file in files for caption in read_captions(file).captions] or read_starter()
    captions = [caption for caption in read if is_tagged(caption)]
    started = time.perf_counter()
    for caption in captions:
        tag_caption(caption.text)
    seconds = time.perf_counter() - started
    random = np.random.default_rng(0)
    measured = [measure_extraction([caption]) for caption in captions]
    print(f"{len(captions):,} captions      precision [95 %]        found   recall [95 %]           given")
    for kind in KINDS:
        counts = [(of[kind].right, of[kind].found, of[kind].recalled, of[kind].given) for of in measured]
        columns = np.array(counts, np.int64).reshape(-1, 4).T
        line = f"{kind:<18}"
        for part, whole in ((columns[0], columns[1]), (columns[2], columns[3])):
            if whole.any():
                low, high = interval(part, whole, random)
                line += f"{part.sum() / whole.sum():.3f} [{low:.3f}, {high:.3f}] {whole.sum():>8,}   "
            else:
                line += f"{'unknown':<20} {0:>8}   "
        print(line.rstrip())
    print(f"{1000 * seconds / len(captions):.2f} seconds for 1,000 captions")


if __name__ == "__main__":
    main()
