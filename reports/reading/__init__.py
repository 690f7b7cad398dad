"""Reads a run: its nodes, artifacts, Examples and metrics."""
