"""The section *Overview*."""
