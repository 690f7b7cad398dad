"""Flags with the address of the server, and the client that they make."""

from __future__ import annotations

import argparse
from pathlib import Path

from contracts.signatures import MAX_SLOTS
from serving.client import Client, Tls
from serving.client.calls import Version
from serving.client.endpoint import DEFAULT_ADDRESS, DEFAULT_TIMEOUT
from serving.client.telemetry import OnRequest
from serving.commands import CommandError


def add_connection_flags(
    parser: argparse.ArgumentParser, timeout: float = DEFAULT_TIMEOUT, timeout_of: str = "the whole command"
) -> None:
    """Adds the flags of every command that connects to a server."""
    group = parser.add_argument_group("server")
    group.add_argument(
        "--server",
        metavar="HOST:PORT",
        type=_address,
        default=DEFAULT_ADDRESS,
        help="its gRPC port (default: %(default)s)",
    )
    group.add_argument(
        "--timeout",
        metavar="SECONDS",
        type=float,
        default=timeout,
        help=f"for {timeout_of} (default: %(default)g)",
    )
    group.add_argument("--tls", action="store_true", help="connect with TLS")
    group.add_argument(
        "--tls-ca",
        metavar="FILE",
        type=Path,
        help="PEM file of the authorities that may sign its certificate; implies --tls",
    )
    group.add_argument(
        "--tls-cert", metavar="FILE", type=Path, help="PEM file of our own certificate, for mutual TLS"
    )
    group.add_argument("--tls-key", metavar="FILE", type=Path, help="PEM file of its private key")
    group.add_argument(
        "--token-file",
        metavar="FILE",
        type=Path,
        help="file with a token to send with each request; with TLS",
    )


def add_json_flag(parser: argparse.ArgumentParser) -> None:
    """Adds the choice between a table and JSON."""
    parser.add_argument("--json", action="store_true", help="print one JSON object a line instead of tables")


def add_version_flag(parser: argparse.ArgumentParser, of: str = "model") -> None:
    """Adds the version of a model, or of what else is served."""
    parser.add_argument(
        "--version",
        metavar="VERSION",
        type=version,
        help=f"number or label of the {of}'s version (default: the latest)",
    )


def connect(options: argparse.Namespace, on_request: OnRequest | None = None) -> Client:
    """The client that the flags describe.

    Args:
      options: the flags.
      on_request: of the client.

    Raises:
      CommandError: the flags contradict each other, or a file cannot be read.
    """
    files = (options.tls_ca, options.tls_cert, options.tls_key)
    try:
        for file in filter(None, files):
            file.read_bytes()
        token = options.token_file.read_text(encoding="utf-8").strip() if options.token_file else None
        tls = Tls(*files) if options.tls or any(files) else None
        return Client(options.server, timeout=options.timeout, tls=tls, token=token, on_request=on_request)
    except OSError as error:
        raise CommandError(f"{error.filename} cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise CommandError(str(error)) from error


def count(text: str) -> int:
    """A number of movies on the command line."""
    if not text.isdecimal() or not 0 < int(text) <= MAX_SLOTS:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of movies from 1 to {MAX_SLOTS:,}")
    return int(text)


def _address(text: str) -> str:
    if text.startswith("unix:"):
        # The socket of TensorFlow Serving's `--grpc_socket_path`.
        return text
    host, _, port = text.rpartition(":")
    if not host or not port.isdecimal() or not 0 < int(port) < 2**16:
        raise argparse.ArgumentTypeError(f"{text!r} is not a host and a port from 1 to 65535, HOST:PORT")
    return text


def version(text: str) -> Version:
    """A version on the command line: a number, or else a label."""
    if not text.isdecimal():
        return text
    if int(text) >= 2**63:
        raise argparse.ArgumentTypeError(f"{text} is not a version: it does not fit 64 bits")
    return int(text)
