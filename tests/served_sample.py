"""The models of the sample run behind a model server, for the tests of the web application."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.contract.model_server.servers import running
from tests.pipeline_run import SERVABLES, PipelineRun

OLD, NEW = 1, 2
# Requests that warm a version up, which takes longer than the few of the tests.
_WITHOUT = shutil.ignore_patterns("tf_serving_warmup_requests")


@dataclass(frozen=True)
class ServedSample:
    """A server that answers.

    Attributes:
      address: of gRPC.
      models: the folder that it serves, with catalogues and manifests.
      raw: the folder of the raw data.
    """

    address: str
    models: Path
    raw: Path


@contextmanager
def serve_sample(run: PipelineRun, folder: Path) -> Iterator[ServedSample]:
    """Serves copies of the newest versions, all as version 2, and the recommender as version 1 too."""
    models = folder / "serving"
    for name in SERVABLES:
        shutil.copytree(run.model(name), models / name / str(NEW), ignore=_WITHOUT)
    shutil.copytree(run.model("recommender"), models / "recommender" / str(OLD), ignore=_WITHOUT)
    shutil.copytree(run.output / "report", folder / "report")
    labels = (
        "model_version_policy { all {} } "
        f'version_labels {{ key: "stable" value: {OLD} }} version_labels {{ key: "canary" value: {NEW} }}'
    )
    entries = [
        f'config {{ name: "{name}" base_path: "{models / name}" model_platform: "tensorflow" '
        f"{labels if name == 'recommender' else ''} }}"
        for name in SERVABLES
    ]
    config = folder / "models.config"
    config.write_text(f"model_config_list {{ {' '.join(entries)} }}")
    flags = [f"--model_config_file={config}", "--allow_version_labels_for_unavailable_models=true"]
    [raw] = run.output.glob("sample-*")
    with running(folder, flags) as server:
        yield ServedSample(f"localhost:{server.grpc_port}", models, raw)
