"""What feedback is made of: one file a source."""
