"""What makes videos: one file a renderer."""
