#!/bin/sh
# From prompts to training data for a rewriter: the loop on each prompt, then rows of what did better and worse.
#
# Run it:  sh examples/07_pairs.sh
# Prints the batch's summary (mean verified gain), how many rows there are to train on and what was left out, and the DPO
# pairs without their prompts. SFT rows teach winners that held on unseen seeds; a DPO pair is a better and a worse text,
# shot with the same seeds. Two prompts are too few to hold one out; of more, a tenth is by default.
set -eu

retake batch "$(dirname "$0")/prompts.txt" --output-dir runs --embedder hashing \
  --max-iterations 0 --verify-seeds 2
retake distill pairs runs/prompts --out pairs --test-share 0
sed 's/^.*"chosen": /chosen: /' pairs/dpo.jsonl
