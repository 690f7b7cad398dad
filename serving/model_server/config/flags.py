"""The flags, which have the names that `tensorflow_model_server` gives them where it has them."""

import argparse
import logging
import math
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from serving.model_server.config.model_config import ModelConfig, read_model_config
from serving.model_server.config.text_protos import read_batching, read_metrics_path, read_tls
from serving.model_server.errors import invalid_argument
from serving.model_server.limits import Limits
from serving.model_server.models.versions import RetryPolicy
from serving.model_server.server import Settings

_DESCRIPTION = """\
Serves SavedModels over a subset of TensorFlow Serving's API, gRPC and REST, from a Python process.
It is for development, tests and machines without tensorflow_model_server and Docker; production
wants the real one. Flags mean what they mean there; those marked with * are this server's own. Flags of
TensorFlow Serving 2.16 that change speed or memory alone are accepted and named in a warning."""

_LOG = logging.getLogger(__name__)

# Flags of TensorFlow Serving 2.16 that change how fast it answers, and not what. Those that would change what
# is served or who may read it, such as --use_alts_credentials, are refused.
IGNORED = (
    *("enable_profiler", "enable_signature_method_name_check", "flush_filesystem_caches"),
    *("grpc_channel_arguments", "grpc_max_threads", "num_load_threads", "num_unload_threads"),
    *("num_request_iterations_for_warmup", "num_tflite_interpreters_per_pool", "num_tflite_pools"),
    *("per_process_gpu_memory_fraction", "remove_unused_fields_from_bundle_metagraph"),
    *("rest_api_num_threads", "tensorflow_inter_op_parallelism", "tensorflow_intra_op_parallelism"),
    *("tensorflow_session_config_file", "tensorflow_session_parallelism"),
    *("thread_pool_factory_config_file", "xla_cpu_compilation_enabled"),
)

_EXAMPLES = """\
examples:
  python -m serving.model_server --rest_api_port=8501 \\
      --model_name=retrieval --model_base_path=runs/serving/retrieval
  python -m serving.model_server --model_config_file=models.config --enable_batching

It prints a line to standard output when it is ready, with its addresses:
  model_server: ready grpc=127.0.0.1:8500 rest=127.0.0.1:8501
SIGTERM stops it: health turns NOT_SERVING, requests under way are finished, the exit status is 0."""


def parse_flags(arguments: Sequence[str] | None = None) -> Settings:
    """Reads the command line and the files that it names.

    Raises:
      ServingError: a file is not there or makes no sense.
      SystemExit: a flag is wrong, or --help was given.
    """
    parser = _parser()
    flags = parser.parse_args(arguments)
    if bool(flags.model_config_file) == bool(flags.model_base_path):
        parser.error("give either --model_config_file or --model_base_path")
    if flags.batching_parameters_file and not flags.enable_batching:
        parser.error("--batching_parameters_file is set without --enable_batching")
    if flags.enable_per_model_batching_parameters and not flags.enable_batching:
        parser.error("--enable_per_model_batching_parameters is set without --enable_batching")
    if flags.monitoring_config_file and flags.rest_api_port is None:
        parser.error("--monitoring_config_file needs --rest_api_port, where Prometheus reads")
    if ignored := [f"--{name}" for name in IGNORED if getattr(flags, name) is not None]:
        _LOG.warning(
            "This server does not have what these flags change, and ignores them: %s", ", ".join(ignored)
        )
    models = _models(flags)
    return Settings(
        address=flags.address,
        grpc_port=flags.port,
        rest_port=flags.rest_api_port,
        models=models,
        model_roots=[*(model.base_path for model in models), *map(_absolute, flags.model_root)],
        poll_seconds=flags.file_system_poll_wait_seconds,
        labels_before_versions=flags.allow_version_labels_for_unavailable_models,
        retry=RetryPolicy(flags.max_num_load_retries, flags.load_retry_interval_micros / 1e6),
        limits=Limits(flags.max_message_bytes, flags.max_batch_rows, flags.max_inflight_requests),
        threads=flags.request_threads,
        drain_seconds=flags.drain_seconds,
        rest_timeout_seconds=flags.rest_api_timeout_in_ms / 1000,
        metrics_path=read_metrics_path(flags.monitoring_config_file)
        if flags.monitoring_config_file
        else None,
        warm_up=flags.enable_model_warmup,
        batching=read_batching(flags.batching_parameters_file, _cores()) if flags.enable_batching else None,
        per_model_batching=flags.enable_per_model_batching_parameters,
        tls=read_tls(flags.ssl_config_file) if flags.ssl_config_file else None,
        health=flags.enable_grpc_healthcheck_service,
        cors=flags.rest_api_enable_cors_support,
        config_file=flags.model_config_file,
        config_poll_seconds=flags.model_config_file_poll_wait_seconds,
    )


