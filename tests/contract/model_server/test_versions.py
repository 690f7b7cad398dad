"""Versions that come and go under load or do not load, warm-up, and configurations that change."""

import threading
from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest
from google.protobuf import text_format
from google.protobuf.message import Message
from tensorflow_serving.apis import get_model_status_pb2, model_management_pb2, prediction_log_pb2

from tests.contract.model_server.servers import (
    STOCK_SERVER,
    Server,
    error_of,
    predict_request,
    running,
    wait_for,
)
from tests.contract.model_server.toy_models import STARTED, publish, retire

pytestmark = pytest.mark.slow
MODELS = ("swapped", "rolled_back", "held", "broken", "warm", "cold")
FAILED_PRECONDITION = grpc.StatusCode.FAILED_PRECONDITION


@pytest.fixture(scope="module")
def bases(toys: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that holds the base path of each model, with version 1 of each."""
    folder = tmp_path_factory.mktemp("bases")
    for name in MODELS:
        publish(toys[0], folder / name, 1)
    return folder


def _config(bases: Path, extra: str = "") -> str:
    listed = "".join(_model(bases, name) for name in MODELS)
    return f"model_config_list {{ {listed} {extra} }}"


def _model(bases: Path, name: str, more: str = "") -> str:
    return f'config {{ name: "{name}" base_path: "{bases}/{name}" model_platform: "tensorflow" {more} }}\n'


@pytest.fixture(scope="module")
def changing(bases: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server whose models the tests change, each its own."""
    folder = tmp_path_factory.mktemp("changing")
    (folder / "models.config").write_text(_config(bases))
    flags = [f"--model_config_file={folder}/models.config", "--max_num_load_retries=0"]
    flags.append(
        "--file_system_poll_wait_seconds=1" if STOCK_SERVER else "--file_system_poll_wait_seconds=0.2"
    )
    with running(folder, flags, [f"--model_root={bases}"]) as server:
        yield server


class Caller:
    """Calls a model without a pause, and keeps what went wrong and which versions answered, in order."""

    def __init__(self, server: Server, model: str) -> None:
        self.errors: list[str] = []
        self.versions: list[int] = []
        self.calls = 0
        self._server, self._model = server, model
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._call)

    def __enter__(self) -> "Caller":
        self._thread.start()
        self.wait_for_calls(10)
        return self

    def __exit__(self, *_: object) -> None:
        self.wait_for_calls(10)
        self._stop.set()
        self._thread.join()

    def wait_for_calls(self, more: int) -> None:
        target = self.calls + more
        wait_for(lambda: self.calls >= target, lambda: f"{target} calls, not {self.calls}")

    def _call(self) -> None:
        request = predict_request(self._model, x=[2.0])
        while not self._stop.is_set():
            try:
                answer = self._server.prediction.Predict(request)
                version = answer.model_spec.version.value
                if list(answer.outputs["y"].float_val) != [1.0 + version]:
                    self.errors.append(f"version {version} gave {answer.outputs}")
                if self.versions[-1:] != [version]:
                    self.versions.append(version)
            except grpc.RpcError as error:
                self.errors.append(f"{error.code()}: {error.details()}")
            self.calls += 1


def test_no_request_fails_while_versions_are_swapped(
    changing: Server, bases: Path, toys: tuple[Path, Path]
) -> None:
    with Caller(changing, "swapped") as caller:
        publish(toys[1], bases / "swapped", 2)
        changing.wait_for_states("swapped", {2: "AVAILABLE", 1: "END"})
        caller.wait_for_calls(10)
    assert caller.errors == []
    assert caller.versions == [1, 2]


