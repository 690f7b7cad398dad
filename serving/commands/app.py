"""Runs the web application for people who pick a film, over a model server with TensorFlow Serving's API.

It shows lists with reasons, similar films and a search, takes ratings, and has a page for whoever runs it
(/inside) and a JSON API (/api/v1/openapi.json). It does not have accounts: whoever opens it can be any user
of the data. It listens on the loopback interface unless --host names another one.
"""

from __future__ import annotations

import argparse
import logging
import signal
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Final

import grpc
import uvicorn

from contracts.signatures import RECOMMENDER
from serving.app.application import create_app
from serving.app.guards import JsonLines
from serving.app.published import PublishedError
from serving.app.settings import AppSettings
from serving.client import Client, ServingError
from serving.commands import CommandError
from serving.commands.connection import add_connection_flags, connect
from serving.commands.model_server_process import ModelServerProcess
from serving.commands.request_log_flags import add_request_log_flags, request_log
from serving.feedback import FeedbackError

EXAMPLES: Final = """\
  python -m serving app                              beside a model server at localhost:8500
  python -m serving app --start-model-server         starts one too, as `make app` does
  python -m serving app --models runs/1m/serving --server models.example:8500 --port 8080
  python -m serving app --variant stable --variant canary
"""
# Pages do without the model server rather than wait longer.
_PAGE_TIMEOUT: Final = 3.0
_CHECK_TIMEOUT: Final = 1.0
_LEAST_SECRET: Final = 16
_STOPPING: Final = (signal.SIGTERM, signal.SIGINT)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the command's flags."""
    parser.add_argument(
        "--models",
        metavar="DIR",
        type=Path,
        default=Path("runs/serving"),
        help="the folder of pushed models, for catalogue and metrics (default: %(default)s)",
    )
    parser.add_argument(
        "--feedback",
        metavar="DIR",
        type=Path,
        help="where ratings and impressions go, on a local disk (default: feedback/ beside the models)",
    )
    parser.add_argument("--host", default="127.0.0.1", help="to listen on (default: %(default)s)")
    parser.add_argument(
        "--port",
        metavar="N",
        type=_port,
        default=8000,
        help="of the pages; 0 is a free one (default: %(default)s)",
    )
    parser.add_argument(
        "--variant",
        metavar="LABEL",
        action="append",
        default=[],
        help="label of a version of the recommender; given twice or more, users are divided among them",
    )
    parser.add_argument(
        "--requests-per-minute",
        metavar="N",
        type=_positive,
        default=600,
        help="of one client address, beyond which it gets 429 (default: %(default)s)",
    )
    parser.add_argument(
        "--secret-file",
        metavar="FILE",
        type=Path,
        help="signs the cookies (default: a new secret, so sessions end with the process)",
    )
    parser.add_argument(
        "--secure-cookies", action="store_true", help="send the cookie over HTTPS only, behind a proxy"
    )
    parser.add_argument(
        "--start-model-server", action="store_true", help="serve --models too, at the port of --server"
    )
    add_request_log_flags(parser)
    add_connection_flags(parser, _PAGE_TIMEOUT, "each call of the model server")


def run(options: argparse.Namespace) -> int:
    """Runs until it is stopped."""
    if len(options.variant) == 1:
        raise CommandError("--variant names one label: name two or more, or leave it out")
    if len(set(options.variant)) < len(options.variant):
        raise CommandError("--variant names a label twice: each is to be another one")
    settings = AppSettings(
        models=options.models,
        feedback=options.feedback or options.models.absolute().parent / "feedback",
        variants=tuple(options.variant),
        requests_per_minute=options.requests_per_minute,
        secure_cookies=options.secure_cookies,
        **({"secret": _secret(options.secret_file)} if options.secret_file else {}),
    )
    with request_log(options) as log, connect(options, log) as client:
        try:
            app = create_app(settings, client, options.server)
        except (PublishedError, FeedbackError) as error:
            raise CommandError(str(error)) from error
        _log_as_json()
        config = uvicorn.Config(app, access_log=False, log_config=None, server_header=False)
        server = uvicorn.Server(config)
        with _listening(options) as listening, _model_server(options, client, server) as failed, _signals():
            host, port = listening.getsockname()[:2]
            print(f"pages at http://{host}:{port}, API at /api/v1/openapi.json", flush=True)
            server.run([listening])
    if failed:
        raise CommandError(failed[0])
    return 0


