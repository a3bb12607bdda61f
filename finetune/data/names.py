"""Names of a dataset's files: a set of rows is NAME.jsonl, its held-out rows NAME_test.jsonl."""

NAMES = ("sft", "dpo", "kto")
"""The sets of rows, by the training that they are for."""
TEST = "_test"
"""Ends the names of held-out files."""
BRIEF_FILE = "brief.json"
"""What a rewriter is told beside the prompt."""
