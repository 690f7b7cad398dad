"""Calls of the model server: how long they took and which failed; none is sent while it is down."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, TypeVar

import grpc

from serving.app.metrics import AppMetrics
from serving.client import Client, ServingError

# Calls of each kind that the page for operators sums up.
_LAST_CALLS: Final = 200
# After a server did not answer, pages do without it for so long instead of waiting one after the other.
_PAUSE: Final = 2.0
_DOWN: Final = (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED)

_T = TypeVar("_T")


class ModelServerDownError(Exception):
    """The model server did not answer; the message says why."""


@dataclass
class CallRecord:
    """The last calls of one kind.

    Attributes:
      milliseconds: of those that were answered.
      failures: how many failed since the start.
      last_failure: the last error, "" if there was none.
    """

    milliseconds: deque[float] = field(default_factory=lambda: deque(maxlen=_LAST_CALLS))
    failures: int = 0
    last_failure: str = ""

    def percentile(self, share: float) -> float | None:
        """A percentile of the latency in milliseconds, None without an answer."""
        ordered = sorted(self.milliseconds)
        return ordered[min(int(share * len(ordered)), len(ordered) - 1)] if ordered else None


class ModelCalls:
    """Sends calls through a client. Threads may share one.

    Args:
      client: of the model server.
      metrics: what Prometheus reads.
      address: for messages.
    """

    def __init__(self, client: Client, metrics: AppMetrics, address: str) -> None:
        self._client = client
        self._metrics = metrics
        self._lock = threading.Lock()
        self._down_until = 0.0
        self._why_down = ""
        self.address = address
        self.records: dict[str, CallRecord] = {}

    def send(self, kind: str, call: Callable[[Client], _T]) -> _T:
        """Makes one call.

        Args:
          kind: what the call is counted as.
          call: gets the client and returns its answer.

        Raises:
          ModelServerDownError: the server does not answer, or did not just now.
          ServingError: it answered with an error.
        """
        if time.monotonic() < self._down_until:
            raise ModelServerDownError(self._why_down)
        started = time.perf_counter()
        try:
            answer = call(self._client)
        except ServingError as error:
            self._failed(kind, error)
            if error.code in _DOWN:
                raise ModelServerDownError(self._why_down) from error
            raise
        seconds = time.perf_counter() - started
        self._metrics.model_seconds.labels(kind, "answered").observe(seconds)
        with self._lock:
            self.records.setdefault(kind, CallRecord()).milliseconds.append(seconds * 1e3)
        return answer

    def _failed(self, kind: str, error: ServingError) -> None:
        self._metrics.model_seconds.labels(kind, error.code.name).observe(0.0)
        with self._lock:
            record = self.records.setdefault(kind, CallRecord())
            record.failures += 1
            record.last_failure = str(error)
            if error.code in _DOWN:
                self._why_down = f"{error.code.name}: {error.reason}"
                self._down_until = time.monotonic() + _PAUSE
