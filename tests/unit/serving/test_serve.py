"""`python -m serving serve`: which server it takes, how it starts it, what it prints."""

import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from google.protobuf import text_format
from tensorflow_serving.config import model_server_config_pb2

from serving.__main__ import main

PROJECT = Path(__file__).resolve().parents[3]
# Writes down its arguments, its environment and the models.config that it was given.
TOOL = """\
#!/bin/sh
{{
  for argument; do echo "$argument"; done
  env | grep -E '^(MODELS|GRPC_PORT|REST_PORT)=' | sort
}} >"{folder}/{name}-$1.arguments"
for argument; do
  case $argument in --model_config_file=*) cp "${{argument#*=}}" "{folder}/models.config" ;; esac
done
{then}
"""

Tool = Callable[..., None]


@pytest.fixture
def tool(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Tool:
    """Makes an executable on a PATH that has little else."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")

    def make(name: str, then: str = "exit 0") -> None:
        file = folder / name
        file.write_text(TOOL.format(folder=tmp_path, name=name, then=then))
        file.chmod(0o755)

    return make


@pytest.fixture
def models(tmp_path: Path) -> Path:
    for name in ("recommender", "retrieval", "ranking"):
        (tmp_path / "models" / name / "7").mkdir(parents=True)
    return tmp_path / "models"


def arguments(tmp_path: Path, name: str) -> list[str]:
    return (tmp_path / f"{name}.arguments").read_text().splitlines()


def test_the_stock_server_comes_first(
    tool: Tool, models: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tool("tensorflow_model_server", then="exit 3")
    tool("docker")
    assert main(["serve", f"--models={models}", "--port=9000"]) == 3
    flags = arguments(tmp_path, "tensorflow_model_server---port=9000")
    assert "--rest_api_port=8501" in flags
    for flag in flags:
        name, _, value = flag.partition("=")
        assert not name.endswith("_file") or name == "--model_config_file" or Path(value).is_file()
    config = text_format.Parse(
        (tmp_path / "models.config").read_text(), model_server_config_pb2.ModelServerConfig()
    )
    assert {model.name: model.base_path for model in config.model_config_list.config} == {
        "recommender": f"{models}/recommender",
        "retrieval": f"{models}/retrieval",
        "ranking": f"{models}/ranking",
    }
    assert (
        f"serving recommender, retrieval, ranking below {models} with {tmp_path}/bin/tensorflow_model_server"
        in capsys.readouterr().err
    )


def test_docker_comes_next_if_an_engine_answers(
    tool: Tool, models: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tool("docker")
    assert main(["serve", f"--models={models}", "--rest-api-port=9001"]) == 0
    assert arguments(tmp_path, "docker-version") == ["version", "--format", "{{.Server.Version}}"]
    assert arguments(tmp_path, "docker-compose") == [
        *("compose", "--file", str(PROJECT / "deploy" / "serving" / "compose.yaml")),
        *("up", "--abort-on-container-exit", "tensorflow-serving"),
        *("GRPC_PORT=8500", f"MODELS={models}", "REST_PORT=9001"),
    ]
    assert "with Docker" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("then", "reason"),
    [
        ("exit 1", "no Docker engine answers"),
        ('test "$1" = version', "this Docker does not have `docker compose`"),
        ("exit 0", "the image waits for every model of models.config and one is missing"),
    ],
)
def test_a_docker_that_cannot_serve_is_refused_with_the_reason(
    then: str, reason: str, tool: Tool, models: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tool("docker", then)
    if then == "exit 0":
        (models / "ranking" / "7").rmdir()
    assert main(["serve", f"--models={models}", "--server=docker"]) == 1
    assert f"error: {reason}" in capsys.readouterr().err


def test_a_chosen_server_has_to_be_there(
    tool: Tool, models: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    del tool
    assert main(["serve", f"--models={models}", "--server=tensorflow_model_server"]) == 1
    assert "tensorflow_model_server" in capsys.readouterr().err


def test_without_a_model_there_is_nothing_to_serve(
    tool: Tool, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tool("tensorflow_model_server")
    assert main(["serve", f"--models={tmp_path}"]) == 1
    assert f"error: no model to serve in {tmp_path}: run `make run` first" in capsys.readouterr().err
    assert not list(tmp_path.glob("*.arguments"))


def test_a_model_without_a_version_is_left_out(
    tool: Tool, models: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tool("tensorflow_model_server")
    (models / "ranking" / "7").rename(models / "ranking" / "7.partial")
    assert main(["serve", f"--models={models}"]) == 0
    assert "ranking" not in (tmp_path / "models.config").read_text()
    assert f"{models}/ranking does not hold a version and is left out" in capsys.readouterr().err


def test_a_joint_model_stands_for_the_models_that_are_older(tool: Tool, models: Path, tmp_path: Path) -> None:
    tool("tensorflow_model_server")
    (models / "joint" / "8").mkdir(parents=True)
    (models / "retrieval" / "9").mkdir()
    assert main(["serve", f"--models={models}"]) == 0
    config = text_format.Parse(
        (tmp_path / "models.config").read_text(), model_server_config_pb2.ModelServerConfig()
    )
    assert {model.name: Path(model.base_path).name for model in config.model_config_list.config} == {
        "recommender": "joint",
        "retrieval": "retrieval",
        "ranking": "joint",
    }


def test_a_signal_reaches_the_server_and_nothing_is_left_behind(
    tool: Tool, models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    monkeypatch.setenv("TMPDIR", str(temporary))
    tool(
        "tensorflow_model_server", then="trap 'echo bye; exit 5' TERM; echo up; while :; do sleep 0.05; done"
    )
    command = [sys.executable, "-m", "serving", "serve", f"--models={models}"]
    with subprocess.Popen(command, cwd=PROJECT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "up\n"
        assert list(temporary.iterdir())
        process.send_signal(signal.SIGTERM)
        assert process.stdout.read() == "bye\n"
    assert process.returncode == 5
    assert not list(temporary.iterdir())