def test_no_request_fails_while_a_version_is_rolled_back(
    changing: Server, bases: Path, toys: tuple[Path, Path]
) -> None:
    publish(toys[1], bases / "rolled_back", 2)
    changing.wait_for_states("rolled_back", {2: "AVAILABLE", 1: "END"})
    with Caller(changing, "rolled_back") as caller:
        retire(bases / "rolled_back", 2)
        changing.wait_for_states("rolled_back", {2: "END", 1: "AVAILABLE"})
        caller.wait_for_calls(10)
    assert caller.errors == []
    assert caller.versions == [2, 1]


def test_a_request_under_way_ends_on_the_version_that_it_began_on(
    changing: Server, bases: Path, toys: tuple[Path, Path], tmp_path: Path
) -> None:
    gate = tmp_path / "gate"
    seen = changing.written().count(STARTED)
    request = predict_request("held", "gated", x=[2.0], gate=str(gate))
    begun = changing.prediction.Predict.future(request)
    changing.wait_for_output(STARTED, seen + 1)
    publish(toys[1], bases / "held", 2)
    changing.wait_for_states("held", {2: "AVAILABLE", 1: "UNLOADING"})
    new = changing.prediction.Predict(predict_request("held", x=[2.0]))
    assert new.model_spec.version.value == 2
    pinned = predict_request("held", x=[2.0])
    pinned.model_spec.version.value = 1
    assert error_of(lambda: changing.prediction.Predict(pinned))[0] == grpc.StatusCode.NOT_FOUND
    assert not begun.done()
    gate.touch()
    answer = begun.result()
    assert answer.model_spec.version.value == 1
    assert list(answer.outputs["y"].float_val) == [2.0]
    changing.wait_for_states("held", {2: "AVAILABLE", 1: "END"})


def test_a_version_that_does_not_load_is_reported_and_the_old_one_stays(
    changing: Server, bases: Path, toys: tuple[Path, Path]
) -> None:
    with Caller(changing, "broken") as caller:
        staged = publish(toys[1], bases / "elsewhere", 2)
        (staged / "saved_model.pb").write_bytes(b"no SavedModel")
        staged.rename(bases / "broken" / "2")
        changing.wait_for_states("broken", {2: "END", 1: "AVAILABLE"})
        caller.wait_for_calls(10)
    assert caller.errors == []
    assert caller.versions == [1]
    request = get_model_status_pb2.GetModelStatusRequest()
    request.model_spec.name = "broken"
    request.model_spec.version.value = 2
    [status] = changing.models.GetModelStatus(request).model_version_status
    assert status.status.error_code != 0
    assert status.status.error_message

    publish(toys[1], bases / "broken", 3)
    changing.wait_for_states("broken", {3: "AVAILABLE", 2: "END", 1: "END"})


def _predict_log(signature: str, **inputs: object) -> Message:
    log = prediction_log_pb2.PredictionLog()
    log.predict_log.request.CopyFrom(predict_request("warm", signature, **inputs))
    return log


def test_warm_up_requests_run_before_a_version_takes_others(
    changing: Server, bases: Path, toys: tuple[Path, Path], tmp_path: Path
) -> None:
    gate = tmp_path / "gate"
    seen = changing.written().count(STARTED)
    publish(toys[1], bases / "warm", 2, [_predict_log("gated", x=[2.0], gate=str(gate))])
    changing.wait_for_output(STARTED, seen + 1)
    assert changing.states("warm") == {2: "LOADING", 1: "AVAILABLE"}
    gate.touch()
    changing.wait_for_states("warm", {2: "AVAILABLE", 1: "END"})


def test_a_version_whose_warm_up_fails_is_not_used(
    changing: Server, bases: Path, toys: tuple[Path, Path]
) -> None:
    publish(toys[1], bases / "cold", 2, [_predict_log("no such signature", x=[2.0])])
    changing.wait_for_states("cold", {2: "END", 1: "AVAILABLE"})
    status = changing.get("/v1/models/cold/versions/2").json()["model_version_status"][0]["status"]
    assert status == {
        "error_code": "FAILED_PRECONDITION",
        "error_message": 'Serving signature key "no such signature" not found.',
    }


