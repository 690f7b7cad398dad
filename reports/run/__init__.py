"""The section *Run*."""
