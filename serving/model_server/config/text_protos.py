"""The text protos of `tensorflow_model_server` whose messages tensorflow-serving-api leaves out.

A schema of the same fields reads the same files. It has a pool of its own: a name that another library
registers too would clash in the common one.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory, text_format

from serving.model_server.errors import invalid_argument

_PACKAGE = "model_server"
_Field = descriptor_pb2.FieldDescriptorProto
_INT64 = "int64"
_SCALARS = {_INT64: _Field.TYPE_INT64, "bool": _Field.TYPE_BOOL, "string": _Field.TYPE_STRING}
_REPEATED = "repeated "

# The fields of each message. A wrapped value is written as `max_batch_size { value: 128 }`.
_MESSAGES: Mapping[str, Mapping[str, str]] = {
    "Int64Value": {"value": _INT64},
    "StringValue": {"value": "string"},
    "BoolValue": {"value": "bool"},
    "BatchingParameters": {
        "max_batch_size": "Int64Value",
        "batch_timeout_micros": "Int64Value",
        "max_enqueued_batches": "Int64Value",
        "num_batch_threads": "Int64Value",
        "thread_pool_name": "StringValue",
        "allowed_batch_sizes": _REPEATED + _INT64,
        "pad_variable_length_inputs": "bool",
    },
    "PrometheusConfig": {"enable": "bool", "path": "string"},
    "MonitoringConfig": {"prometheus_config": "PrometheusConfig"},
    "SSLConfig": {
        "server_key": "string",
        "server_cert": "string",
        "custom_ca": "string",
        "client_verify": "bool",
    },
}

METRICS_PATH = "/monitoring/prometheus/metrics"


@dataclass(frozen=True)
class BatchingParameters:
    """How requests become batches, with TensorFlow Serving's defaults.

    Attributes:
      max_batch_size: rows of a batch.
      batch_timeout_seconds: how long a batch waits to be full.
      max_enqueued_batches: how many batches of one signature wait for a thread.
      num_batch_threads: how many batches compute at once.
      allowed_batch_sizes: a batch is filled up to the next of them, if there are any.
      pad_variable_length_inputs: whether rows of different lengths are filled up to the longest.
    """

    max_batch_size: int = 1000
    batch_timeout_seconds: float = 0.0
    max_enqueued_batches: int = 10
    num_batch_threads: int = 1
    allowed_batch_sizes: tuple[int, ...] = ()
    pad_variable_length_inputs: bool = False


@dataclass(frozen=True)
class TlsConfig:
    """Certificates, as PEM.

    Attributes:
      key: the private key of the server.
      certificate: its certificate, and those between it and a root.
      client_roots: who signs the certificates of clients.
      verify_clients: whether a client must have a certificate.
    """

    key: bytes
    certificate: bytes
    client_roots: bytes | None
    verify_clients: bool


def read_batching(file: Path | None, cores: int) -> BatchingParameters:
    """Reads `--batching_parameters_file`.

    Args:
      file: the file, or None for the defaults.
      cores: how many batches compute at once if the file does not set it.

    Raises:
      ServingError: the file is wrong.
    """
    if file is None:
        return BatchingParameters(num_batch_threads=cores)
    flag = f"--batching_parameters_file {file}"
    message = _read(file, "BatchingParameters", "--batching_parameters_file")
    defaults = BatchingParameters(num_batch_threads=cores)

    def number(name: str, default: int, least: int) -> int:
        value: int = getattr(message, name).value if message.HasField(name) else default
        if value < least:
            raise invalid_argument(f"{flag}: {name} must be at least {least}; was {value}")
        return value

    largest = number("max_batch_size", defaults.max_batch_size, 1)
    allowed = tuple(message.allowed_batch_sizes)
    if allowed and (list(allowed) != sorted(set(allowed)) or allowed[0] < 1):
        raise invalid_argument(f"{flag}: allowed_batch_sizes entries must be monotonically increasing")
    if allowed and allowed[-1] != largest:
        raise invalid_argument(
            f"{flag}: Last entry in allowed_batch_sizes must match max_batch_size; last was {allowed[-1]}; "
            f"expected {largest}"
        )
    return BatchingParameters(
        max_batch_size=largest,
        batch_timeout_seconds=number("batch_timeout_micros", 0, 0) / 1e6,
        max_enqueued_batches=number("max_enqueued_batches", defaults.max_enqueued_batches, 1),
        num_batch_threads=number("num_batch_threads", cores, 1),
        allowed_batch_sizes=allowed,
        pad_variable_length_inputs=message.pad_variable_length_inputs,
    )


def read_metrics_path(file: Path) -> str | None:
    """Reads `--monitoring_config_file`: the path of Prometheus' page, if it is on.

    Raises:
      ServingError: the file is wrong.
    """
    prometheus = _read(file, "MonitoringConfig", "--monitoring_config_file").prometheus_config
    return (prometheus.path or METRICS_PATH) if prometheus.enable else None


def read_tls(file: Path) -> TlsConfig:
    """Reads `--ssl_config_file`.

    Raises:
      ServingError: the file is wrong.
    """
    message = _read(file, "SSLConfig", "--ssl_config_file")
    if not message.server_key or not message.server_cert:
        raise invalid_argument(f"--ssl_config_file {file}: server_key and server_cert must be there, as PEM")
    if message.client_verify and not message.custom_ca:
        raise invalid_argument(f"--ssl_config_file {file}: client_verify needs custom_ca, the clients' roots")
    roots = message.custom_ca.encode() or None
    return TlsConfig(message.server_key.encode(), message.server_cert.encode(), roots, message.client_verify)


def _read(file: Path, name: str, flag: str) -> Any:
    try:
        return text_format.Parse(file.read_bytes(), _CLASSES[name]())
    except (OSError, text_format.ParseError, UnicodeDecodeError) as problem:
        raise invalid_argument(f"{flag} {file} is not a text-format {name}: {problem}") from problem


def _classes() -> dict[str, Any]:
    file = descriptor_pb2.FileDescriptorProto(name=f"{_PACKAGE}.proto", package=_PACKAGE, syntax="proto3")
    for name, fields in _MESSAGES.items():
        message = file.message_type.add(name=name)
        for number, (field, kind) in enumerate(fields.items(), start=1):
            added = message.field.add(name=field, number=number, label=_Field.LABEL_OPTIONAL)
            if kind.startswith(_REPEATED):
                added.label = _Field.LABEL_REPEATED
            scalar = _SCALARS.get(kind.removeprefix(_REPEATED))
            if scalar is None:
                added.type, added.type_name = _Field.TYPE_MESSAGE, f".{_PACKAGE}.{kind}"
            else:
                added.type = scalar
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    # Protobuf 4 replaced the factory by a function.
    if hasattr(message_factory, "GetMessageClass"):
        make = message_factory.GetMessageClass
    else:
        make = message_factory.MessageFactory(pool).GetPrototype
    return {name: make(pool.FindMessageTypeByName(f"{_PACKAGE}.{name}")) for name in _MESSAGES}


_CLASSES = _classes()
