"""A client that nobody here wrote, unchanged."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.contract.model_server.servers import PATIENCE, Server

pytestmark = pytest.mark.slow


def test_ovmsclient_predicts_and_reads_metadata_and_status(server: Server) -> None:
    addresses = [f"127.0.0.1:{port}" for port in (server.grpc_port, server.rest_port)]
    done = subprocess.run(
        [sys.executable, str(Path(__file__).with_name("ovms_calls.py")), *addresses, "1"],
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    answers = json.loads(done.stdout)
    for answer in answers.values():
        assert answer["predict"] == [2.0, 3.0]
        assert answer["status"] == {"1": {"state": "AVAILABLE", "error_code": 0, "error_message": ""}}
        assert answer["errors"] == {
            "version": "ModelNotFoundError",
            "model": "ModelNotFoundError",
            "input": "InvalidInputError",
        }
    described = {"dtype": "DT_FLOAT", "shape": [-1]}
    assert answers["grpc"]["metadata"] == {
        "model_version": 1,
        "inputs": {"x": described},
        "outputs": {"y": described},
    }
    # It parses OpenVINO's spelling of this body, and hands on TensorFlow Serving's as it is.
    assert answers["rest"]["metadata"]["model_spec"] == {"name": "toy", "signature_name": "", "version": "1"}
