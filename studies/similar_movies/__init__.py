"""The study of similar movies."""
