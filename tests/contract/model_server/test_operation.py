"""Health, reflection, limits, TLS, wrong starts and a graceful end."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import pytest
import requests
import trustme
from google.protobuf import descriptor_pool, json_format, message_factory
from google.protobuf.descriptor import Descriptor
from google.protobuf.message import Message
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase
from tensorflow_serving.apis import prediction_service_pb2_grpc

from tests.contract.model_server.servers import (
    PATIENCE,
    PROJECT,
    STOCK_SERVER,
    Server,
    error_of,
    predict_request,
    running,
    wait_for,
)
from tests.contract.model_server.toy_models import STARTED, publish

pytestmark = pytest.mark.slow
SERVING = health_pb2.HealthCheckResponse.SERVING
EXHAUSTED = grpc.StatusCode.RESOURCE_EXHAUSTED


def _health(server: Server) -> health_pb2_grpc.HealthStub:
    return health_pb2_grpc.HealthStub(server.channel)


def test_health_is_serving(server: Server) -> None:
    assert _health(server).Check(health_pb2.HealthCheckRequest()).status == SERVING


def test_health_of_a_service_that_is_not_there_is_not_found(server: Server) -> None:
    request = health_pb2.HealthCheckRequest(service="no")
    assert error_of(lambda: _health(server).Check(request))[0] == grpc.StatusCode.NOT_FOUND


def test_reflection_is_all_that_a_client_needs(server: Server, own_server_only: None) -> None:
    """As grpcurl does it: services, methods and messages come from the server."""
    database = ProtoReflectionDescriptorDatabase(server.channel)
    assert set(database.get_services()) == {
        "tensorflow.serving.PredictionService",
        "tensorflow.serving.ModelService",
        "grpc.health.v1.Health",
        "grpc.reflection.v1alpha.ServerReflection",
    }
    pool = descriptor_pool.DescriptorPool(database)
    prediction = pool.FindServiceByName("tensorflow.serving.PredictionService")
    assert {method.name for method in prediction.methods} == {
        *("Classify", "Regress", "Predict", "MultiInference", "GetModelMetadata"),
    }
    method = pool.FindServiceByName("tensorflow.serving.ModelService").methods_by_name["GetModelStatus"]
    request, response = (_message_class(pool, each)() for each in (method.input_type, method.output_type))
    json_format.Parse('{"model_spec": {"name": "newest"}}', request)
    call = server.channel.unary_unary(f"/{method.containing_service.full_name}/{method.name}")
    response.ParseFromString(call(request.SerializeToString()))
    assert [each.version for each in response.model_version_status] == [2]


def _message_class(pool: descriptor_pool.DescriptorPool, message: Descriptor) -> type[Message]:
    # Protobuf 4 replaced the factory by a function.
    if hasattr(message_factory, "GetMessageClass"):
        return message_factory.GetMessageClass(message)
    return message_factory.MessageFactory(pool).GetPrototype(message)


def test_too_many_rows_are_refused(server: Server, own_server_only: None) -> None:
    code, details = error_of(lambda: server.prediction.Predict(predict_request(x=np.zeros(501, np.float32))))
    assert (code, details) == (EXHAUSTED, "input x has 501 rows, more than the limit of 500")


def test_a_message_that_is_too_large_is_refused(server: Server, own_server_only: None) -> None:
    request = predict_request(x=np.zeros(300_000, np.float32))
    assert error_of(lambda: server.prediction.Predict(request))[0] == EXHAUSTED


def test_a_small_message_cannot_allocate_a_huge_tensor(server: Server, own_server_only: None) -> None:
    for sizes in ([1, 2**40], [2, 2**31, 2**31], [1, 1_000_000]):
        request = predict_request(x=np.zeros(1, np.float32))
        del request.inputs["x"].tensor_shape.dim[:]
        for size in sizes:
            request.inputs["x"].tensor_shape.dim.add(size=size)
        request.inputs["x"].tensor_content = b""
        code, details = error_of(lambda request=request: server.prediction.Predict(request))
        assert code == EXHAUSTED
        assert details.startswith("tensor x of shape ")


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="module")
def guarded(
    authority: trustme.CA, toys: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    """A server that wants to see its clients' certificates and takes on three requests at once.

    The connection that comes with it does not have a certificate.
    """
    if STOCK_SERVER:
        pytest.skip("checks what only the local model server has; TENSORFLOW_MODEL_SERVER names another")
    folder = tmp_path_factory.mktemp("guarded")
    publish(toys[0], folder / "toy", 1)
    certificate = authority.issue_cert("127.0.0.1")
    pem = {
        "server_key": certificate.private_key_pem.bytes(),
        "server_cert": certificate.cert_chain_pems[0].bytes(),
        "custom_ca": authority.cert_pem.bytes(),
    }
    fields = [f'{name}: "{text.decode()}"'.replace("\n", "\\n") for name, text in pem.items()]
    (folder / "ssl.config").write_text("\n".join([*fields, "client_verify: true"]))
    flags = ["--model_name=toy", f"--model_base_path={folder}/toy", f"--ssl_config_file={folder}/ssl.config"]
    with running(folder, flags, ["--max_inflight_requests=3", "--request_threads=2"]) as server:
        yield server


@pytest.fixture(scope="module")
def trusted(guarded: Server, authority: trustme.CA) -> Iterator[grpc.Channel]:
    """A connection to it with a certificate."""
    client = authority.issue_cert("client.example.org")
    credentials = grpc.ssl_channel_credentials(
        authority.cert_pem.bytes(), client.private_key_pem.bytes(), client.cert_chain_pems[0].bytes()
    )
    with grpc.secure_channel(f"127.0.0.1:{guarded.grpc_port}", credentials) as channel:
        yield channel


def test_a_client_with_a_certificate_is_answered(
    guarded: Server, trusted: grpc.Channel, authority: trustme.CA, tmp_path: Path
) -> None:
    stub = prediction_service_pb2_grpc.PredictionServiceStub(trusted)
    assert list(stub.Predict(predict_request(x=[2.0])).outputs["y"].float_val) == [2.0]

    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    authority.issue_cert("client.example.org").private_key_and_cert_chain_pem.write_to_path(
        str(tmp_path / "client.pem")
    )
    answer = requests.post(
        f"https://127.0.0.1:{guarded.rest_port}/v1/models/toy:predict",
        json={"instances": [2.0]},
        verify=str(tmp_path / "ca.pem"),
        cert=str(tmp_path / "client.pem"),
        timeout=PATIENCE,
    )
    assert answer.json() == {"predictions": [2.0]}


def test_a_client_without_a_certificate_is_not(
    guarded: Server, authority: trustme.CA, tmp_path: Path
) -> None:
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    with grpc.secure_channel(
        f"127.0.0.1:{guarded.grpc_port}", grpc.ssl_channel_credentials(authority.cert_pem.bytes())
    ) as channel:
        stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)
        assert error_of(lambda: stub.Predict(predict_request(x=[2.0])))[0] == grpc.StatusCode.UNAVAILABLE
    assert error_of(lambda: guarded.prediction.Predict(predict_request(x=[2.0])))[0] == (
        grpc.StatusCode.UNAVAILABLE
    )
    url = f"https://127.0.0.1:{guarded.rest_port}/v1/models/toy"
    with pytest.raises(requests.ConnectionError):
        requests.get(url, verify=str(tmp_path / "ca.pem"), timeout=PATIENCE)
    with pytest.raises(requests.ConnectionError):
        requests.get(url.replace("https", "http"), timeout=PATIENCE)


def test_the_request_too_many_is_refused_and_health_still_answers(
    guarded: Server, trusted: grpc.Channel, tmp_path: Path
) -> None:
    stub = prediction_service_pb2_grpc.PredictionServiceStub(trusted)
    gate = tmp_path / "gate"
    request = predict_request(signature="gated", x=[2.0], gate=str(gate))
    calls = [stub.Predict.future(request) for _ in range(4)]
    wait_for(lambda: any(each.done() for each in calls), lambda: "the refusal of one request")
    [refused] = [each for each in calls if each.done()]
    assert refused.code() == EXHAUSTED
    assert refused.details() == "3 requests are under way, which is the limit of this server"
    assert health_pb2_grpc.HealthStub(trusted).Check(health_pb2.HealthCheckRequest()).status == SERVING
    gate.touch()
    answers = [each.result() for each in calls if each is not refused]
    assert [list(each.outputs["y"].float_val) for each in answers] == [[2.0]] * 3


def test_work_that_nobody_waits_for_is_not_begun(
    guarded: Server, trusted: grpc.Channel, tmp_path: Path
) -> None:
    stub = prediction_service_pb2_grpc.PredictionServiceStub(trusted)
    before = guarded.written().count(STARTED)
    gate = tmp_path / "gate"
    request = predict_request(signature="gated", x=[2.0], gate=str(gate))
    busy = [stub.Predict.future(request) for _ in range(2)]
    guarded.wait_for_output(STARTED, before + 2)
    code, _ = error_of(lambda: stub.Predict(request, timeout=0.1))
    assert code == grpc.StatusCode.DEADLINE_EXCEEDED
    # The server learns of the deadline by itself, a moment later; then the third place is free again.
    taken = _take_a_place(stub)
    gate.touch()
    for each in [*busy, taken]:
        each.result()
    assert guarded.written().count(STARTED) == before + 2


def _take_a_place(stub: prediction_service_pb2_grpc.PredictionServiceStub) -> Any:
    """Calls until the server takes the request on, which it then keeps waiting; it refuses one at once."""
    while True:
        calls = stub.Predict.future(predict_request(x=[2.0]), timeout=PATIENCE)
        try:
            refused = calls.exception(timeout=2)
        except grpc.FutureTimeoutError:
            return calls
        assert refused is not None
        assert refused.code() == grpc.StatusCode.RESOURCE_EXHAUSTED


def test_sigterm_finishes_what_is_under_way(
    toys: tuple[Path, Path], tmp_path: Path, own_server_only: None
) -> None:
    publish(toys[0], tmp_path / "toy", 1)
    gate = tmp_path / "gate"
    with running(tmp_path, ["--model_name=toy", f"--model_base_path={tmp_path}/toy"]) as server:
        watch = _health(server).Watch(health_pb2.HealthCheckRequest())
        assert next(watch).status == SERVING
        under_way = server.prediction.Predict.future(
            predict_request(signature="gated", x=[2.0], gate=str(gate))
        )
        server.wait_for_output(STARTED)
        server.process.send_signal(signal.SIGTERM)
        assert next(watch).status == health_pb2.HealthCheckResponse.NOT_SERVING
        with grpc.insecure_channel(f"127.0.0.1:{server.grpc_port}") as late:
            stub = prediction_service_pb2_grpc.PredictionServiceStub(late)
            wait_for(
                lambda: _fails(lambda: stub.Predict(predict_request(x=[2.0]))),
                lambda: "a refusal of new requests",
            )
        assert server.process.poll() is None
        gate.touch()
        assert list(under_way.result().outputs["y"].float_val) == [2.0]
        assert server.process.wait(PATIENCE) == 0


def _fails(call: object) -> bool:
    try:
        call()
    except grpc.RpcError as error:
        return error.code() == grpc.StatusCode.UNAVAILABLE
    return False


def test_a_server_without_a_model_that_loads_does_not_start(tmp_path: Path, own_server_only: None) -> None:
    (tmp_path / "toy" / "1").mkdir(parents=True)
    done = subprocess.run(
        [sys.executable, "-m", "serving.model_server", "--port=0", f"--model_base_path={tmp_path}/toy"],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert done.returncode == 1
    assert done.stdout == ""
    last = done.stderr.splitlines()[-1]
    assert last.startswith("model_server: UNKNOWN: 1 servable(s) did not become available")
    assert "version: 1" in last
