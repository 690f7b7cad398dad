"""Serves the pushed models with what this machine has, and prints which server that is.

The choice is tensorflow_model_server where it is on the PATH, else Docker where an engine answers (with
deploy/serving/compose.yaml), else the local server of this project, which is for development.
"""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from types import FrameType
from typing import Final, NamedTuple

from google.protobuf import text_format
from tensorflow_serving.config import model_server_config_pb2

from contracts import signatures
from serving.commands import CommandError
from serving.commands.child_process import ends_with_this_process

EXAMPLES: Final = """\
  python -m serving serve
  python -m serving serve --models runs/1m/serving --port 9500 --rest-api-port 9501
  python -m serving serve --server local
"""
STOCK, DOCKER, LOCAL = "tensorflow_model_server", "docker", "local"
DEPLOY: Final = Path(__file__).resolve().parents[2] / "deploy" / "serving"
MODELS_CONFIG: Final = "models.config"
# A Docker client without an engine can take a while to fail.
_DOCKER_SECONDS: Final = 10


class Server(NamedTuple):
    """A server that was chosen: what to start, with which additions to the environment, and why it."""

    command: list[str]
    environment: Mapping[str, str]
    reason: str


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the command's flags."""
    parser.add_argument(
        "--models",
        metavar="DIR",
        type=Path,
        default=Path("runs/serving"),
        help="the folder that holds recommender/, retrieval/ and ranking/ (default: %(default)s)",
    )
    parser.add_argument(
        "--server", choices=(STOCK, DOCKER, LOCAL), help="take this one (default: the first that is there)"
    )
    parser.add_argument("--port", metavar="N", type=_port, default=8500, help="gRPC (default: %(default)s)")
    parser.add_argument(
        "--rest-api-port", metavar="N", type=_port, default=8501, help="REST (default: %(default)s)"
    )


def run(options: argparse.Namespace) -> int:
    """Starts the server, passes signals on and returns its exit status."""
    if not DEPLOY.is_dir():
        raise CommandError(f"{DEPLOY} is not there: `serve` works in a clone of the project")
    models = options.models.absolute()
    with tempfile.TemporaryDirectory(prefix="movielens-serving-") as folder:
        config = Path(folder) / MODELS_CONFIG
        names = _write_config(config, models)
        server = _choose(options, models, config, names)
        print(f"serving {', '.join(names)} below {models} with {server.reason}", file=sys.stderr, flush=True)
        return _run(server)


def _write_config(file: Path, models: Path) -> list[str]:
    """Writes models.config for this machine's folders; returns the models that have a version."""
    config = text_format.Parse(
        (DEPLOY / MODELS_CONFIG).read_text(encoding="utf-8"), model_server_config_pb2.ModelServerConfig()
    )
    listed = list(config.model_config_list.config)
    there = []
    for model in listed:
        # A joint model answers the requests of all, under their names. Numbers of versions are times.
        newest = {name: _newest_version(models / name) for name in (model.name, signatures.JOINT)}
        folder = max(newest, key=lambda name: newest[name])
        model.base_path = str(models / folder)
        if newest[folder] >= 0:
            there.append(model)
        else:
            print(f"{models / model.name} does not hold a version and is left out", file=sys.stderr)
    if not {signatures.RECOMMENDER, signatures.RETRIEVAL} & {model.name for model in there}:
        raise CommandError(
            f"no model to serve in {models}: run `make run` first, or name a folder with --models"
        )
    del config.model_config_list.config[:]
    config.model_config_list.config.extend(there)
    file.write_text(text_format.MessageToString(config), encoding="utf-8")
    return [model.name for model in there]


def _newest_version(folder: Path) -> int:
    """-1 if there is none."""
    return max(
        (int(path.name) for path in folder.glob("*") if path.name.isdecimal() and path.is_dir()), default=-1
    )


