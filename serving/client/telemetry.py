"""What a client reports of its requests: to a function of the caller, and as spans of OpenTelemetry."""

from __future__ import annotations

import importlib
import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final

import grpc

from serving.client.calls import Call
from serving.client.errors import ServingError

_LOG: Final = logging.getLogger(__name__)
_SCOPE: Final = "serving.client"


@dataclass(frozen=True)
class RequestRecord:
    """One request that has ended.

    Attributes:
      method: of gRPC, such as "Predict".
      model: that was called.
      code: how it ended; OK is an answer.
      seconds: how long it took, gRPC's own further attempts included.
      request: as it was sent: a serialized message of TensorFlow Serving's API.
      response: the message that answered it, None if nothing did.
    """

    method: str
    model: str
    code: grpc.StatusCode
    seconds: float
    request: bytes = field(repr=False)
    response: Any = field(repr=False)


@dataclass
class SentRequest:
    """One request that is under way.

    Attributes:
      headers: carry the span to the server.
      response: to be set to the message that answers.
    """

    headers: tuple[tuple[str, str], ...]
    response: Any = None


OnRequest = Callable[[RequestRecord], None]


class Telemetry:
    """Reports requests.

    Args:
      address: of the server.
      on_request: gets a record of each request, in the thread or event loop that sent it. What it raises is
        logged.
    """

    def __init__(self, address: str, on_request: OnRequest | None) -> None:
        self._address, self._on_request = address, on_request
        self._trace, self._propagate = _opentelemetry("trace"), _opentelemetry("propagate")

    @contextmanager
    def request(self, call: Call) -> Iterator[SentRequest]:
        """Reports what happens inside, and the response that is set there."""
        started, code = time.monotonic(), grpc.StatusCode.UNKNOWN
        sent = SentRequest(())
        try:
            with self._span(call) as sent.headers:
                yield sent
                code = grpc.StatusCode.OK
        except ServingError as error:
            code = error.code
            raise
        finally:
            self._report(call, code, time.monotonic() - started, sent.response)

    @contextmanager
    def _span(self, call: Call) -> Iterator[tuple[tuple[str, str], ...]]:
        if self._trace is None or self._propagate is None:
            yield ()
            return
        service, _, method = call.method.lstrip("/").partition("/")
        # The names of OpenTelemetry's semantic conventions for RPC.
        attributes = {
            "rpc.system": "grpc",
            "rpc.service": service,
            "rpc.method": method,
            "server.address": self._address,
            "serving.model": call.model,
        }
        tracer = self._trace.get_tracer(_SCOPE)
        with tracer.start_as_current_span(
            f"{service}/{method}", kind=self._trace.SpanKind.CLIENT, attributes=attributes
        ) as span:
            carrier: dict[str, str] = {}
            self._propagate.inject(carrier)
            code = grpc.StatusCode.OK
            try:
                yield tuple(carrier.items())
            except ServingError as error:
                code = error.code
                raise
            finally:
                span.set_attribute("rpc.grpc.status_code", code.value[0])

    def _report(self, call: Call, code: grpc.StatusCode, seconds: float, response: Any) -> None:
        if self._on_request is None:
            return
        method = call.method.rpartition("/")[2]
        try:
            self._on_request(RequestRecord(method, call.model, code, seconds, call.request, response))
        except Exception:
            _LOG.exception("on_request failed")


def _opentelemetry(name: str) -> Any:
    """A module of the API of OpenTelemetry, None where it is not installed."""
    try:
        return importlib.import_module(f"opentelemetry.{name}")
    except ModuleNotFoundError:
        return None
