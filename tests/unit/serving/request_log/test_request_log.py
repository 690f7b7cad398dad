"""The request log: lines, rotation, hashing, and that a request neither waits for it nor fails."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import pytest

from serving.client import Client, RequestRecord, ServingError, messages
from serving.client.tensors import encode
from serving.request_log import RequestLog, RequestLogError
from serving.request_log.lines import LineFormat
from tests.unit.serving.client.scripted_server import Refusal, ScriptedServer, world


def record(user: str = "42", size: int = 0) -> RequestRecord:
    request = messages.PredictRequest()
    request.model_spec.name, request.model_spec.signature_name = "recommender", "recommend"
    request.inputs["user_id"].CopyFrom(encode([user]))
    request.inputs["padding"].CopyFrom(encode(["x" * size]))
    return RequestRecord("Predict", "recommender", grpc.StatusCode.OK, 0.5, request.SerializeToString(), None)


def lines(folder: Path, name: str = "requests.jsonl") -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / name).read_text("utf-8").splitlines()]


def test_requests_and_answers_are_lines(tmp_path: Path) -> None:
    server = ScriptedServer(world)
    with RequestLog(tmp_path, share=1) as log, Client(server.address, on_request=log) as client:
        client.recommend("42", 2)
        client.similar("a", 1)
    server.stop()

    recommended, similar = lines(tmp_path)
    assert recommended["model"] == "recommender"
    assert (recommended["version"], recommended["signature"], recommended["code"]) == (7, "recommend", "OK")
    assert recommended["inputs"]["user_id"] == ["42"]
    assert recommended["outputs"]["movie_id"] == [["d", "b"]]
    assert recommended["outputs"]["known_user"] == [True]
    # An id stands for the title.
    assert "movie_title" not in recommended["outputs"]
    assert similar["inputs"] == {"movie_id": ["a"], "k": 1}


def test_a_failed_request_has_its_code_and_no_answer(tmp_path: Path) -> None:
    server = ScriptedServer(lambda received: Refusal(grpc.StatusCode.INTERNAL))
    with (
        RequestLog(tmp_path, share=1) as log,
        Client(server.address, on_request=log) as client,
        pytest.raises(ServingError),
    ):
        client.similar("a")
    server.stop()

    [line] = lines(tmp_path)
    assert line["code"] == "INTERNAL"
    assert "outputs" not in line


def test_only_predictions_are_logged_and_only_a_share(tmp_path: Path) -> None:
    status = RequestRecord("GetModelStatus", "ranking", grpc.StatusCode.OK, 0.1, b"", None)
    with (
        RequestLog(tmp_path / "all", share=1) as everything,
        RequestLog(tmp_path / "half", share=0.5) as half,
    ):
        everything(status)
        for _ in range(400):
            half(record())
    assert lines(tmp_path / "all") == []
    # Beyond ten deviations of chance either way.
    assert 100 < len(lines(tmp_path / "half")) < 300
    assert half.lost == 0


def test_full_files_are_kept_up_to_a_number(tmp_path: Path) -> None:
    with RequestLog(tmp_path, share=1, file_bytes=1_000, kept_files=2) as log:
        for number in range(40):
            log(record(str(number), 200))
    files = sorted(path.name for path in tmp_path.glob("requests*"))
    assert files == ["requests.jsonl", "requests.jsonl.1", "requests.jsonl.2"]
    assert all(path.stat().st_size <= 1_000 for path in tmp_path.glob("requests*"))
    assert lines(tmp_path)[-1]["inputs"]["user_id"] == ["39"]


def test_a_key_hashes_users_alike_and_leaves_zip_codes_out() -> None:
    features = messages.Example()
    features.features.feature["user_id"].bytes_list.value.append(b"42")
    features.features.feature["user_zip_code"].bytes_list.value.append(b"55105")
    features.features.feature["raw_user_age"].float_list.value.append(24)
    request = messages.PredictRequest.FromString(record().request)
    request.inputs["examples"].CopyFrom(encode(np.array([features.SerializeToString()], object)))
    sent = RequestRecord("Predict", "recommender", grpc.StatusCode.OK, 0.5, request.SerializeToString(), None)

    def inputs(key: bytes | None) -> Any:
        return json.loads(LineFormat(key).line(sent, 0.0))["inputs"]

    plain, hashed, other = inputs(None), inputs(b"one key"), inputs(b"another key")
    assert plain["user_id"] == ["42"]
    assert plain["examples"] == [{"user_id": ["42"], "user_zip_code": ["55105"], "raw_user_age": [24.0]}]
    [user] = hashed["user_id"]
    assert user.startswith("hashed:")
    assert hashed["examples"] == [{"user_id": [user], "raw_user_age": [24.0]}]
    assert other["user_id"] != hashed["user_id"]
    assert "42" not in user
    assert "55105" not in json.dumps(hashed)


def test_a_request_does_not_wait_for_a_disk_that_hangs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hanging, reached = threading.Event(), threading.Event()

    def line(self: LineFormat, sent: RequestRecord, time: float) -> str:
        reached.set()
        hanging.wait()
        return "{}"

    monkeypatch.setattr(LineFormat, "line", line)
    log = RequestLog(tmp_path, share=1, waiting_requests=3)
    log(record())
    reached.wait()
    # These return although nothing is written.
    for _ in range(10):
        log(record())
    assert log.lost == 7
    hanging.set()
    log.close()
    assert len(lines(tmp_path)) == 4


def test_what_waits_is_bounded_in_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("serving.request_log.log.WAITING_BYTES", 100)
    with RequestLog(tmp_path, share=1) as log:
        log(record(size=1_000))
    assert log.lost == 1
    assert lines(tmp_path) == []


def test_a_disk_that_refuses_costs_lines_and_nothing_else(tmp_path: Path) -> None:
    with RequestLog(tmp_path, share=1) as log:
        # A device that is full.
        log._file.stream.close()
        log._file.stream = open("/dev/full", "w", encoding="utf-8")  # noqa: SIM115
        log(record("1"))
        log(record("2"))
    # The disk took the next one again.
    assert log.lost == 1
    assert [line["inputs"]["user_id"] for line in lines(tmp_path)] == [["2"]]


def test_a_request_that_cannot_be_read_costs_its_line(tmp_path: Path) -> None:
    broken = RequestRecord("Predict", "ranking", grpc.StatusCode.OK, 0.1, b"\xff", None)
    with RequestLog(tmp_path, share=1) as log:
        log(broken)
        log(record())
    assert log.lost == 1
    assert len(lines(tmp_path)) == 1


def test_folders_that_cannot_be_used(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(RequestLogError, match="file"):
        RequestLog(tmp_path / "file")
    with RequestLog(tmp_path / "log"), pytest.raises(RequestLogError, match="log"):
        RequestLog(tmp_path / "log")
    # What was closed can be written to again.
    with RequestLog(tmp_path / "log", share=1) as log:
        log(record())
    assert len(lines(tmp_path / "log")) == 1


@pytest.mark.parametrize("options", [{"share": 1.5}, {"share": -0.1}, {"key": b""}])
def test_arguments_that_cannot_be_meant(tmp_path: Path, options: Any) -> None:
    with pytest.raises(ValueError, match=r"share|key"):
        RequestLog(tmp_path, **options)


def test_it_is_installed_without_tensorflow() -> None:
    code = (
        "import sys, serving.request_log; print(any(name.startswith('tensorflow') for name in sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
