"""A run put together from its artifacts alone, where no metadata store can be read: on Kubeflow."""

import posixpath
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from tfx import types
from tfx.dsl.io import fileio
from tfx.utils import io_utils

from contracts.artifacts import PUSHED_PREFIX, SERVED_MODEL
from contracts.signatures import SERVABLES
from reports.reading.run_data import Artifact, Node, NodeState, Run, Scalar

# The outputs that the report reads, whichever node gives them out.
REPORTED_CHANNELS: Final = (
    "examples",
    "statistics",
    "schema",
    "anomalies",
    "gate_result",
    "tuner_results",
    "model",
    "model_run",
    SERVED_MODEL,
    "evaluation",
    "blessing",
    "infra_blessing",
    *(PUSHED_PREFIX + servable for servable in SERVABLES),
)
# Between the id of a node and the name of its channel, in the name of an input of `ReportGen`.
_SEPARATOR: Final = "__"
# Kubeflow puts an artifact at most this deep below the folder of the run: task, attempt, channel.
_DEPTH: Final = 3


def input_key(node_id: str, channel: str) -> str:
    """The name of the input that carries a node's output."""
    return f"{node_id}{_SEPARATOR}{channel}"


def run_of_artifacts(
    inputs: Mapping[str, Sequence[types.Artifact]],
    report_uri: str,
    about: Mapping[str, Any],
    failure: str,
    copies: Path,
) -> Run:
    """The run as far as its artifacts describe it: no seconds, no cache hits, no properties of executions.

    Args:
      inputs: artifacts by `input_key`. Where there are none, as in an exit handler, what lies beside the
        report in the folder of the run is taken.
      report_uri: folder of the report.
      about: as in `reports.reading.run_data.ABOUT`.
      failure: as of `Run`.
      copies: a folder on this machine that remote artifacts are copied to.
    """
    run_folder = _run_folder(report_uri, about["nodes"])
    outputs: dict[str, dict[str, tuple[Artifact, ...]]] = {}
    found = list(_given(inputs)) or list(_beside(run_folder, about["nodes"]))
    for number, (node_id, channel, artifact) in enumerate(found):
        local = _on_this_machine(artifact, copies / str(number))
        outputs.setdefault(node_id, {})[channel] = (local,)
    return Run(
        id=posixpath.basename(run_folder),
        pipeline_name=str(about["config"]["pipeline_name"]),
        output=Path(run_folder),
        nodes=tuple(
            Node(
                id=node_id,
                state=NodeState.DONE if node_id in outputs else NodeState.NOT_RUN,
                outputs=outputs.get(node_id, {}),
            )
            for node_id in sorted(about["nodes"], key=lambda node_id: node_id not in outputs)
        ),
        data_name=posixpath.basename(str(about["config"]["data_dir"]).rstrip("/")),
        synthetic=False,  # The embedded sample is for local runs.
        config=about["config"],
        planned={node_id: tuple(inputs) for node_id, inputs in about.get("planned", {}).items()},
        failure=failure,
    )


def _given(inputs: Mapping[str, Sequence[types.Artifact]]) -> Iterator[tuple[str, str, Artifact]]:
    for key, artifacts in inputs.items():
        node_id, _, channel = key.partition(_SEPARATOR)
        for artifact in artifacts:
            yield (
                node_id,
                channel,
                Artifact(artifact.id, artifact.type_name, artifact.uri, _scalars(artifact)),
            )


def _scalars(artifact: types.Artifact) -> dict[str, Scalar]:
    values: dict[str, Scalar] = {}
    for properties in (artifact.mlmd_artifact.properties, artifact.mlmd_artifact.custom_properties):
        for name, value in properties.items():
            kind = value.WhichOneof("value")
            if kind in ("int_value", "double_value", "string_value"):
                values[name] = getattr(value, kind)
    return values


def _beside(run_folder: str, node_ids: Iterable[str]) -> Iterator[tuple[str, str, Artifact]]:
    """What the tasks of a run left in `<run>/<node>/.../<channel>`, the places that Kubeflow chooses."""
    for node_id in node_ids:
        for task in _children(run_folder):
            if _is_task_of(node_id, task):
                for folder in _artifact_folders(posixpath.join(run_folder, task), _DEPTH - 1):
                    yield node_id, posixpath.basename(folder), Artifact(0, "", folder)


def _artifact_folders(folder: str, depth: int) -> Iterator[str]:
    for name in _children(folder):
        path = posixpath.join(folder, name)
        if name.startswith(".") or not fileio.isdir(path):
            continue
        if name in REPORTED_CHANNELS:
            yield path
        elif depth > 1:
            yield from _artifact_folders(path, depth - 1)


def _run_folder(report_uri: str, node_ids: Sequence[str]) -> str:
    """The folder above `report_uri` that the tasks' folders are in; that of the report if there is none."""
    folder = report_uri.rstrip("/")
    for _ in range(_DEPTH):
        folder = posixpath.dirname(folder)
        if any(_is_task_of(node_id, task) for task in _children(folder) for node_id in node_ids):
            return folder
    return posixpath.dirname(report_uri.rstrip("/"))


def _is_task_of(node_id: str, folder: str) -> bool:
    # Vertex AI appends the number of the task.
    return folder == node_id or folder.startswith(f"{node_id}_")


def _children(folder: str) -> list[str]:
    # Object stores end the names of folders with a slash.
    return [name.rstrip("/") for name in fileio.listdir(folder)] if fileio.exists(folder) else []


def _on_this_machine(artifact: Artifact, copy: Path) -> Artifact:
    if "://" not in artifact.uri:
        return artifact
    io_utils.copy_dir(artifact.uri, str(copy))
    return Artifact(artifact.id, artifact.type_name, str(copy), artifact.properties)
