"""A clip and the prompt in, scores and critiques out."""
