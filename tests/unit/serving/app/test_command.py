"""`python -m serving app`: what keeps it from starting, in one line with what to do."""

import argparse
import socket
from pathlib import Path

import pytest

from serving.__main__ import main
from serving.commands.app import _listening
from serving.request_log import RequestLog


def refused(capsys: pytest.CaptureFixture[str], *flags: str) -> str:
    assert main(["app", *flags]) == 1
    lines = capsys.readouterr().err.strip().splitlines()
    return lines[-1]


def test_a_folder_without_models(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "--models" in refused(capsys, f"--models={tmp_path}")


def test_one_variant_compares_nothing(models: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "--variant" in refused(capsys, f"--models={models}", "--variant=stable")


def test_a_label_twice_compares_nothing(models: Path, capsys: pytest.CaptureFixture[str]) -> None:
    flags = ("--variant=stable", "--variant=canary", "--variant=stable", "--port=0", "--server=localhost:1")
    assert "--variant" in refused(capsys, f"--models={models}", *flags)


def test_the_timeout_is_that_of_a_call(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["app", "--help"])
    words = " ".join(capsys.readouterr().out.split())
    assert "--timeout SECONDS for each call of the model server (default: 3)" in words
    assert "whole command" not in words


def test_a_port_that_is_taken(models: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert f"port {port}" in refused(capsys, f"--models={models}", f"--port={port}")


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_a_page_does_not_wait_for_the_acknowledgement_of_its_head(host: str) -> None:
    with (
        _listening(argparse.Namespace(host=host, port=0)) as listening,
        socket.create_connection(listening.getsockname()[:2]),
        listening.accept()[0] as connection,
    ):
        assert connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


def test_a_secret_that_is_short_or_missing(
    models: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "secret").write_text("short")
    assert "secret" in refused(capsys, f"--models={models}", f"--secret-file={tmp_path / 'secret'}")
    assert "nothing" in refused(capsys, f"--models={models}", f"--secret-file={tmp_path / 'nothing'}")


def test_a_model_server_of_its_own_is_on_this_machine(
    models: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    flags = ("--start-model-server", "--server=models.example:8500", "--port=0")
    assert "--start-model-server" in refused(capsys, f"--models={models}", *flags)


def test_a_model_server_of_its_own_is_without_tls(models: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "TLS" in refused(capsys, f"--models={models}", "--start-model-server", "--tls", "--port=0")


def test_feedback_has_to_be_writable(
    models: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("")
    assert "journal" in refused(capsys, f"--models={models}", f"--feedback={tmp_path / 'file'}")


@pytest.mark.parametrize(
    "flag", ["--request-log-share=0", "--request-log-share=1.5", "--request-log-share=x"]
)
def test_a_share_of_the_requests_that_cannot_be(flag: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["app", flag])
    assert "--request-log-share" in capsys.readouterr().err


def test_a_request_log_that_cannot_be_written(
    models: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    flags = (f"--models={models}", f"--request-log={tmp_path / 'log'}")
    assert "nothing" in refused(capsys, *flags, f"--request-log-key-file={tmp_path / 'nothing'}")
    (tmp_path / "key").write_text("\n")
    assert "key" in refused(capsys, *flags, f"--request-log-key-file={tmp_path / 'key'}")
    with RequestLog(tmp_path / "log"):
        assert "log" in refused(capsys, *flags)
