"""What the models share: batches of Examples, embeddings, the fit, tables inside a SavedModel."""
