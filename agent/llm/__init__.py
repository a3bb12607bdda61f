"""Language models: one file an adapter."""
