"""A model server in Python that speaks a subset of TensorFlow Serving's API.

It is for development, for tests and for machines with neither `tensorflow_model_server` nor Docker.
`python -m serving.model_server --help` lists its flags; docs/serving.md lists what it supports.
"""
