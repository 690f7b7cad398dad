"""The pushed models behind two model servers, and the client alone in an environment of its own."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.contract.model_server.servers import running
from tests.pipeline_run import MODELS, PROJECT, SERVABLES, PipelineRun


def entry(name: str, base_path: Path, more: str = "") -> str:
    return f'config {{ name: "{name}" base_path: "{base_path}" model_platform: "tensorflow" {more} }}'


@pytest.fixture(scope="session")
def servers(sample_run: PipelineRun, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mapping[str, str]]:
    """Addresses: `all` has the models as they were pushed, `stages` without the recommender, `labels` two
    versions of retrieval alone."""
    folder = tmp_path_factory.mktemp("servers")
    for version in ("1", "2"):
        shutil.copytree(sample_run.model("retrieval"), folder / "retrieval" / version)
    served = {name: entry(name, sample_run.output / "serving" / name) for name in SERVABLES}
    stages = " ".join(served[name] for name in MODELS)
    labels = entry(
        "retrieval",
        folder / "retrieval",
        "model_version_policy { all {} } "
        'version_labels { key: "stable" value: 1 } version_labels { key: "canary" value: 2 }',
    )
    with ExitStack() as stack:
        addresses = {}
        for name, config in (("all", " ".join(served.values())), ("stages", stages), ("labels", labels)):
            (folder / name).mkdir()
            file = folder / name / "models.config"
            file.write_text(f"model_config_list {{ {config} }}")
            flags = [f"--model_config_file={file}", "--allow_version_labels_for_unavailable_models=true"]
            server = stack.enter_context(running(folder / name, flags))
            addresses[name] = f"localhost:{server.grpc_port}"
        yield addresses


@pytest.fixture(scope="session")
def light_python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Python of an environment in which the client is installed, with what it needs and no more."""
    folder = tmp_path_factory.mktemp("light")
    found = subprocess.run([PROJECT / "requirements" / "find_uv.sh"], capture_output=True, check=True)
    uv = found.stdout.decode().strip()
    python = folder / "environment" / "bin" / "python"
    tfx = "1.16" if sys.version_info < (3, 11) else "1.21"
    lock = PROJECT / "requirements" / f"tfx-{tfx}.txt"
    # Build leftovers of the sources would be taken into the package.
    for package in ("contracts", "serving"):
        shutil.copytree(PROJECT / package, folder / package, ignore=shutil.ignore_patterns("__pycache__"))
    environment = {**os.environ, "VIRTUAL_ENV": str(folder / "environment")}
    for command in (
        ["venv", "--no-project", "--python", sys.executable, folder / "environment"],
        ["pip", "install", "--constraint", lock, folder / "serving"],
    ):
        done = subprocess.run([uv, *command], env=environment, cwd=folder, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
    return python
