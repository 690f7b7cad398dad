"""Retrieval and ranking as one multi-task model."""
