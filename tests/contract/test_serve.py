"""`python -m serving serve` on a machine with neither tensorflow_model_server nor Docker."""

import os
import re
import signal
import subprocess
import sys

import pytest

from serving.client import Client
from tests.pipeline_run import PROJECT, PipelineRun

pytestmark = pytest.mark.slow


def test_the_local_server_answers_from_the_pushed_models(sample_run: PipelineRun) -> None:
    models = sample_run.output / "serving"
    command = [sys.executable, "-m", "serving", "serve", f"--models={models}"]
    with subprocess.Popen(
        [*command, "--port=0", "--rest-api-port=0"],
        cwd=PROJECT,
        env={**os.environ, "PATH": "/nowhere"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        ready = re.search(r"grpc=(\S+)", process.stdout.readline())
        assert ready is not None, process.stderr.read()
        with Client(ready[1]) as client:
            [best] = client.recommend_many(["1"], k=3)
        process.send_signal(signal.SIGTERM)
        err = process.stderr.read()
    assert process.returncode == 0
    assert best.versions == {"recommender": int(sample_run.model("recommender").name)}
    assert len(best.movies) == 3
    assert (
        f"serving recommender, retrieval, ranking below {models} with the local server, which is for "
        "development; "
        "tensorflow_model_server is not on the PATH; docker is not on the PATH\n" in err
    )
