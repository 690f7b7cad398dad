"""A Tuner that also reads the catalogue."""
