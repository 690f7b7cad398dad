"""The study of Keras 3."""
