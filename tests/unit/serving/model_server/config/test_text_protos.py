"""The text protos for batching, monitoring and TLS."""

from pathlib import Path

import pytest

from serving.model_server.config.text_protos import (
    METRICS_PATH,
    BatchingParameters,
    TlsConfig,
    read_batching,
    read_metrics_path,
    read_tls,
)
from serving.model_server.errors import ModelServerError


def _file(tmp_path: Path, text: str) -> Path:
    (tmp_path / "some.config").write_text(text)
    return tmp_path / "some.config"


def test_batching_has_the_defaults_of_tensorflow_serving() -> None:
    assert read_batching(None, 4) == BatchingParameters(1000, 0.0, 10, 4, (), False)


def test_every_batching_parameter_is_read(tmp_path: Path) -> None:
    text = """
        max_batch_size { value: 16 }   # rows
        batch_timeout_micros { value: 2500 }
        max_enqueued_batches { value: 7 }
        num_batch_threads { value: 3 }
        thread_pool_name { value: "pool" }
        allowed_batch_sizes: 4
        allowed_batch_sizes: 16
        pad_variable_length_inputs: true
    """
    assert read_batching(_file(tmp_path, text), 4) == BatchingParameters(16, 0.0025, 7, 3, (4, 16), True)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("max_batch_size: 16", "BatchingParameters"),
        ("max_batch_size { value: 0 }", "max_batch_size must be at least 1; was 0"),
        ("allowed_batch_sizes: 8 allowed_batch_sizes: 4", "monotonically increasing"),
        (
            "max_batch_size { value: 8 } allowed_batch_sizes: 4",
            "last was 4; expected 8",
        ),
    ],
)
def test_wrong_batching_parameters_are_named(tmp_path: Path, text: str, complaint: str) -> None:
    with pytest.raises(ModelServerError, match="--batching_parameters_file") as caught:
        read_batching(_file(tmp_path, text), 4)
    assert complaint in caught.value.message


def test_metrics_are_on_where_the_file_enables_them(tmp_path: Path) -> None:
    assert read_metrics_path(_file(tmp_path, "")) is None
    assert read_metrics_path(_file(tmp_path, "prometheus_config { enable: true }")) == METRICS_PATH
    assert read_metrics_path(_file(tmp_path, 'prometheus_config { enable: true path: "/m" }')) == "/m"


def test_certificates_are_read(tmp_path: Path) -> None:
    text = 'server_key: "K" server_cert: "C" custom_ca: "R" client_verify: true'
    assert read_tls(_file(tmp_path, text)) == TlsConfig(b"K", b"C", b"R", True)
    for wrong in ('server_key: "K"', 'server_key: "K" server_cert: "C" client_verify: true'):
        with pytest.raises(ModelServerError, match="--ssl_config_file"):
            read_tls(_file(tmp_path, wrong))
    with pytest.raises(ModelServerError, match="--ssl_config_file"):
        read_tls(tmp_path / "missing")
