"""Warm-up requests: what a server sends a new version before clients do.

TensorFlow Serving answers each `PredictionLog` of `assets.extra/tf_serving_warmup_requests` while it loads a
version, so that no client waits for what happens on a first request only. The ids and Examples are those of
real ratings.
"""

import logging
import posixpath
import tempfile
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, Final

import tensorflow as tf
from tensorflow.core.protobuf import meta_graph_pb2, saved_model_pb2
from tensorflow_serving.apis import predict_pb2, prediction_log_pb2

from contracts import features, signatures

_LOG: Final = logging.getLogger(__name__)

# A request for one person, and one for many.
BATCHES: Final = (1, 32)
# How long a list clients request, and how many candidates they rank, as a rule.
K: Final = 10
CANDIDATES: Final = 100

# Signatures that only the Evaluator and the model probe call.
_NOT_SERVED: Final = {signatures.EVALUATE, signatures.TRANSFORM_FEATURES}
_INIT_OP: Final = "__saved_model_init_op"


def warm_up_file(model: str, name: str, ratings: Sequence[bytes]) -> bytes:
    """A warm-up file with requests to every signature that clients call.

    Args:
      model: folder of the SavedModel.
      name: what servers call the model.
      ratings: serialized `ratings` Examples, of which the requests are made.

    Returns:
      A TFRecord file of PredictionLogs; none for a signature whose inputs are not in the serving contract.
    """
    logs = []
    for signature_name, signature in sorted(_signatures(model).items()):
        for batch in BATCHES:
            inputs = _inputs(signature, ratings[:batch], ratings)
            if inputs is None:
                _LOG.warning("%s: no warm-up for %s, whose inputs are unknown", model, signature_name)
                break
            request = predict_pb2.PredictRequest(inputs=inputs)
            request.model_spec.name = name
            request.model_spec.signature_name = signature_name
            logs.append(
                prediction_log_pb2.PredictionLog(
                    predict_log=prediction_log_pb2.PredictLog(request=request)
                ).SerializeToString()
            )
    return _tfrecords(logs)


def read_ratings(split: str, count: int = CANDIDATES) -> list[bytes]:
    """The first Examples of a split.

    Args:
      split: folder of its gzipped TFRecord files.
      count: how many at most.
    """
    files = sorted(tf.io.gfile.glob(posixpath.join(split, "*")))
    records = tf.data.TFRecordDataset(files, compression_type="GZIP").take(count)
    return list(records.as_numpy_iterator())


def _signatures(model: str) -> dict[str, meta_graph_pb2.SignatureDef]:
    with tf.io.gfile.GFile(posixpath.join(model, "saved_model.pb"), "rb") as file:
        saved_model = saved_model_pb2.SavedModel.FromString(file.read())
    return {
        name: signature
        for graph in saved_model.meta_graphs
        if tf.saved_model.SERVING in graph.meta_info_def.tags
        for name, signature in graph.signature_def.items()
        if name not in _NOT_SERVED and name != _INIT_OP
    }


def _inputs(
    signature: meta_graph_pb2.SignatureDef, rows: Sequence[bytes], ratings: Sequence[bytes]
) -> dict[str, Any] | None:
    """The inputs of one request over `rows`, with the movies of `ratings` as candidates."""
    found = {}
    for name, info in signature.inputs.items():
        value = _VALUES.get((name, len(info.tensor_shape.dim)))
        if value is None:
            return None
        found[name] = tf.make_tensor_proto(value(rows, ratings), dtype=info.dtype)
    return found


def _texts(name: str) -> Callable[[Sequence[bytes], Sequence[bytes]], list[bytes]]:
    return lambda rows, ratings: [_values(row, name)[0] for row in rows]


def _histories(rows: Sequence[bytes], ratings: Sequence[bytes]) -> list[list[bytes]]:
    """What each row's user had rated before, [B, H], padded with empty texts."""
    lists = [list(_values(row, features.HISTORY_MOVIE_IDS)) for row in rows]
    length = max(map(len, lists))
    return [each + [b""] * (length - len(each)) for each in lists]


def _candidates(rows: Sequence[bytes], ratings: Sequence[bytes]) -> list[list[bytes]]:
    """The same real movies for every row, [B, C]."""
    movies = dict.fromkeys(_values(rating, features.MOVIE_ID)[0] for rating in ratings)
    return [list(movies)[:CANDIDATES]] * len(rows)


def _values(rating: bytes, name: str) -> Sequence[bytes]:
    values: Sequence[bytes] = tf.train.Example.FromString(rating).features.feature[name].bytes_list.value
    return values


# By name and rank of an input of the serving contract.
_VALUES: Final[dict[tuple[str, int], Callable[[Sequence[bytes], Sequence[bytes]], Any]]] = {
    (features.USER_ID, 1): _texts(features.USER_ID),
    (features.MOVIE_ID, 1): _texts(features.MOVIE_ID),
    (features.MOVIE_ID, 2): _candidates,
    (features.HISTORY_MOVIE_IDS, 2): _histories,
    (signatures.EXCLUDE_MOVIE_IDS, 2): _histories,
    (signatures.EXAMPLES, 1): lambda rows, ratings: list(rows),
    (signatures.K, 0): lambda rows, ratings: K,
}


def _tfrecords(records: Iterable[bytes]) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "records"
        with tf.io.TFRecordWriter(str(path)) as writer:
            for record in records:
                writer.write(record)
        return path.read_bytes()
