"""Composes retrieval and ranking into the model that returns the final list."""
