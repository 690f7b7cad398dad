"""Malformed requests: a proper status for each, a server that stays up, and flat memory.

SERVING_MALFORMED sets how many requests of each kind there are. `make test-serving` sends thousands.
"""

import json
import os
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import grpc
import psutil
import pytest
import requests
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tensorflow_serving.apis import predict_pb2

from tests.contract.model_server import malformed
from tests.contract.model_server.servers import PATIENCE, Server, predict_request, running
from tests.contract.model_server.toy_models import publish

pytestmark = pytest.mark.slow

REQUESTS = int(os.environ.get("SERVING_MALFORMED", "60"))
METHODS = (
    *(f"PredictionService/{name}" for name in ("Predict", "Classify", "Regress", "MultiInference")),
    *("PredictionService/GetModelMetadata", "ModelService/GetModelStatus", "PredictionService/No"),
    "ModelService/HandleReloadConfigRequest",
)
REFUSALS = {
    grpc.StatusCode.FAILED_PRECONDITION,
    grpc.StatusCode.INVALID_ARGUMENT,
    grpc.StatusCode.NOT_FOUND,
    grpc.StatusCode.RESOURCE_EXHAUSTED,
    grpc.StatusCode.UNIMPLEMENTED,
}
# What a server that has answered all kinds of requests may still grow by.
GROWTH = 48 * 2**20

few_or_many = settings(
    max_examples=REQUESTS,
    deadline=None,
    database=None,
    # The same requests in each `make test`, and others in each long run.
    derandomize=REQUESTS < 1000,
    suppress_health_check=list(HealthCheck),
)


@pytest.fixture(scope="module")
def attacked(toys: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("attacked")
    publish(toys[0], folder / "toy", 1)
    flags = ["--model_name=toy", f"--model_base_path={folder}/toy"]
    with running(folder, flags, ["--max_message_bytes=2000000"]) as server:
        _send_some_of_everything(server)
        before = _memory(server)
        yield server
        _send_some_of_everything(server)
        answer = server.prediction.Predict(predict_request(x=[2.0]), timeout=PATIENCE)
        assert list(answer.outputs["y"].float_val) == [2.0]
        assert server.get("/v1/models/toy").status_code == 200
        assert "Traceback" not in server.written()
        assert _memory(server) - before < GROWTH


def _memory(server: Server) -> int:
    return int(psutil.Process(server.process.pid).memory_info().rss)


def _send_some_of_everything(server: Server) -> None:
    """Makes every kind of request allocate what it keeps."""

    @settings(few_or_many, max_examples=40, derandomize=True)
    @given(malformed.predict_requests(), malformed.json_bodies())
    def send(request: predict_pb2.PredictRequest, body: object) -> None:
        _check_predict(server, request)
        _check_rest(server, body)

    send()


def _status(call: Callable[[], object]) -> tuple[grpc.StatusCode, str]:
    try:
        call()
    except grpc.RpcError as error:
        return error.code(), error.details()
    return grpc.StatusCode.OK, ""


def _check_predict(server: Server, request: predict_pb2.PredictRequest) -> None:
    code, details = _status(lambda: server.prediction.Predict(request, timeout=PATIENCE))
    assert code is grpc.StatusCode.OK or (code in REFUSALS and details), (code, details)


def _check_rest(server: Server, body: object) -> None:
    for method in ("predict", "classify", "regress"):
        answer = requests.post(
            server.url(f"/v1/models/toy:{method}"), data=json.dumps(body), timeout=PATIENCE
        )
        assert answer.status_code in (200, 400, 404, 429, 501), (answer.status_code, answer.text)
        if answer.status_code != 200:
            assert answer.json()["error"]


@few_or_many
@given(malformed.predict_requests())
def test_any_tensors_get_a_proper_status(attacked: Server, request_: predict_pb2.PredictRequest) -> None:
    _check_predict(attacked, request_)


@few_or_many
@given(
    st.sampled_from(METHODS),
    malformed.damaged(malformed.valid_request().SerializeToString()) | st.binary(max_size=200),
)
def test_damaged_messages_get_a_proper_status(attacked: Server, method: str, message: bytes) -> None:
    call = attacked.channel.unary_unary(f"/tensorflow.serving.{method}")
    code, details = _status(lambda: call(message, timeout=PATIENCE))
    if code is grpc.StatusCode.INTERNAL:
        assert details.startswith("Failed to parse the request as tensorflow.serving.")
    else:
        assert code is grpc.StatusCode.OK or code in REFUSALS | {grpc.StatusCode.PERMISSION_DENIED}


@few_or_many
@given(malformed.json_bodies())
def test_any_json_gets_a_proper_status(attacked: Server, body: object) -> None:
    _check_rest(attacked, body)


@few_or_many
@given(
    st.sampled_from(["GET", "POST", "PUT", "DELETE"]),
    st.text(max_size=30) | st.sampled_from(["toy", "toy/versions/1", "toy/labels/a", "toy/metadata"]),
    malformed.damaged(b'{"instances": [1.0, 2.0], "signature_name": ""}'),
)
def test_any_path_and_body_get_a_proper_status(attacked: Server, method: str, path: str, body: bytes) -> None:
    url = attacked.url("/v1/models/") + requests.utils.quote(path)
    answer = requests.request(method, url, data=body, timeout=PATIENCE)
    assert answer.status_code in (200, 400, 404, 405), (answer.status_code, answer.text)


@few_or_many
@given(st.booleans(), st.binary(min_size=1, max_size=400), st.booleans())
def test_junk_on_a_port_harms_nobody_else(attacked: Server, rest: bool, junk: bytes, prefixed: bool) -> None:
    preface = b"POST /v1/models/toy:predict HTTP/1.1\r\n" if rest else b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
    port = attacked.rest_port if rest else attacked.grpc_port
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) as connection:
        try:
            connection.sendall((preface if prefixed else b"") + junk)
            connection.shutdown(socket.SHUT_WR)
            while connection.recv(4096):
                pass
        except ConnectionError:
            pass  # Hung up on, which is an answer too.


def test_messages_that_are_too_large_are_refused_again_and_again(attacked: Server) -> None:
    call = attacked.channel.unary_unary("/tensorflow.serving.PredictionService/Predict")
    for _ in range(5):
        code, _ = _status(lambda: call(bytes(2_000_001), timeout=PATIENCE))
        assert code is grpc.StatusCode.RESOURCE_EXHAUSTED
        answer = requests.post(
            attacked.url("/v1/models/toy:predict"), data=bytes(2_000_001), timeout=PATIENCE
        )
        assert answer.status_code == 413
