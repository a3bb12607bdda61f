"""Who turns frames and texts into vectors: one file an encoder."""
