"""Asks a model everything that may go wrong when it is served, in a process that has none of our code."""
