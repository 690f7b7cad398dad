"""The MovieLens file formats, the verified download and the synthetic sample."""
