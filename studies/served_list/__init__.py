"""The list that clients get from the served models, measured on ratings that the pipeline never saw."""
