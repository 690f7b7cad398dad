"""Each request as a span of OpenTelemetry."""

import grpc
import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from serving.client import ServingError
from tests.unit.serving.client.conftest import Connect, Serve
from tests.unit.serving.client.scripted_server import Refusal


@pytest.fixture
def spans(monkeypatch: pytest.MonkeyPatch) -> InMemorySpanExporter:
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    # A process can set its provider once.
    monkeypatch.setattr(trace, "get_tracer", provider.get_tracer)
    return exporter


def test_a_request_is_a_span_that_travels_with_it(
    spans: InMemorySpanExporter, serve: Serve, connect: Connect
) -> None:
    scripted = serve()
    connect(scripted.address).similar("a")

    [span] = spans.get_finished_spans()
    assert span.name == "tensorflow.serving.PredictionService/Predict"
    assert span.kind is trace.SpanKind.CLIENT
    assert span.attributes["rpc.grpc.status_code"] == 0
    assert span.attributes["serving.model"] == "retrieval"
    [received] = scripted.received
    assert f"{span.context.trace_id:032x}" in received.metadata["traceparent"]


def test_a_failed_request_has_its_code(spans: InMemorySpanExporter, serve: Serve, connect: Connect) -> None:
    scripted = serve(lambda received: Refusal(grpc.StatusCode.NOT_FOUND))

    with pytest.raises(ServingError):
        connect(scripted.address).similar("a")
    [span] = spans.get_finished_spans()
    assert span.attributes["rpc.grpc.status_code"] == 5
    assert not span.status.is_ok


def test_a_hook_that_fails_costs_no_answer(serve: Serve, connect: Connect) -> None:
    def broken(record: object) -> None:
        raise RuntimeError("full")

    assert connect(serve().address, on_request=broken).similar("a", 1).movies
