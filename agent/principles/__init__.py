"""VPO's principles, on text alone: what the generator gets is harmless, accurate and helpful."""
