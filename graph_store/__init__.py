"""Captions in, modifiers out."""
