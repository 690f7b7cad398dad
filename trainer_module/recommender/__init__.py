"""The recommender: retrieval and ranking composed into one SavedModel that returns the final list."""
