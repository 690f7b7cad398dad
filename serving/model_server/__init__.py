"""A model server in Python that speaks a subset of TensorFlow Serving's API.

It is for development, for tests and for machines where neither `tensorflow_model_server` nor Docker can be
had. `python -m serving.model_server --help` lists its flags; docs/serving.md says what it does and does not
do.
"""
