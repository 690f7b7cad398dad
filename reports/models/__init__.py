"""The section *Models*."""
