"""Run folders and published files in, training rows out. Pure but for reading and writing; no torch."""
