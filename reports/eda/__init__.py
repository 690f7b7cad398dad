"""The section *EDA*."""
