"""Concurrent requests of one signature, computed in one run of the graph."""
