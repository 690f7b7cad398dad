"""One SavedModel in memory, run the way TensorFlow Serving runs it: a session over the serving graph."""

import gc
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import tensorflow as tf
from tensorflow.core.protobuf import config_pb2, meta_graph_pb2

from serving.model_server.errors import error_from, invalid_argument
from serving.model_server.models.tensors import Array, dtype_name, dtype_of


class Runner(Protocol):
    """What answers a signature."""

    @property
    def signatures(self) -> Mapping[str, meta_graph_pb2.SignatureDef]:
        """Every signature, by name."""

    def run(self, signature: str, feeds: Mapping[str, Array], outputs: Sequence[str]) -> list[Array]:
        """Computes the outputs of a signature, in their order."""


class SavedModel:
    """A SavedModel.

    TensorFlow 1's loader takes the graph as it was saved and leaves the functions to C++. It takes half the
    time of `tf.saved_model.load` and keeps the interpreter, on which the requests of the old version wait
    meanwhile, for a fifth of it; and a session frees everything when it is closed.

    Attributes:
      signatures: every signature, by name.
    """

    def __init__(self, path: Path) -> None:
        """Loads.

        Raises:
          ServingError: the folder does not hold a SavedModel that can be loaded.
        """
        self._graph = tf.Graph()
        self._session = tf.compat.v1.Session(graph=self._graph)
        try:
            with self._graph.as_default():
                graph = tf.compat.v1.saved_model.load(self._session, [tf.saved_model.SERVING], str(path))
        except Exception as problem:
            self._session.close()
            raise error_from(problem) from problem
        # Threads share it from here on, and nothing may grow with the requests.
        self._graph.finalize()
        self.signatures: Mapping[str, meta_graph_pb2.SignatureDef] = dict(graph.signature_def)
        self._callables: dict[str, Callable[..., list[Any]]] = {}

    def run(self, signature: str, feeds: Mapping[str, Array], outputs: Sequence[str]) -> list[Array]:
        """Computes outputs.

        Args:
          signature: the name of a signature that exists.
          feeds: a value for each of its inputs.
          outputs: names of its outputs.

        Returns:
          The values, in the order of `outputs`.

        Raises:
          ServingError: the type of an input differs from the signature, or the model failed.
        """
        self.check_types(signature, feeds)
        definition = self.signatures[signature]
        aliases = {info.name: alias for alias, info in definition.inputs.items()}
        fetched = sorted(definition.outputs)
        try:
            if signature not in self._callables:
                self._callables[signature] = self._make_callable(
                    aliases, [definition.outputs[alias].name for alias in fetched]
                )
            values = self._callables[signature](*(feeds[alias] for alias in aliases.values()))
        except tf.errors.OpError as problem:
            raise error_from(problem) from problem
        computed = dict(zip(fetched, values, strict=True))
        return [np.asarray(computed[alias]) for alias in outputs]

    def check_types(self, signature: str, feeds: Mapping[str, Array]) -> None:
        """Refuses values of types other than those of the signature; a session would convert them.

        Raises:
          ServingError: INVALID_ARGUMENT.
        """
        for position, (alias, info) in enumerate(sorted(self.signatures[signature].inputs.items())):
            given = dtype_of(feeds[alias])
            if given != info.dtype:
                wanted = dtype_name(info.dtype)
                raise invalid_argument(
                    f"Expects arg[{position}] to be {wanted} but {dtype_name(given)} is provided"
                )

    def _make_callable(self, feeds: Iterable[str], fetches: Iterable[str]) -> Callable[..., list[Any]]:
        """The run of a graph from named tensors to named tensors.

        `Session.run` refuses a value whose shape is not that of its input. TensorFlow Serving does not: the
        graph computes what it can, so a list of scalars is an answer of a model that declares rows of one
        value, as half_plus_three does. A callable does not compare shapes either.
        """
        options = config_pb2.CallableOptions(feed=feeds, fetch=fetches)
        run: Callable[..., list[Any]] = self._session._make_callable_from_options(options)
        return run

    def close(self) -> None:
        """Frees the memory. No call may be running."""
        self._callables.clear()
        self._session.close()
        del self._session, self._graph
        # A graph refers to itself all over.
        gc.collect()
