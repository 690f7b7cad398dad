"""The HTTP API: paths, and JSON to tensors and back."""
