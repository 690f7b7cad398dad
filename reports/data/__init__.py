"""The section *Data validation*."""
