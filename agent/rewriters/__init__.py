"""What writes new candidates: one file a rewriter."""
