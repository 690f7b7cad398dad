"""What becomes of health, configuration and connections while a server runs."""

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import grpc
import numpy as np
import pytest
import tensorflow as tf
from grpc_health.v1 import health_pb2, health_pb2_grpc

from tests.contract.model_server.servers import (
    PATIENCE,
    STOCK_SERVER,
    Server,
    predict_request,
    running,
    wait_for,
)
from tests.contract.model_server.toy_models import publish

pytestmark = pytest.mark.slow
BATCHING = "max_batch_size { value: 4 }"


@pytest.fixture(scope="module")
def folder(toys: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("readiness")
    publish(toys[0], made / "toy", 1)
    batched = publish(toys[0], made / "hidden", 1)
    (batched / "batching_params.pbtxt").write_text(BATCHING)
    os.rename(batched, made / "batched-later")
    write_config(made, "toy")
    return made


@pytest.fixture(scope="module")
def changing(folder: Path) -> Iterator[Server]:
    if STOCK_SERVER:
        pytest.skip("checks what only the local model server has; TENSORFLOW_MODEL_SERVER names another")
    flags = [
        f"--model_config_file={folder}/models.config",
        "--model_config_file_poll_wait_seconds=0.1",
        "--rest_api_timeout_in_ms=500",
        "--enable_batching=true",
        "--enable_per_model_batching_parameters=true",
        # Speed alone.
        "--tensorflow_intra_op_parallelism=1",
        "--rest_api_num_threads=2",
    ]
    with running(folder, flags) as server:
        yield server


def write_config(folder: Path, *models: str) -> None:
    """Lists the models, all at once."""
    listed = "".join(
        f'config {{ name: "{name}" base_path: "{folder}/{name}" model_platform: "tensorflow" }}'
        for name in models
    )
    (folder / "next.config").write_text(f"model_config_list {{ {listed} }}")
    os.rename(folder / "next.config", folder / "models.config")


def test_ready_means_that_every_model_of_the_configuration_answers(changing: Server, folder: Path) -> None:
    health = health_pb2_grpc.HealthStub(changing.channel)

    def ready() -> tuple[bool, int]:
        serving = health.Check(health_pb2.HealthCheckRequest()).status
        status = changing.get("/v2/health/ready").status_code
        return serving == health_pb2.HealthCheckResponse.SERVING, status

    assert ready() == (True, 200)
    watch = health.Watch(health_pb2.HealthCheckRequest(), timeout=PATIENCE)
    assert next(watch).status == health_pb2.HealthCheckResponse.SERVING
    write_config(folder, "toy", "late")
    wait_for(lambda: ready() == (False, 503), lambda: "a server that is not ready")
    assert next(watch).status == health_pb2.HealthCheckResponse.NOT_SERVING
    assert "late" in changing.get("/v2/health/ready").json()["error"]
    assert changing.get("/v2/health/live").status_code == 200
    # What is there answers all the while.
    assert changing.post("/v1/models/toy:predict", {"instances": [2.0]}).json() == {"predictions": [2.0]}
    (folder / "late").mkdir()
    os.rename(folder / "batched-later", folder / "late" / "1")
    wait_for(lambda: ready() == (True, 200), lambda: "a server that is ready")
    assert next(watch).status == health_pb2.HealthCheckResponse.SERVING
    watch.cancel()


def test_only_a_version_with_parameters_of_its_own_is_batched(changing: Server) -> None:
    five = np.zeros(5, np.float32)
    answer = changing.prediction.Predict(predict_request("toy", x=five))
    assert len(tf.make_ndarray(answer.outputs["y"])) == 5
    with pytest.raises(grpc.RpcError, match="Task size 5 is larger than maximum input batch size 4"):
        changing.prediction.Predict(predict_request("late", x=five))


def test_a_configuration_that_cannot_be_read_changes_nothing(changing: Server, folder: Path) -> None:
    (folder / "models.config").write_text("model_config_list {")
    changing.wait_for_output("is not a text-format ModelServerConfig")
    assert changing.states("toy") == {1: "AVAILABLE"}


def test_connections_without_a_request_are_closed(changing: Server) -> None:
    silent, cut, half = (socket.create_connection(("127.0.0.1", changing.rest_port)) for _ in range(3))
    cut.sendall(b"POST /v1/models/toy:predict HTTP/1.1\r\nContent-Length: 99\r\nHost: a\r\n\r\n{")
    cut.close()
    half.sendall(b"POST /v1/models/toy:predict HTTP/1.1\r\nContent-Length: 99\r\nHost: a\r\n\r\n{")
    for connection in (silent, half):
        connection.settimeout(PATIENCE)
    assert half.recv(100).startswith(b"HTTP/1.1 504 ")
    assert silent.recv(1) == b""
    for connection in (silent, half):
        connection.close()
    assert "Traceback" not in changing.written()


def test_flags_that_change_speed_alone_are_named_once(changing: Server) -> None:
    warnings = [line for line in changing.written().splitlines() if "ignores them" in line]
    assert len(warnings) == 1
    assert "--tensorflow_intra_op_parallelism" in warnings[0]
    assert "--rest_api_num_threads" in warnings[0]
