"""The web application: pages and a JSON API for people who pick a film, over TensorFlow Serving's API.

`create_app` makes it; `python -m serving app` runs it.
"""
