"""Retake against its controls: the same renders for every method, measured alike on seeds that none has seen."""
