"""The section *Card*."""
