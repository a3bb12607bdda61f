"""Ways to spend N renders on a prompt; each is a file."""