def _choose(options: argparse.Namespace, models: Path, config: Path, names: list[str]) -> Server:
    """The first server that this machine has, or the one of the flag.

    Raises:
      CommandError: that one is not there.
    """
    makers: dict[str, Callable[[], Server | str]] = {
        STOCK: lambda: _stock(options, config),
        DOCKER: lambda: _docker(options, models, names),
        LOCAL: lambda: _local(options, config),
    }
    missing: list[str] = []
    for name, make in makers.items():
        if options.server in (None, name):
            server = make()
            if isinstance(server, Server):
                return server._replace(reason="; ".join([server.reason, *missing]))
            missing.append(server)
    raise CommandError("; ".join(missing))


def _stock(options: argparse.Namespace, config: Path) -> Server | str:
    binary = shutil.which(STOCK)
    if binary is None:
        return f"{STOCK} is not on the PATH"
    flags = [
        f"--port={options.port}",
        f"--rest_api_port={options.rest_api_port}",
        f"--model_config_file={config}",
        f"--monitoring_config_file={DEPLOY / 'monitoring.config'}",
        "--enable_batching=true",
        "--enable_per_model_batching_parameters=true",
        f"--batching_parameters_file={DEPLOY / 'batching.config'}",
        "--enable_grpc_healthcheck_service=true",
    ]
    return Server([binary, *flags], {}, f"{binary}, which listens on every interface")


def _docker(options: argparse.Namespace, models: Path, names: list[str]) -> Server | str:
    docker = shutil.which("docker")
    if docker is None:
        return "docker is not on the PATH"
    for command, problem in (
        (["version", "--format", "{{.Server.Version}}"], "no Docker engine answers"),
        (["compose", "version"], "this Docker does not have `docker compose`"),
    ):
        try:
            subprocess.run(
                [docker, *command],
                check=True,
                timeout=_DOCKER_SECONDS,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
        except (OSError, subprocess.SubprocessError):
            return problem
    if set(names) != {signatures.RECOMMENDER, signatures.RETRIEVAL, signatures.RANKING}:
        return f"the image waits for every model of {MODELS_CONFIG} and one is missing"
    environment = {
        "MODELS": str(models),
        "GRPC_PORT": str(options.port),
        "REST_PORT": str(options.rest_api_port),
    }
    command = [docker, "compose", "--file", str(DEPLOY / "compose.yaml"), "up", "--abort-on-container-exit"]
    # Not the application, which is a service of the same file.
    command.append("tensorflow-serving")
    return Server(command, environment, "Docker, in the image of deploy/serving/compose.yaml")


def _local(options: argparse.Namespace, config: Path) -> Server:
    flags = [
        f"--port={options.port}",
        f"--rest_api_port={options.rest_api_port}",
        f"--model_config_file={config}",
        f"--monitoring_config_file={DEPLOY / 'monitoring.config'}",
    ]
    command = [sys.executable, "-m", "serving.model_server", *flags]
    return Server(command, {}, "the local server, which is for development")


def _run(server: Server) -> int:
    command = ends_with_this_process(server.command)
    with subprocess.Popen(command, env={**os.environ, **server.environment}) as process:

        def pass_on(number: int, frame: FrameType | None) -> None:
            process.send_signal(number)

        # A Ctrl-C reaches the server by itself; this process has to wait for it, and then to tidy up.
        previous = [signal.signal(signal.SIGTERM, pass_on), signal.signal(signal.SIGINT, lambda *_: None)]
        try:
            status = process.wait()
            # Of a process that a signal ended, as in a shell.
            return status if status >= 0 else 128 - status
        finally:
            for number, handler in zip((signal.SIGTERM, signal.SIGINT), previous):
                signal.signal(number, handler)


def _port(text: str) -> int:
    if not text.isdecimal() or not int(text) < 2**16:
        raise argparse.ArgumentTypeError(f"{text!r} is not a port from 0 to 65535")
    return int(text)
