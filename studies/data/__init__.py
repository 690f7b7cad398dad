"""The data of a study: split, transformed once, and as arrays."""
