#!/bin/sh
# The loop distilled into a small language model, on pocket: runs, pairs, SFT, DPO, and what that was worth.
#
# Run it:  sh examples/08_distill.sh [FOLDER] [PROMPTS] [HELD_OUT]      (or: make distill-demo)
# Needs `pip install ".[train]"` and, with 240 prompts and 60 held-out ones, the better part of an hour on two cores.
# Prints what each step made, and the comparison: prompt as typed, base model with and without examples, SFT,
# SFT + DPO, each with one render, against the loop with all of its renders. Broken off, the same command goes on.
set -eu
here=$(dirname "$0")
folder=${1:-runs/distill-demo} prompts=${2:-240} held_out=${3:-60}
mkdir -p "$folder"

# Two processes, each with every other prompt: a core renders one clip at a time.
head -n "$prompts" "$here/training_prompts.txt" | awk 'NR % 2' > "$folder/odd.txt"
head -n "$prompts" "$here/training_prompts.txt" | awk 'NR % 2 == 0' > "$folder/even.txt"
retake batch "$folder/even.txt" --output-dir "$folder/runs" --verify-seeds 2 > "$folder/even.log" 2>&1 &
even=$!
retake batch "$folder/odd.txt" --output-dir "$folder/runs" --verify-seeds 2
wait "$even" || { tail -n 3 "$folder/even.log" >&2; exit 1; }

retake distill pairs "$folder/runs" --out "$folder/pairs"
# A model of a million parameters learns in larger steps than the billions that the defaults are for.
retake distill sft "$folder/pairs" --model pocket-writer --output-dir "$folder/sft" \
  --epochs 10 --batch-size 8 --gradient-accumulation 1 --learning-rate 2e-3 --lora-alpha 64
retake distill dpo "$folder/pairs" --model "$folder/sft" --output-dir "$folder/dpo" \
  --batch-size 8 --gradient-accumulation 1 --learning-rate 3e-5

head -n "$held_out" "$here/bench_prompts.txt" > "$folder/held_out.txt"
retake distill compare "$folder/held_out.txt" --sft "$folder/sft" --dpo "$folder/dpo" --data "$folder/pairs" \
  --renders 8 --verify-seeds 4 --output-dir "$folder"
