"""The signatures of a SavedModel that a test has written, as functions to arrays."""

from collections.abc import Callable, Mapping
from typing import Any

import tensorflow as tf

Answer = Callable[..., dict[str, Any]]


def load(folder: str) -> Mapping[str, Answer]:
    """The signatures of a SavedModel as functions to arrays."""
    loaded = tf.saved_model.load(folder)

    def answering(signature: str) -> Answer:
        def answer(**inputs: Any) -> dict[str, Any]:
            outputs = loaded.signatures[signature](**inputs)
            return {name: value.numpy() for name, value in outputs.items()}

        return answer

    # A signature works as long as the object it came from exists.
    return {name: answering(name) for name in loaded.signatures}
