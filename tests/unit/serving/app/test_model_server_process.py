"""`python -m serving app --start-model-server`: processes that end, by themselves or with their parent."""

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import accumulate
from pathlib import Path
from urllib.request import urlopen

import pytest

from serving.__main__ import main
from serving.commands import model_server_process
from serving.commands.model_server_process import next_pause

PROJECT = Path(__file__).resolve().parents[4]
SECONDS = 120
# Answers every call with an error. Prints its process id.
MODEL_SERVER = f"""\
#!{sys.executable}
import os, signal, sys
from concurrent.futures import ThreadPoolExecutor
import grpc
port = sys.argv[1].partition("=")[2]
server = grpc.server(ThreadPoolExecutor(1))
server.add_insecure_port("127.0.0.1:" + port)
server.start()
print("PID", os.getpid(), flush=True)
signal.pause()
"""
Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def model_server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The executable that `serve` finds first."""
    file = tmp_path / "bin" / "tensorflow_model_server"
    file.parent.mkdir()
    file.write_text(MODEL_SERVER)
    file.chmod(0o755)
    monkeypatch.setenv("PATH", f"{file.parent}:/usr/bin:/bin")
    return file


@pytest.fixture
def start(models: Path, model_server: Path) -> Iterator[Start]:
    """Starts a command of `python -m serving` whose processes end with the test."""
    started: list[subprocess.Popen[str]] = []

    def new(command: str, *flags: str) -> "subprocess.Popen[str]":
        process = subprocess.Popen(
            [sys.executable, "-m", "serving", command, f"--models={models}", *flags],
            cwd=PROJECT,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        started.append(process)
        return process

    yield new
    for process in started:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as found:
        return int(found.getsockname()[1])


def start_app(start: Start) -> "subprocess.Popen[str]":
    return start("app", "--start-model-server", f"--server=localhost:{free_port()}", "--port=0")


def line_with(process: "subprocess.Popen[str]", text: str) -> str:
    """The next line of output that has the text."""
    assert process.stdout is not None
    read = []
    for line in process.stdout:
        if text in line:
            return line
        read.append(line)
    pytest.fail(f"no line has {text!r}:\n{''.join(read)}")


def wait_for_server(process: "subprocess.Popen[str]") -> int:
    """The id of the model server's process, once the application has found that it answers."""
    pid = int(line_with(process, "PID ").split()[1])
    assert json.loads(line_with(process, model_server_process.__name__))["level"] == "info"
    return pid


def test_the_application_outlives_its_model_server_and_starts_another(start: Start) -> None:
    app = start_app(start)
    address = line_with(app, "http://").split()[2].rstrip(",")
    for _ in range(2):
        os.kill(wait_for_server(app), signal.SIGKILL)
        ended = json.loads(line_with(app, model_server_process.__name__))
        assert ended["level"] == "warning"
        assert str(128 + signal.SIGKILL) in ended["message"]
        assert urlopen(f"{address}/healthz", timeout=SECONDS).status == 200
    wait_for_server(app)
    app.terminate()
    app.communicate(timeout=SECONDS)
    assert app.returncode in (0, -signal.SIGTERM)


def test_the_model_server_ends_with_a_killed_application(start: Start) -> None:
    app = start_app(start)
    wait_for_server(app)
    app.kill()
    # The output ends when every process that has it has ended.
    app.communicate(timeout=SECONDS)


def test_the_model_server_ends_with_a_killed_serve(start: Start) -> None:
    serve = start("serve", f"--port={free_port()}")
    line_with(serve, "PID ")
    serve.kill()
    serve.communicate(timeout=SECONDS)


def test_a_model_server_that_cannot_start_ends_the_application(start: Start, model_server: Path) -> None:
    model_server.write_text("#!/bin/sh\nexit 3\n")
    app = start_app(start)
    out, _ = app.communicate(timeout=SECONDS)
    assert app.returncode == 1
    assert "status 3" in out.splitlines()[-1]


def test_a_port_of_the_model_server_that_is_taken(models: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        server = f"--server=localhost:{taken.getsockname()[1]}"
        assert main(["app", f"--models={models}", "--start-model-server", server, "--port=0"]) == 1
        last = capsys.readouterr().err.splitlines()[-1]
    assert server.rpartition(":")[2] in last
    assert "--server" in last


def test_pauses_grow_up_to_the_longest_one_and_start_again_after_a_server_that_ran() -> None:
    pauses = list(accumulate([1.0] * 7, next_pause, initial=0.0))[1:]
    assert pauses == [1, 2, 4, 8, 16, 30, 30]
    assert next_pause(30, 31) == 1