def _models(flags: argparse.Namespace) -> list[ModelConfig]:
    if not flags.model_config_file:
        return [ModelConfig(flags.model_name, _absolute(flags.model_base_path))]
    models = read_model_config(flags.model_config_file)
    if not models:
        raise invalid_argument(f"--model_config_file {flags.model_config_file} lists no models")
    return models


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        "python -m serving.model_server",
        description=_DESCRIPTION,
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    _add_ports(parser.add_argument_group("ports"))
    _add_models(parser.add_argument_group("models"))
    _add_files(parser.add_argument_group("batching, TLS and metrics: text protos"))
    _add_limits(parser.add_argument_group("limits, beyond which a request gets RESOURCE_EXHAUSTED"))
    for name in IGNORED:
        parser.add_argument(f"--{name}", nargs="?", const="true", help=argparse.SUPPRESS)
    return parser


def _add_ports(group: argparse._ArgumentGroup) -> None:
    group.add_argument("--port", type=_port, default=8500, help="gRPC (8500); 0 takes a free port*")
    group.add_argument("--rest_api_port", type=_port, help="HTTP; off without the flag; 0 takes a free port*")
    group.add_argument(
        "--address", default="127.0.0.1", help="* the interface to listen on (127.0.0.1: this machine alone)"
    )
    group.add_argument(
        "--rest_api_timeout_in_ms", type=_positive, default=30_000, help="how long REST may take (30000)"
    )
    group.add_argument(
        "--rest_api_enable_cors_support", **_SWITCH, help="let pages of other origins call REST"
    )
    group.add_argument(
        "--enable_grpc_healthcheck_service",
        **(_SWITCH | {"default": True}),
        help="grpc.health.v1, SERVING while every model has a version that answers (true*)",
    )
    group.add_argument(
        "--drain_seconds",
        type=_seconds,
        default=30.0,
        help="* how long requests may take to end at the end (30)",
    )


def _add_models(group: argparse._ArgumentGroup) -> None:
    group.add_argument("--model_config_file", type=Path, help="a text-format ModelServerConfig")
    group.add_argument(
        "--model_config_file_poll_wait_seconds",
        type=_seconds,
        default=0.0,
        help="how often to read that file again (0: once)",
    )
    group.add_argument("--model_name", default="default", help="the name of the one model (default)")
    group.add_argument("--model_base_path", type=Path, help="the folder of its versions")
    group.add_argument(
        "--model_root",
        type=Path,
        action="append",
        default=[],
        metavar="FOLDER",
        help="* HandleReloadConfigRequest may name models below it; repeatable. Without it, only below the "
        "base paths of the command line",
    )
    group.add_argument(
        "--file_system_poll_wait_seconds",
        type=_seconds,
        default=1.0,
        help="how often to look for new versions (1); 0 looks once",
    )
    group.add_argument(
        "--allow_version_labels_for_unavailable_models",
        **_SWITCH,
        help="lets a new label name a version that is not loaded yet, as all are when the server starts",
    )
    group.add_argument(
        "--max_num_load_retries",
        type=_count,
        default=5,
        help="how often to try a version again that failed (5)",
    )
    group.add_argument(
        "--load_retry_interval_micros", type=_count, default=60_000_000, help="how long to wait before (60 s)"
    )
    group.add_argument(
        "--enable_model_warmup",
        **(_SWITCH | {"default": True}),
        help="answer a version's assets.extra/tf_serving_warmup_requests before it is used (true)",
    )


def _add_files(group: argparse._ArgumentGroup) -> None:
    group.add_argument("--enable_batching", **_SWITCH, help="join concurrent requests of a signature")
    group.add_argument("--batching_parameters_file", type=Path, help="BatchingParameters")
    group.add_argument(
        "--enable_per_model_batching_parameters",
        **_SWITCH,
        help="batch only versions with a batching_params.pbtxt of their own; threads stay shared",
    )
    group.add_argument(
        "--ssl_config_file",
        type=Path,
        help="SSLConfig, for the REST port too*; client_verify makes it mutual TLS",
    )
    group.add_argument(
        "--monitoring_config_file",
        type=Path,
        help="MonitoringConfig: whether Prometheus may read, and which path",
    )


def _add_limits(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--max_message_bytes",
        type=_positive,
        default=64 * 2**20,
        help="* bytes of a request, and of each of its tensors (64 MiB)",
    )
    group.add_argument("--max_batch_rows", type=_positive, default=10_000, help="* rows of a request (10000)")
    group.add_argument(
        "--max_inflight_requests",
        type=_positive,
        default=256,
        help="* requests under way, those that wait for a thread included (256)",
    )
    group.add_argument(
        "--request_threads",
        type=_positive,
        default=2 * _cores(),
        help="* requests that compute at once (two a core)",
    )


def _switch(text: str) -> bool:
    values = {"true": True, "1": True, "false": False, "0": False}
    if text.lower() not in values:
        raise argparse.ArgumentTypeError(f"{text!r} is neither true nor false")
    return values[text.lower()]


# A flag that may stand alone or be set, as `--flag` or `--flag=false`.
_SWITCH: dict[str, Any] = {
    "type": _switch,
    "nargs": "?",
    "const": True,
    "default": False,
    "metavar": "true|false",
}


def _absolute(path: Path) -> Path:
    return Path(os.path.abspath(path))


def _cores() -> int:
    return len(os.sched_getaffinity(0))


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds") from None
    if not 0 <= seconds < math.inf:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds from 0 on")
    return seconds


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
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number") from None
    if not least <= number <= most:
        raise argparse.ArgumentTypeError(f"{number} is not between {least} and {most}")
    return number