def _listening(options: argparse.Namespace) -> socket.socket:
    family = socket.AF_INET6 if ":" in options.host else socket.AF_INET
    try:
        listening = socket.create_server((options.host, options.port), family=family, backlog=2048)
    except OSError as error:
        raise CommandError(
            f"{options.host}, port {options.port}: {error.strerror}; name another --host or --port"
        ) from error
    # Connections inherit it; asyncio sets it only where the protocol of the socket is named. Without it, a
    # page waits 40 ms between head and body for the acknowledgement of the browser (Nagle's algorithm).
    listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listening


@contextmanager
def _signals() -> Iterator[None]:
    """Keeps this process until the model server has ended: the server of the pages raises signals again."""
    previous = [signal.signal(number, lambda *_: None) for number in _STOPPING]
    try:
        yield
    finally:
        for number, handler in zip(_STOPPING, previous):
            signal.signal(number, handler)


@contextmanager
def _model_server(options: argparse.Namespace, client: Client, server: uvicorn.Server) -> Iterator[list[str]]:
    """A model server beside the application, if the flags want one; the application needs its first start."""
    failed: list[str] = []
    if not options.start_model_server:
        yield failed
        return

    def end(reason: str) -> None:
        failed.append(reason)
        server.should_exit = True

    command, answers = _serve_command(options), partial(_answers, client)
    with ModelServerProcess(command, answers, lambda: not server.should_exit, end):
        yield failed


def _serve_command(options: argparse.Namespace) -> list[str]:
    if options.tls or options.tls_ca or options.tls_cert or options.tls_key:
        raise CommandError("--start-model-server starts one without TLS: leave the flags of TLS out")
    host, _, port = options.server.rpartition(":")
    if host not in ("localhost", "127.0.0.1"):
        raise CommandError(
            f"--start-model-server starts one on this machine, and --server is {options.server}"
        )
    _check_free(int(port))
    flags = [f"--models={options.models}", f"--port={port}", "--rest-api-port=0"]
    return [sys.executable, "-m", "serving", "serve", *flags]


def _check_free(port: int) -> None:
    try:
        with socket.socket() as probe:
            # As servers do, so that connections that have just ended do not count.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", port))
    except OSError as error:
        raise CommandError(
            f"port {port}, for the model server: {error.strerror}; end what listens there, name another port "
            "with --server, or leave --start-model-server out if it is a model server"
        ) from error


def _answers(client: Client) -> bool:
    """Whether the model server answers, be it with an error; it does not before it has its models."""
    try:
        client.status(RECOMMENDER, timeout=_CHECK_TIMEOUT)
    except ServingError as error:
        return error.code not in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED)
    return True


def _secret(file: Path) -> str:
    try:
        secret = file.read_text(encoding="utf-8").strip()
    except OSError as error:
        raise CommandError(f"{file} cannot be read: {error.strerror}") from error
    if len(secret) < _LEAST_SECRET:
        raise CommandError(f"{file} holds {len(secret)} characters: a secret has {_LEAST_SECRET} or more")
    return secret


def _log_as_json() -> None:
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines())
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)


def _port(text: str) -> int:
    if not text.isdecimal() or not int(text) < 2**16:
        raise argparse.ArgumentTypeError(f"{text!r} is not a port from 0 to 65535")
    return int(text)


def _positive(text: str) -> int:
    if not text.isdecimal() or not int(text):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 1 on")
    return int(text)
