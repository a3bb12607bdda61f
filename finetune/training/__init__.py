"""Rows in, a trained rewriter out: readable runs on TRL, their record, and what is done with the result."""
