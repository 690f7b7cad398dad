"""A Trainer that also reads the catalogue."""
