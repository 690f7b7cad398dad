"""One server for the tests that change nothing about it, and the toy models that it serves."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.contract.model_server.servers import STOCK_SERVER, Server, running
from tests.contract.model_server.toy_models import publish, save_toy

MONITORING = "prometheus_config { enable: true path: '/monitoring/prometheus/metrics' }"


@pytest.fixture(scope="session")
def toys(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Two SavedModels, which add 1 and 2."""
    folder = tmp_path_factory.mktemp("toys")
    return save_toy(folder / "one", 1.0), save_toy(folder / "two", 2.0)


@pytest.fixture
def own_server_only() -> None:
    if STOCK_SERVER:
        pytest.skip("checks what only the local model server has; TENSORFLOW_MODEL_SERVER names another")


@pytest.fixture(scope="session")
def server(toys: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """`toy` with versions 1 and 2 and labels, and `newest` with the last of two."""
    folder = tmp_path_factory.mktemp("server")
    for number, toy in enumerate(toys, start=1):
        publish(toy, folder / "toy", number)
        publish(toy, folder / "newest", number)
    config = f"""
        model_config_list {{
          config {{
            name: "toy" base_path: "{folder}/toy" model_platform: "tensorflow"
            model_version_policy {{ all {{}} }}
            version_labels {{ key: "stable" value: 1 }}
            version_labels {{ key: "canary" value: 2 }}
          }}
          config {{ name: "newest" base_path: "{folder}/newest" model_platform: "tensorflow" }}
        }}"""
    (folder / "models.config").write_text(config)
    (folder / "monitoring.config").write_text(MONITORING)
    flags = [
        f"--model_config_file={folder}/models.config",
        f"--monitoring_config_file={folder}/monitoring.config",
        "--allow_version_labels_for_unavailable_models=true",
        "--rest_api_enable_cors_support=true",
    ]
    own_flags = ["--max_batch_rows=500", "--max_message_bytes=1000000"]
    with running(folder, flags, own_flags) as started:
        yield started
