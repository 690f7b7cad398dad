"""Warm-up files: requests that a version answers before it takes any."""

import logging
import time
from pathlib import Path

import grpc
import tensorflow as tf
from google.protobuf.message import DecodeError
from tensorflow_serving.apis import prediction_log_pb2

from serving.model_server.errors import ModelServerError, invalid_argument
from serving.model_server.limits import Limits
from serving.model_server.metrics import Metrics
from serving.model_server.models.predict import predict
from serving.model_server.models.saved_model import Runner

_LOG = logging.getLogger(__name__)
FILE = Path("assets.extra") / "tf_serving_warmup_requests"
MAX_RECORDS = 1000


def warm_up(runner: Runner, version: int, path: Path, limits: Limits, metrics: Metrics) -> None:
    """Answers the requests of a version's warm-up file, if it has one.

    Args:
      runner: the model.
      version: its number.
      path: the folder of the version.
      limits: those of the server.
      metrics: where the time goes.

    Raises:
      ModelServerError: the file is not a TFRecord file of PredictionLogs, is too long, or a request failed.
    """
    file = path / FILE
    if not file.is_file():
        return
    started = time.monotonic()
    try:
        records = _answer_all(runner, version, file, limits)
    except ModelServerError as error:
        metrics.warmed_up(str(path), error.code.name, time.monotonic() - started)
        raise
    seconds = time.monotonic() - started
    metrics.warmed_up(str(path), "OK", seconds)
    _LOG.info("Warmed up with %d requests from %s in %.2f s", records, file, seconds)


def _answer_all(runner: Runner, version: int, file: Path, limits: Limits) -> int:
    records = 0
    try:
        for record in tf.data.TFRecordDataset(str(file)).as_numpy_iterator():
            records += 1
            if records > MAX_RECORDS:
                raise invalid_argument(
                    f"Number of warmup records exceeds the maximum ({MAX_RECORDS}) at {file}"
                )
            _answer(runner, version, prediction_log_pb2.PredictionLog.FromString(record), limits)
    except DecodeError as problem:
        raise invalid_argument(f"Failed to parse warmup record {records} from {file}") from problem
    except tf.errors.DataLossError as problem:
        raise invalid_argument(
            f"{problem.message}. Please verify your warmup data is in TFRecord format: {file}"
        ) from problem
    return records


def _answer(runner: Runner, version: int, log: prediction_log_pb2.PredictionLog, limits: Limits) -> None:
    match log.WhichOneof("log_type"):
        case "predict_log":
            predict(runner, version, log.predict_log.request, limits)
        case kind:
            raise ModelServerError(
                grpc.StatusCode.UNIMPLEMENTED, f"Unsupported log_type for warmup: {kind or 'none'}"
            )