def _reload(server: Server, config: str) -> None:
    request = model_management_pb2.ReloadConfigRequest()
    text_format.Parse(config, request.config)
    server.models.HandleReloadConfigRequest(request)


def test_a_reload_adds_and_removes_models_and_moves_labels(
    changing: Server, bases: Path, toys: tuple[Path, Path]
) -> None:
    publish(toys[0], bases / "added", 1)
    publish(toys[1], bases / "added", 2)
    both = "model_version_policy { specific { versions: 1 versions: 2 } }"
    _reload(changing, _config(bases, _model(bases, "added", both)))
    assert changing.states("added") == {2: "AVAILABLE", 1: "AVAILABLE"}
    for version in (1, 2):
        label = f'{both} version_labels {{ key: "chosen" value: {version} }}'
        _reload(changing, _config(bases, _model(bases, "added", label)))
        request = predict_request("added", x=[2.0])
        request.model_spec.version_label = "chosen"
        assert changing.prediction.Predict(request).model_spec.version.value == version

    label = f'{both} version_labels {{ key: "chosen" value: 3 }}'
    assert error_of(lambda: _reload(changing, _config(bases, _model(bases, "added", label)))) == (
        FAILED_PRECONDITION,
        "Request to assign label to version 3 of model added, which is not currently available for inference",
    )
    _reload(changing, _config(bases))
    changing.wait_for_states("added", {2: "END", 1: "END"})
    assert error_of(lambda: changing.prediction.Predict(predict_request("added", x=[2.0])))[0] == (
        grpc.StatusCode.NOT_FOUND
    )


def test_a_model_that_a_reload_removes_ends_its_requests(
    changing: Server, bases: Path, toys: tuple[Path, Path], tmp_path: Path
) -> None:
    gate = tmp_path / "gate"
    publish(toys[0], bases / "removed", 1)
    _reload(changing, _config(bases, _model(bases, "removed")))
    seen = changing.written().count(STARTED)
    begun = changing.prediction.Predict.future(predict_request("removed", "gated", x=[2.0], gate=str(gate)))
    changing.wait_for_output(STARTED, seen + 1)
    _reload(changing, _config(bases))
    changing.wait_for_states("removed", {1: "UNLOADING"})
    gate.touch()
    assert list(begun.result().outputs["y"].float_val) == [2.0]
    changing.wait_for_states("removed", {1: "END"})


def test_a_reload_that_makes_no_sense_changes_nothing(changing: Server, bases: Path) -> None:
    before = changing.prediction.Predict(predict_request("swapped", x=[2.0])).model_spec
    for config in (
        "",
        _config(bases, _model(bases, "swapped")),
        'model_config_list { config { name: "swapped" base_path: "relative" model_platform: "tensorflow" } }',
        f'model_config_list {{ config {{ name: "swapped" base_path: "{bases}" model_platform: "caffe" }} }}',
    ):
        code, _ = error_of(lambda config=config: _reload(changing, config))
        assert code in (grpc.StatusCode.INVALID_ARGUMENT, FAILED_PRECONDITION)
    assert changing.prediction.Predict(predict_request("swapped", x=[2.0])).model_spec == before


def test_a_reload_cannot_open_other_folders(
    changing: Server, bases: Path, toys: tuple[Path, Path], tmp_path: Path, own_server_only: None
) -> None:
    publish(toys[0], tmp_path / "outside", 1)
    (bases / "link").symlink_to(tmp_path / "outside")
    for path in (tmp_path / "outside", bases / ".." / "x", bases / "link", Path("/")):
        entry = f'config {{ name: "outside" base_path: "{path}" model_platform: "tensorflow" }}'
        code, details = error_of(lambda entry=entry: _reload(changing, _config(bases, entry)))
        assert code == grpc.StatusCode.PERMISSION_DENIED
        assert "--model_root" in details
    assert changing.states("outside") == {}
