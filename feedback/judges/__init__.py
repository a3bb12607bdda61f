"""Who answers questions about a clip: one file a judge."""
