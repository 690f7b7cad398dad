"""Sends a model the requests that may fail when it is served, in a process that has none of our code."""
