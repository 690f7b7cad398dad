"""The flags, which have the names that `tensorflow_model_server` gives them where it has them."""

import argparse
import os
from collections.abc import Sequence
from pathlib import Path

from serving.model_server.errors import ServingError, invalid_argument
from serving.model_server.limits import Limits
from serving.model_server.model_config import ModelConfig, read_model_config
from serving.model_server.server import Settings
from serving.model_server.versions import RetryPolicy

_DESCRIPTION = """\
Serves SavedModels over a subset of TensorFlow Serving's API, gRPC and REST, from a Python process. It is for
development, tests and machines without tensorflow_model_server and Docker; production wants the real one.
Flags without a note mean what they mean there; those marked with * are this server's own."""

_EXAMPLES = """\
examples:
  python -m serving.model_server --rest_api_port=8501 \\
      --model_name=retrieval --model_base_path=runs/serving/retrieval
  python -m serving.model_server --model_config_file=models.config --enable_batching
"""


def parse_flags(arguments: Sequence[str] | None = None) -> Settings:
    """Reads the command line and the files that it names.

    Raises:
        ServingError: a file is not there or makes no sense.
        SystemExit: a flag is wrong, or help was asked for.
    """
    parser = _parser()
    flags = parser.parse_args(arguments)
    if bool(flags.model_config_file) == bool(flags.model_base_path):
        parser.error("give either --model_config_file or --model_base_path")
    models = _models(flags)
    roots = [model.base_path for model in models] + [Path(os.path.abspath(root)) for root in flags.model_root]
    return Settings(
        address=flags.address,
        grpc_port=flags.port,
        rest_port=flags.rest_api_port,
        models=models,
        model_roots=roots,
        poll_seconds=flags.file_system_poll_wait_seconds,
        labels_before_versions=flags.allow_version_labels_for_unavailable_models,
        retry=RetryPolicy(flags.max_num_load_retries, flags.load_retry_interval_micros / 1e6),
        limits=Limits(flags.max_message_bytes, flags.max_batch_rows, flags.max_inflight_requests),
        threads=flags.request_threads,
        drain_seconds=flags.drain_seconds,
        rest_timeout_seconds=flags.rest_api_timeout_in_ms / 1000,
    )


def _models(flags: argparse.Namespace) -> list[ModelConfig]:
    if flags.model_config_file:
        models = read_model_config(flags.model_config_file)
        if not models:
            raise invalid_argument(f"--model_config_file {flags.model_config_file} lists no models")
        return models
    return [ModelConfig(flags.model_name, Path(os.path.abspath(flags.model_base_path)))]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        "python -m serving.model_server",
        description=_DESCRIPTION,
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    ports = parser.add_argument_group("ports")
    ports.add_argument("--port", type=_port, default=8500, help="gRPC (8500); 0 takes a free port*")
    ports.add_argument("--rest_api_port", type=_port, help="HTTP; off without the flag; 0 takes a free port*")
    ports.add_argument("--address", default="127.0.0.1", help="* the interface to listen on (127.0.0.1: this machine)")
    ports.add_argument(
        "--rest_api_timeout_in_ms", type=_positive, default=30_000, help="how long an HTTP request may take (30000)"
    )
    models = parser.add_argument_group("models")
    models.add_argument("--model_config_file", type=Path, help="a text-format ModelServerConfig")
    models.add_argument("--model_name", default="default", help="the name of the one model (default)")
    models.add_argument("--model_base_path", type=Path, help="the folder of its versions")
    models.add_argument(
        "--model_root",
        type=Path,
        action="append",
        default=[],
        metavar="FOLDER",
        help="* a folder below which HandleReloadConfigRequest may name models, besides those of the command line; "
        "repeatable",
    )
    models.add_argument(
        "--file_system_poll_wait_seconds",
        type=float,
        default=1.0,
        help="how often to look for new versions (1); 0 looks once",
    )
    models.add_argument(
        "--allow_version_labels_for_unavailable_models",
        **_SWITCH,
        help="lets a new label name a version that is not loaded yet, as every label is when the server starts",
    )
    models.add_argument(
        "--max_num_load_retries", type=_count, default=5, help="how often to try a version again that failed (5)"
    )
    models.add_argument(
        "--load_retry_interval_micros", type=_count, default=60_000_000, help="how long to wait before (60 s)"
    )
    limits = parser.add_argument_group("limits: what is beyond them gets RESOURCE_EXHAUSTED")
    limits.add_argument(
        "--max_message_bytes", type=_positive, default=64 * 2**20, help="* bytes of a request and of each tensor (64 MiB)"
    )
    limits.add_argument("--max_batch_rows", type=_positive, default=10_000, help="* rows of a request (10000)")
    limits.add_argument(
        "--max_inflight_requests", type=_positive, default=256, help="* requests under way, waiting ones too (256)"
    )
    limits.add_argument(
        "--request_threads",
        type=_positive,
        default=2 * (os.cpu_count() or 1),
        help="* requests that compute at once (two for each core)",
    )
    limits.add_argument(
        "--drain_seconds", type=float, default=30.0, help="* how long requests may take to end after SIGTERM (30)"
    )
    return parser


def _switch(text: str) -> bool:
    values = {"true": True, "1": True, "false": False, "0": False}
    if text.lower() not in values:
        raise argparse.ArgumentTypeError(f"{text!r} is neither true nor false")
    return values[text.lower()]


# A flag that may stand alone or be set, as `--flag` or `--flag=false`.
_SWITCH = {"type": _switch, "nargs": "?", "const": True, "default": False, "metavar": "true|false"}


def _port(text: str) -> int:
    return _number(text, 0, 65_535)


def _positive(text: str) -> int:
    return _number(text, 1, 2**31 - 1)


def _count(text: str) -> int:
    return _number(text, 0, 2**63 - 1)


def _number(text: str, least: int, most: int) -> int:
    try:
        number = int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number") from None
    if not least <= number <= most:
        raise argparse.ArgumentTypeError(f"{number} is not between {least} and {most}")
    return number
