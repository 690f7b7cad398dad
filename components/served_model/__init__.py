"""What a new model is compared with: the version that is served."""
