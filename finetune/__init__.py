"""Trajectories in, a better rewriter out."""
