"""Finished runs in the shapes of other tools; each format is a file."""
