"""Who finds things in frames: one file a detector."""
