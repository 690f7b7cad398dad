"""Metrics under the names that TensorFlow Serving exports, so its dashboards and alerts fit."""

import threading

from prometheus_client import CollectorRegistry, Histogram
from prometheus_client.core import Metric
from prometheus_client.exposition import generate_latest
from prometheus_client.registry import Collector

# TensorFlow Serving's buckets of a time in microseconds: 10, times 1.8 each, 33 of them (about 20 minutes).
_MICROSECONDS = tuple(10 * 1.8**step for step in range(33))
_EXAMPLES = tuple(2.0**step for step in range(15))
_SERVING = ":tensorflow:serving:"


class _Counters(Collector):
    """Counters without the suffix `_total`, which the client library adds and TensorFlow Serving has not."""

    def __init__(self, name: str, text: str, labels: tuple[str, ...]) -> None:
        self._name, self._text, self._labels = name, text, labels
        self._values: dict[tuple[str, ...], float] = {}
        self._lock = threading.Lock()

    def add(self, *values: str) -> None:
        with self._lock:
            self._values[values] = self._values.get(values, 0.0) + 1.0

    def collect(self) -> list[Metric]:
        metric = Metric(self._name, self._text, "unknown")
        with self._lock:
            counted = list(self._values.items())
        for values, count in counted:
            metric.add_sample(self._name, dict(zip(self._labels, values, strict=True)), count)
        return [metric]


class Metrics:
    """What one server counts and times."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._requests = _Counters(
            f"{_SERVING}request_count", "The total number of requests.", ("model_name", "status")
        )
        self._loads = _Counters(
            ":tensorflow:cc:saved_model:load_attempt_count",
            "How often a SavedModel was loaded, by outcome.",
            ("model_path", "status"),
        )
        self._registry.register(self._requests)
        self._registry.register(self._loads)
        self._latency = self._histogram(
            "request_latency", "Microseconds of a request.", ("model_name", "API", "entrypoint")
        )
        self._warm_up = self._histogram(
            "model_warmup_latency", "Microseconds to warm a model up.", ("model_path", "status")
        )
        self._batch = self._histogram(
            "batching_session:processed_batch_size",
            "Rows of a batch, with its padding.",
            ("model_name",),
            _EXAMPLES,
        )
        self._queue = self._histogram(
            "batching_session:queuing_latency",
            "Microseconds that a request waited for its batch.",
            ("model_name",),
        )

    def request(self, model: str, api: str, entry_point: str, status: str, seconds: float) -> None:
        """Counts one request of a model that exists."""
        self._requests.add(model, status)
        self._latency.labels(model, api, entry_point).observe(seconds * 1e6)

    def loaded(self, path: str, status: str) -> None:
        """Counts one attempt to load a version."""
        self._loads.add(path, status)

    def warmed_up(self, path: str, status: str, seconds: float) -> None:
        """Counts one warm-up."""
        self._warm_up.labels(path, status).observe(seconds * 1e6)

    def batch(self, model: str, rows: int, waited: list[float]) -> None:
        """Counts one batch and how long each of its requests waited, in seconds."""
        self._batch.labels(model).observe(rows)
        for seconds in waited:
            self._queue.labels(model).observe(seconds * 1e6)

    def page(self) -> bytes:
        """Everything, in Prometheus' text format."""
        return generate_latest(self._registry)

    def _histogram(
        self, name: str, text: str, labels: tuple[str, ...], buckets: tuple[float, ...] = _MICROSECONDS
    ) -> Histogram:
        return Histogram(_SERVING + name, text, labels, buckets=buckets, registry=self._registry)
