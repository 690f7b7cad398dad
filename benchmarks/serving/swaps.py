"""Versions that come and go while requests never stop."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

import grpc
import tensorflow as tf
from tensorflow_serving.apis import predict_pb2, prediction_service_pb2_grpc

from benchmarks.measured_run import BenchmarkError
from benchmarks.serving.local_server import MODELS, ServedFolders
from serving.client import Client, contract

# How long a swap may take before something is wrong.
_PATIENCE_SECONDS = 60
_CANDIDATES = 100


@dataclass
class SwapRun:
    """What happened.

    Attributes:
      seconds: how long requests went on.
      swaps: new versions that took over.
      rollbacks: times that the version before took over again.
      answered: answers by model and version.
      failed: failed requests by status code and message. They are not tried again here.
      latencies: of every answer, in milliseconds.
    """

    seconds: float = 0.0
    swaps: int = 0
    rollbacks: int = 0
    answered: Counter[str] = field(default_factory=Counter)
    failed: Counter[str] = field(default_factory=Counter)
    latencies: list[float] = field(default_factory=list)


def swap_versions(
    server: ServedFolders, users: list[bytes], concurrency: int, seconds: float, log: Callable[[str], None]
) -> SwapRun:
    """Swaps and rolls back both models over and over while threads send requests to both.

    Raises:
      BenchmarkError: a version did not take over.
    """
    run, lock, ended = SwapRun(), threading.Lock(), threading.Event()

    def send_requests(thread: int) -> None:
        with grpc.insecure_channel(server.address) as channel:
            stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)
            requests = [_retrieve(users, thread), _rank(users, thread)]
            number = thread
            while not ended.is_set():
                number += 1
                begun = time.perf_counter()
                try:
                    spec = stub.Predict(requests[number % 2], timeout=30).model_spec
                except grpc.RpcError as error:
                    with lock:
                        run.failed[f"{error.code().name}: {error.details()}"] += 1
                    continue
                with lock:
                    run.latencies.append((time.perf_counter() - begun) * 1e3)
                    run.answered[f"{spec.name} version {spec.version.value}"] += 1

    threads = [threading.Thread(target=send_requests, args=(thread,)) for thread in range(concurrency)]
    begun = time.monotonic()
    for thread in threads:
        thread.start()
    try:
        with Client(server.address) as client:
            version = 1
            while time.monotonic() - begun < seconds:
                version += 1
                for model in MODELS:
                    server.add_version(model, version)
                for model in MODELS:
                    _wait(client, model, version)
                    run.swaps += 1
                log(f"version {version} took over")
                for model in MODELS:
                    server.remove_version(model, version)
                for model in MODELS:
                    _wait(client, model, 1)
                    run.rollbacks += 1
                log("rolled back to version 1")
    finally:
        ended.set()
        for thread in threads:
            thread.join()
    run.seconds = time.monotonic() - begun
    return run


def _wait(client: Client, model: str, version: int) -> None:
    """Until one version is available and every other one has gone."""
    end = time.monotonic() + _PATIENCE_SECONDS
    while time.monotonic() < end:
        states = client.status(model)
        if [state.version for state in states if state.state != "END"] == [version] and any(
            state.version == version and state.state == "AVAILABLE" for state in states
        ):
            return
        time.sleep(0.1)
    raise BenchmarkError(f"{model}: version {version} did not take over in {_PATIENCE_SECONDS} s: {states}")


def _retrieve(users: list[bytes], thread: int) -> predict_pb2.PredictRequest:
    request = predict_pb2.PredictRequest()
    request.model_spec.name, request.model_spec.signature_name = contract.RETRIEVAL, contract.RECOMMEND
    request.inputs[contract.USER_ID].CopyFrom(_strings([users[thread % len(users)]]))
    request.inputs[contract.EXCLUDE_MOVIE_IDS].CopyFrom(tf.make_tensor_proto([], tf.string, [1, 0]))
    request.inputs[contract.K].CopyFrom(tf.make_tensor_proto(_CANDIDATES, tf.int32))
    return request


def _rank(users: list[bytes], thread: int) -> predict_pb2.PredictRequest:
    request = predict_pb2.PredictRequest()
    request.model_spec.name, request.model_spec.signature_name = contract.RANKING, contract.RANK
    request.inputs[contract.USER_ID].CopyFrom(_strings([users[thread % len(users)]]))
    request.inputs[contract.MOVIE_ID].CopyFrom(_strings([[b"%d" % movie for movie in range(_CANDIDATES)]]))
    return request


def _strings(values: object) -> tf.compat.v1.TensorProto:
    return tf.make_tensor_proto(values, tf.string)
