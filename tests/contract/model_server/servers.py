"""Starts a model server: ours, or the one that TENSORFLOW_MODEL_SERVER names."""

import os
import re
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import grpc
import requests
from tensorflow_serving.apis import (
    get_model_status_pb2,
    model_service_pb2_grpc,
    predict_pb2,
    prediction_service_pb2_grpc,
)

from tests.measured import python

STOCK_SERVER = os.environ.get("TENSORFLOW_MODEL_SERVER", "")
PROJECT = Path(__file__).resolve().parents[3]
_READY = re.compile(r"^model_server: ready grpc=\S+:(\d+)(?: rest=\S+:(\d+))?$", re.MULTILINE)
# Long enough for a machine that does much else. Nothing waits that long when all is well.
PATIENCE = 120.0
Value = TypeVar("Value")


@dataclass
class Server:
    """A server that answers.

    Attributes:
      process: its process.
      grpc_port: the port of gRPC.
      rest_port: the port of REST.
      output: the file with everything it has written.
      channel: a connection.
    """

    process: subprocess.Popen[bytes]
    grpc_port: int
    rest_port: int
    output: Path
    channel: grpc.Channel = field(repr=False)

    @property
    def prediction(self) -> prediction_service_pb2_grpc.PredictionServiceStub:
        return prediction_service_pb2_grpc.PredictionServiceStub(self.channel)

    @property
    def models(self) -> model_service_pb2_grpc.ModelServiceStub:
        return model_service_pb2_grpc.ModelServiceStub(self.channel)

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.rest_port}{path}"

    def get(self, path: str) -> requests.Response:
        return requests.get(self.url(path), timeout=PATIENCE)

    def post(self, path: str, body: object) -> requests.Response:
        return requests.post(self.url(path), json=body, timeout=PATIENCE)

    def states(self, model: str) -> dict[int, str]:
        """The state of each version; none if there never was one."""
        request = get_model_status_pb2.GetModelStatusRequest()
        request.model_spec.name = model
        try:
            answer = self.models.GetModelStatus(request, timeout=PATIENCE)
        except grpc.RpcError as error:
            if error.code() == grpc.StatusCode.NOT_FOUND:
                return {}
            raise
        name = get_model_status_pb2.ModelVersionStatus.State.Name
        return {status.version: name(status.state) for status in answer.model_version_status}

    def wait_for_states(self, model: str, states: Mapping[int, str]) -> None:
        wait_for(lambda: self.states(model) == dict(states), lambda: f"{states}, not {self.states(model)}")

    def wait_for_output(self, text: str, times: int = 1) -> None:
        wait_for(
            lambda: self.written().count(text) >= times, lambda: f"{times} x {text!r} in {self.written()}"
        )

    def written(self) -> str:
        return self.output.read_text(errors="replace")


def wait_for(done: Callable[[], bool], what: Callable[[], str]) -> None:
    """Repeats a check until it passes."""
    deadline = time.monotonic() + PATIENCE
    while not done():
        assert time.monotonic() < deadline, f"waited {PATIENCE} s for {what()}"
        time.sleep(0.02)


def predict_request(model: str = "toy", signature: str = "", **inputs: object) -> predict_pb2.PredictRequest:
    """A request; lists and numbers become tensors by what TensorFlow makes of them."""
    import tensorflow as tf

    request = predict_pb2.PredictRequest()
    request.model_spec.name = model
    request.model_spec.signature_name = signature
    for name, value in inputs.items():
        request.inputs[name].CopyFrom(tf.make_tensor_proto(value))
    return request


def error_of(call: Callable[[], object]) -> tuple[grpc.StatusCode, str]:
    """The status of a call that must fail."""
    try:
        answer = call()
    except grpc.RpcError as error:
        return error.code(), error.details()
    raise AssertionError(f"no error but {answer}")


@contextmanager
def running(folder: Path, flags: list[str], own_flags: list[str] | None = None) -> Iterator[Server]:
    """A server that is ready.

    Args:
      folder: for its output.
      flags: those that every server has.
      own_flags: those that only ours has.
    """
    output = folder / "server.log"
    if STOCK_SERVER:
        ports = [_free_port(), _free_port()]
        command = [STOCK_SERVER, f"--port={ports[0]}", f"--rest_api_port={ports[1]}"]
        command += ["--enable_grpc_healthcheck_service=true", *flags]
    else:
        ports = []
        command = [*python(), "-m", "serving.model_server", "--port=0", "--rest_api_port=0"]
        command += [*flags, *(own_flags or [])]
    with output.open("wb") as stream:
        process = subprocess.Popen(command, cwd=PROJECT, stdout=stream, stderr=subprocess.STDOUT)
    try:
        ports = ports or _announced_ports(process, output)
        with grpc.insecure_channel(
            f"127.0.0.1:{ports[0]}", [("grpc.max_receive_message_length", -1)]
        ) as channel:
            server = Server(process, ports[0], ports[1], output, channel)
            if STOCK_SERVER:
                grpc.channel_ready_future(channel).result(PATIENCE)
            yield server
    finally:
        process.terminate()
        try:
            process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _announced_ports(process: subprocess.Popen[bytes], output: Path) -> list[int]:
    def ready() -> bool:
        assert process.poll() is None, f"exit status {process.returncode}: {output.read_text()}"
        return bool(_READY.search(output.read_text(errors="replace")))

    wait_for(ready, output.read_text)
    found = _READY.search(output.read_text(errors="replace"))
    assert found
    return [int(port) for port in found.groups(default="0")]


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port
