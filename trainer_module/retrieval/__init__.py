"""Two-tower retrieval: examples, towers, losses, the index and the signatures."""
